//! A rig's sweep by sizer's own planner and load generator, and sizer's own estimate from it.

use super::agent::Agent;
use super::{Scenario, Trouble};
use sizer::estimates::{MethodName, Plan};
use sizer::extend::{
    LevelPlan, LoadPoint, Local, Pacing, Recorder, RedactedWorkflow, Segment, Window, Workload,
};
use sizer::internal::{AdaptivePlan, SweepBudget, next_level};
use sizer::pipeline::CancellationToken;
use sizer::{
    Certainty, Estimate, Evidence, Executor, FitOptions, Item, Job, LevelMetrics, Load, Margin,
    MeasuredSweep, Metric, Quantile, Question, Rig, Run, Target,
};
use std::sync::Arc;

/// What was measured.
pub struct Swept {
    /// The levels, in the order in which they were measured.
    pub levels: Vec<LevelMetrics>,
    measured: MeasuredSweep,
}

fn target(scenario: &Scenario) -> Target {
    Target { metric: Metric::WorkflowRuntime, quantile: Quantile::P95, limit: scenario.limit }
}

/// A level that is warmed up and kept loaded.
pub fn level(scenario: &Scenario, concurrency: u32, runs: usize) -> LevelPlan {
    LevelPlan {
        point: LoadPoint::InFlight(concurrency),
        pacing: Pacing::default(),
        ramp: 0.0,
        seed: scenario.seed,
        workload: Workload {
            items: vec![Item { id: "0".into(), ..Item::default() }],
            warmup: concurrency as usize,
            window: Window::Runs(runs),
            keep_loaded: true,
            tolerated: 0.0,
        },
        segment: Segment::WHOLE,
    }
}

/// The next level as `levels: adaptive` chooses it, with so many times the limit to spend.
pub fn adaptive(
    scenario: &Scenario,
    budget: f64,
) -> impl Fn(&[LevelMetrics]) -> Option<LevelPlan> + use<'_> {
    let plan = AdaptivePlan {
        start: 1,
        max: 1024,
        budget: Some(SweepBudget::Seconds(budget * scenario.limit)),
        targets: vec![target(scenario)],
    };
    move |levels| {
        let next = next_level(&plan, &Evidence::of_levels(levels, MethodName::default()))?;
        Some(level(scenario, next.concurrency, next.runs))
    }
}

/// Measures level after level, each as `next` says after those before it.
pub fn sweep(
    scenario: &Scenario,
    trouble: Arc<dyn Trouble>,
    next: &dyn Fn(&[LevelMetrics]) -> Option<LevelPlan>,
) -> Option<Swept> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .ok()?;
    let (mut levels, mut measured) = (Vec::new(), MeasuredSweep::default());
    runtime.block_on(async {
        let agent = Arc::new(Agent::start(scenario, trouble));
        while let Some(plan) = next(&levels) {
            let concurrency = plan.point.level()?;
            agent.begin_level(levels.len(), &plan);
            let workflow = Arc::new(RedactedWorkflow::without_secrets(agent.clone()));
            let cancel = CancellationToken::new();
            let (on_run, recorder) = (Arc::new(|_: &Run| {}), Recorder::in_memory());
            let job = Job { plan, workflow, scraper: None, cancel: &cancel, on_run, recorder };
            let recording = Local.measure(job).await.ok()?.into_recording();
            measured.add(concurrency, &recording, 0.0);
            let added = measured.levels().iter().find(|level| level.concurrency == concurrency);
            levels.extend(added.cloned());
        }
        Some(())
    })?;
    Some(Swept { levels, measured })
}

/// What sizer says of it.
pub fn estimate(scenario: &Scenario, swept: &Swept) -> Option<Estimate> {
    let fits = swept.measured.fits(FitOptions::default());
    let question = Question {
        targets: vec![target(scenario)],
        loads: vec![Load::Users { users: u64::from(scenario.users), think: 0.0 }],
        rig: Rig {
            gpu_count: Some(scenario.rig_replicas * scenario.gpus_per_replica),
            gpus_per_replica: scenario.gpus_per_replica,
            cost_per_gpu_hour: None,
        },
        margin: Margin::default(),
        certainty: Certainty { confidence: 0.9, resamples: 1000, seed: 0 },
        counts_users: false,
        plan: Plan::default(),
    };
    let (estimates, _) = swept.measured.prepare(&fits, false).answer(&question);
    estimates.into_iter().next()
}
