//! The goal of an adaptive sweep.

use super::stages::EstimateSlice;
use crate::measure::{LevelMetrics, SearchGoal};
use crate::sizing::{AdaptivePlan, Evidence, Search, SweepBudget, WindowSize};
use crate::spec::{Budget, Spec, WindowSpec};

/// The search of a spec's adaptive sweep; `None` if its levels are fixed.
pub(super) fn search_of(spec: &Spec) -> Option<Search> {
    let load = &spec.concurrency;
    let plan = load.levels.adaptive().map(|bounds| AdaptivePlan {
        start: bounds.first(),
        max: bounds.highest(),
        budget: bounds.budget.map(|budget| match budget {
            Budget::Runs(runs) => SweepBudget::Runs(runs as f64),
            Budget::Seconds(seconds) => SweepBudget::Seconds(seconds.get()),
        }),
        targets: EstimateSlice::of(spec).main_question().targets,
    })?;
    let wanted = match load.window {
        WindowSpec::Runs(runs) => WindowSize::Runs(f64::from(runs)),
        WindowSpec::Passes(passes) => WindowSize::Waves(f64::from(passes)),
        WindowSpec::Duration(duration) => WindowSize::Seconds(duration.get()),
        WindowSpec::Until(until) => {
            WindowSize::Precision { width: until.p95_within.get(), most: f64::from(until.at_most) }
        }
        WindowSpec::Open => WindowSize::Planned,
    };
    Some(Search { asked: asked(spec, &plan), plan, wanted, added: spec.added_method().cloned() })
}

/// The evidence that the search of a spec goes by: the levels that were measured so far.
pub(super) fn evidence<'a>(spec: &Spec, measured: &'a [LevelMetrics]) -> Evidence<'a> {
    Evidence::of_levels(measured, spec.estimate.method)
}

/// The mark by which levels of this search are told from those of others.
fn asked(spec: &Spec, plan: &AdaptivePlan) -> SearchGoal {
    const WINDOW: [&str; 4] = ["passes", "runs", "duration", "until"];
    let limits = plan
        .targets
        .iter()
        .map(|it| format!("{} {} {}", it.metric, it.metric.quantile(it.quantile), it.limit));
    let load = serde_json::json!(spec.concurrency);
    let said = |key: &str| load.get(key).filter(|value| !value.is_null()).map(ToString::to_string);
    let window = WINDOW.iter().filter_map(|key| Some(format!("{key} {}", said(key)?)));
    SearchGoal {
        targets: limits.collect::<Vec<_>>().join(", "),
        budget: said("budget").unwrap_or_default(),
        window: window.collect::<Vec<_>>().join(", "),
    }
}
