//! `estimate`: from fits and targets to GPUs.

use super::Artifacts;
use super::artifacts::to_document;
use super::stage::{Making, Stage, ready};
use crate::measure::{AgainstLimits, LevelMetrics, Metric};
use crate::pipeline::context::Context;
use crate::pipeline::{PipelineError, StageId};
use crate::sizing::{
    Alternative, Certainty, Diagnosis, Evidence, Fits, Load, Margin, ObservedLevel, Plan, Question,
    Rig, Target, assess,
};
use crate::spec::{
    Concurrency, CountFailures, EstimateSpec, Levels, Limit, Seconds, Spec, Targets, WorkflowSpec,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Enough for the ends of an interval to stay where they are, few enough for milliseconds.
const RESAMPLES: usize = 1000;

pub(super) struct EstimateStage;

impl Stage for EstimateStage {
    fn version(&self) -> u32 {
        14
    }

    fn reads(&self, context: &Context<'_>) -> Result<Value, PipelineError> {
        // Not what was asked while the levels were measured, which is in the levels.
        let test = crate::spec::TestRig { scrape: None, ..context.spec.test.clone() };
        let EstimateSpec { confidence, headroom, spares, count_failures, seed, .. } =
            &context.spec.estimate;
        Ok(json!({
            "targets": context.spec.targets,
            "test": test,
            "counts_users": context.spec.concurrency.counts_users(),
            "levels": plan(context.spec).to_string(),
            "estimate": {
                "confidence": confidence, "headroom": headroom, "spares": spares,
                "count_failures": count_failures, "seed": seed,
            },
        }))
    }

    fn run<'a>(&'a self, context: &'a Context<'_>, artifacts: &'a Artifacts<'_>) -> Making<'a> {
        ready(estimate(context.spec, artifacts))
    }
}

fn estimate(spec: &Spec, artifacts: &Artifacts<'_>) -> Result<Vec<u8>, PipelineError> {
    let main = question(spec, &spec.targets.main());
    let (levels, fits) = (artifacts.levels()?, artifacts.fits()?);
    let mut against = BTreeMap::new();
    let asked = !main.targets.is_empty() || !spec.targets.others().is_empty();
    // Also without a target: how the rig answers to load is the same whatever is asked.
    let observed = if asked || levels.len() >= Diagnosis::FEWEST_LEVELS {
        observe(&levels, artifacts, &main.main_limits(), &mut against)?
    } else {
        BTreeMap::new()
    };
    let evidence = evidence(spec, &levels, &fits, &observed);
    let mut assessment = assess(&main, &evidence, &against);
    let others = spec.targets.others().iter().enumerate();
    assessment.alternatives = others
        .map(|(index, targets)| {
            let (estimates, gpus) = evidence.answer(&question(spec, targets));
            let name = targets.name.clone().unwrap_or_else(|| format!("set {}", index + 2));
            Alternative { name, estimates, gpus }
        })
        .collect();
    to_document(&StageId::Estimate, &assessment)
}

/// What levels say, with failed runs counted as the spec wants it.
pub(in crate::pipeline) fn evidence<'a>(
    spec: &Spec,
    levels: &'a [LevelMetrics],
    fits: &'a Fits,
    observed: &'a BTreeMap<u32, ObservedLevel>,
) -> Evidence<'a> {
    let counted = spec.estimate.count_failures == CountFailures::AsOverLimit;
    Evidence::with_failures(levels, fits, observed, counted)
}

/// The runs of all levels, and how they stand against limits. A level's runs are opened and verified
/// once for both.
pub(in crate::pipeline) fn observe(
    levels: &[LevelMetrics],
    artifacts: &Artifacts<'_>,
    limits: &[(Metric, f64)],
    against: &mut BTreeMap<u32, AgainstLimits>,
) -> Result<BTreeMap<u32, ObservedLevel>, PipelineError> {
    let mut observed = BTreeMap::new();
    for concurrency in levels.iter().map(|level| level.concurrency) {
        artifacts.runs(concurrency, |runs| {
            if !limits.is_empty() {
                against.insert(concurrency, AgainstLimits::of(runs, limits)?);
            }
            observed.insert(concurrency, ObservedLevel::of(concurrency, runs, runs.around())?);
            Ok(())
        })?;
    }
    Ok(observed)
}

fn loads(targets: &Targets) -> Vec<Load> {
    let think = targets.think_time.map_or(0.0, Seconds::get);
    let users = targets.users.map(|users| Load::Users { users, think });
    let rate = targets.request_rate.map(|per_second| Load::Rate { per_second });
    users.into_iter().chain(rate).collect()
}

/// How further levels of a spec come about.
fn plan(spec: &Spec) -> Plan {
    if matches!(spec.workflow, WorkflowSpec::Recorded(_)) {
        return Plan::Recorded;
    }
    if spec.concurrency.levels != Levels::Adaptive {
        return Plan::Listed(spec.concurrency.levels.values());
    }
    let Concurrency { start, max, budget, .. } = &spec.concurrency;
    let keys = [("start", start.is_some()), ("max", max.is_some()), ("budget", budget.is_some())];
    Plan::Adaptive(keys.into_iter().filter(|(_, set)| *set).map(|(key, _)| key).collect())
}

/// What a spec with such targets asks, in the words of the estimator.
pub(in crate::pipeline) fn question(spec: &Spec, targets: &Targets) -> Question {
    let loads = loads(targets);
    let targets = Metric::ALL.iter().flat_map(|&metric| {
        let limits = targets.limit(metric).into_iter().flat_map(Limit::iter);
        limits.map(move |(quantile, limit)| Target { metric, quantile, limit })
    });
    Question {
        targets: targets.collect(),
        loads,
        rig: Rig {
            gpu_count: spec.test.gpu_count,
            gpus_per_replica: spec.test.gpus_per_replica,
            cost_per_gpu_hour: spec.test.cost_per_gpu_hour,
        },
        margin: Margin { headroom: spec.estimate.headroom.get(), spares: spec.estimate.spares },
        certainty: Certainty {
            confidence: spec.estimate.confidence,
            resamples: RESAMPLES,
            seed: spec.estimate.seed,
        },
        counts_users: spec.concurrency.counts_users(),
        plan: plan(spec),
    }
}
