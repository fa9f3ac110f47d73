//! Wording of the reasons why there is no answer, and of other forms of a question.

use super::figure::figure;
use crate::measure::{Direction, Metric, Quantile};
use crate::sizing::NoCapacity;

/// Describes the load in its other form.
pub(super) fn other_form(request_rate: Option<f64>, concurrent: Option<f64>, gpus: f64) -> String {
    let gpus = if gpus.fract() == 0.0 { format!("{gpus:.0}") } else { format!("{gpus:.1}") };
    let gpus = format!("{gpus} GPU{}", if gpus == "1" { "" } else { "s" });
    let load = match (request_rate, concurrent) {
        (Some(rate), _) => {
            format!(
                "that load is {rate:.3} runs per second, which need {gpus} if they arrive at random"
            )
        }
        (None, users) => format!(
            "about {:.0} runs are then in flight, which need {gpus} as concurrent users",
            users.unwrap_or(f64::NAN)
        ),
    };
    format!("by Little's law, {load}: check which of the two forms your load has")
}

/// Describes levels at all of which runs failed, and a remedy.
pub(super) fn all_failed(most: f64, tolerable: bool) -> String {
    let remedy = if tolerable {
        let percent = (most * 100.0).ceil().max(1.0);
        format!(
            ", or allow for some failures with concurrency.on_failure: {{tolerate: {percent:.0}%}}"
        )
    } else {
        format!(" (up to {:.0} % of a level's runs)", most * 100.0)
    };
    format!(
        "runs failed at every level, and levels with failed runs are left out of every fit: see what failed{remedy}"
    )
}

/// Describes a line without a capacity, and a level that contradicts it.
pub(super) fn no_capacity(metric: Metric, reason: &NoCapacity, met: Option<u32>) -> String {
    let reason = match reason {
        NoCapacity::LimitAtOrBelowIntercept { limit, intercept } if metric.is_rate() => format!(
            "the target of {} is at or above the {} that the fit gives at no load: by this fit, no number of GPUs \
             meets it",
            figure(metric, *limit),
            figure(metric, *intercept)
        ),
        NoCapacity::SlopeNotPositive { .. } if metric.is_rate() => {
            format!("for the {}, {reason}", metric.time_behind())
        }
        _ => reason.to_string(),
    };
    match met {
        Some(level) => format!(
            "{reason}. Yet concurrency {level} met the target when measured: the fit does not describe these levels \
             there"
        ),
        None => reason,
    }
}

/// Explains why more GPUs of the same kind change nothing; `measured` if a level shows it, not the
/// curve.
pub(super) fn out_of_reach(
    metric: Metric,
    quantile: Quantile,
    concurrency: u32,
    figure: &str,
    measured: bool,
) -> String {
    let (source, remedy) = match (metric.direction(), measured) {
        (Direction::Lower, true) => ("is already", "shorter answers, or a target above that"),
        (Direction::Lower, false) => (
            "would, judging by the measured levels, already be",
            "shorter answers, or a target above that",
        ),
        (Direction::Higher, true) => ("is only", "or a target below that"),
        (Direction::Higher, false) => {
            ("would, judging by the measured levels, only be", "or a target below that")
        }
    };
    let quantile = metric.quantile(quantile);
    format!(
        "no number of GPUs meets this target, since at concurrency {concurrency} the {quantile} {source} {figure}. \
         It takes a faster model, a faster GPU, {remedy}"
    )
}

/// Names what the spec does not set.
pub(super) fn not_set(load: bool, gpu_count: bool) -> String {
    let what = match (load, gpu_count) {
        (true, true) => "targets.users and test.gpu_count are",
        (true, false) => "targets.users is",
        _ => "test.gpu_count is",
    };
    format!("{what} not set, so only the capacity of the test rig is known, not the number of GPUs")
}

/// Explains why a search measures nothing, with what the existing levels took of its budget.
pub(super) fn idle(levels: &str, spent: Option<(f64, f64)>, seconds: bool) -> String {
    let unit = if seconds { "s" } else { "runs" };
    match spent {
        Some((took, budget)) => format!(
            "no level is measured: the existing ones, {levels}, took {took:.0} {unit} and say as much about the limit \
             as a budget of {budget:.0} {unit} would; a larger concurrency.budget adds levels, `--force sweep` \
             measures these again"
        ),
        None => format!(
            "no level is measured: the existing ones, {levels}, say as much about the limit as further ones would; a \
             concurrency.budget adds levels, `--force sweep` measures these again"
        ),
    }
}
