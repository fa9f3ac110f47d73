//! `estimate`: from fits and targets to GPUs.

use super::artifacts::{Artifacts, Runs};
use super::output::Document;
use super::stage::{Origin, Stage};
use crate::measure::{LevelMetrics, Metric};
use crate::sizing::{
    AddedMethod, Alternative, Assessment, Certainty, Diagnosis, Fits, Load, Margin, MeasuredSweep,
    Plan, PreparedModel, Question, Rig, Target,
};
use crate::spec::{
    CountFailures, EstimateSpec, Seconds, Share, Spec, TargetSets, Targets, TestRig,
};
use crate::study::PipelineError;
use crate::study::producer::Producer;
use crate::study::services::Services;
use crate::study::spec_files::SpecFiles;
use serde::{Serialize, Serializer};

pub(super) struct Estimate;

/// The questions put to the levels.
#[derive(Serialize)]
pub(in crate::study) struct EstimateSlice {
    targets: TargetSets,
    /// Not what was asked while the levels were measured, which is in the levels.
    test: TestRig,
    counts_users: bool,
    #[serde(serialize_with = "in_words")]
    levels: Plan,
    estimate: AnswerSlice,
    #[serde(skip)]
    added: Option<AddedMethod>,
}

#[derive(Serialize)]
struct AnswerSlice {
    confidence: f64,
    headroom: Share,
    spares: u32,
    count_failures: CountFailures,
    seed: u64,
    /// Version of a method that was added. Its name is in the fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    method_version: Option<u32>,
}

fn in_words<S: Serializer>(plan: &Plan, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(plan)
}

/// The evidence behind an estimate.
pub(super) struct EstimateInputs<'a> {
    levels: Vec<LevelMetrics>,
    fits: Fits,
    runs: Runs<'a>,
}

impl Stage for Estimate {
    type Distinction = ();
    type Slice = EstimateSlice;
    type Inputs<'a> = EstimateInputs<'a>;
    type Output = Document<Assessment>;
    const VERSION: u32 = 25;

    fn of((): (), _: Origin<'_>) -> Self {
        Self
    }

    fn slice(&self, files: &SpecFiles) -> Result<EstimateSlice, PipelineError> {
        Ok(EstimateSlice::of(&files.spec))
    }

    fn inputs<'a>(
        &self,
        artifacts: &'a Artifacts<'_>,
    ) -> Result<EstimateInputs<'a>, PipelineError> {
        let (levels, fits) = (artifacts.levels()?, artifacts.fits()?);
        Ok(EstimateInputs { levels, fits, runs: artifacts.runs() })
    }

    async fn run(
        &self,
        slice: &EstimateSlice,
        inputs: Self::Inputs<'_>,
        _: &Services,
    ) -> Result<Document<Assessment>, PipelineError> {
        estimate(slice, inputs).map(Document)
    }
}

fn estimate(
    slice: &EstimateSlice,
    EstimateInputs { levels, fits, runs }: EstimateInputs<'_>,
) -> Result<Assessment, PipelineError> {
    let main = slice.main_question();
    let mut measured = MeasuredSweep::of(levels);
    let asked = !main.targets.is_empty() || !slice.targets.others().is_empty();
    // Also without a target: how the rig answers to load is the same whatever is asked.
    if asked || measured.levels().len() >= Diagnosis::FEWEST_LEVELS {
        observe(&mut measured, runs, &main.main_limits())?;
    }
    let prepared = slice.prepare(&measured, &fits);
    let mut assessment = prepared.assess(&main);
    let others = slice.targets.others().iter().enumerate();
    assessment.alternatives = others
        .map(|(index, targets)| {
            let (estimates, gpus) = prepared.answer(&slice.question(targets));
            let name = targets.name.clone().unwrap_or_else(|| format!("set {}", index + 2));
            Alternative { name, estimates, gpus }
        })
        .collect();
    Ok(assessment)
}

impl EstimateSlice {
    /// Cuts it out of a spec.
    pub fn of(spec: &Spec) -> Self {
        let EstimateSpec { confidence, headroom, spares, count_failures, seed, .. } = spec.estimate;
        let added = spec.added_method().cloned();
        Self {
            targets: spec.targets.clone(),
            test: TestRig { scrape: None, ..spec.test.clone() },
            counts_users: spec.concurrency.counts_users(),
            levels: Producer::of(spec).plan(),
            estimate: AnswerSlice {
                confidence,
                headroom,
                spares,
                count_failures,
                seed,
                method_version: added.as_ref().map(|added| added.version),
            },
            added,
        }
    }

    /// The model of what was measured, with failed runs counted as the spec wants it.
    pub fn prepare<'a>(&self, measured: &'a MeasuredSweep, fits: &'a Fits) -> PreparedModel<'a> {
        let as_over_limit = self.estimate.count_failures == CountFailures::AsOverLimit;
        measured.prepare_by(self.added.as_ref(), fits, as_over_limit)
    }

    /// The question of the set of targets that counts.
    pub fn main_question(&self) -> Question {
        self.question(&self.targets.main())
    }

    /// The question of such targets, in the words of the estimator.
    pub fn question(&self, targets: &Targets) -> Question {
        let loads = loads(targets);
        let targets = Metric::ALL.iter().flat_map(|&metric| {
            let limits = targets.limits(metric).into_iter().flatten();
            limits.map(move |(quantile, limit)| Target { metric, quantile, limit })
        });
        Question {
            targets: targets.collect(),
            loads,
            rig: Rig {
                gpu_count: self.test.gpu_count,
                gpus_per_replica: self.test.gpus_per_replica,
                cost_per_gpu_hour: self.test.cost_per_gpu_hour,
            },
            margin: Margin { headroom: self.estimate.headroom.get(), spares: self.estimate.spares },
            certainty: Certainty {
                confidence: self.estimate.confidence,
                seed: self.estimate.seed,
                ..Certainty::default()
            },
            counts_users: self.counts_users,
            plan: self.levels.clone(),
        }
    }
}

/// Adds the runs of all levels, and how they stand against limits. A level's runs are opened and
/// verified once for both.
pub(in crate::study) fn observe(
    measured: &mut MeasuredSweep,
    runs: Runs<'_>,
    limits: &[(Metric, f64)],
) -> Result<(), PipelineError> {
    let levels: Vec<u32> = measured.levels().iter().map(|level| level.concurrency).collect();
    for concurrency in levels {
        runs.at(concurrency, |runs| {
            if !limits.is_empty() {
                measured.compare(concurrency, runs, limits)?;
            }
            measured.observe(concurrency, runs, runs.around())
        })?;
    }
    Ok(())
}

fn loads(targets: &Targets) -> Vec<Load> {
    let think = targets.think_time.map_or(0.0, Seconds::get);
    let users = targets.users.map(|users| Load::Users { users, think });
    let rate = targets.request_rate.map(|per_second| Load::Rate { per_second });
    users.into_iter().chain(rate).collect()
}
