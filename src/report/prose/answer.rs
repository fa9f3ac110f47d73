//! Wording of an answer.

use super::figure::plural;
use super::finding::sentence_of;
use crate::measure::{Direction, Metric, Quantile, QuantileName};
use crate::report::format::significant;
use crate::sizing::{Answer, Capacity, Estimate, GpuCount, Grade, Load, Recommendation, Sum};

/// Describes the estimate of one target in a sentence without its full stop.
pub(in crate::report) fn estimate_line(estimate: &Estimate) -> String {
    let aim = aim_words(estimate);
    let capacity = |capacity: &Capacity| format!("; {}", capacity_words(capacity, estimate));
    match &estimate.answer {
        Answer::Gpus { gpus, capacity: carried, .. } => {
            let grade = match estimate.grade {
                Some(grade) if grade != Grade::Unsettled => format!(", {grade}"),
                _ => String::new(),
            };
            format!("{aim}: {}{grade}{}", gpus_words(gpus, estimate), capacity(carried))
        }
        Answer::CapacityOnly { reason, capacity: carried, .. } => {
            format!(
                "{aim}: no estimate: {}{}",
                sentence_of(estimate.target, reason),
                capacity(carried)
            )
        }
        Answer::OutOfReach { reason } | Answer::NoModel { reason } => {
            format!("{aim}: no estimate: {}", sentence_of(estimate.target, reason))
        }
    }
}

/// Describes a target: its limit and its load.
pub(in crate::report) fn aim_words(estimate: &Estimate) -> String {
    let Estimate { target, quantile, limit, .. } = *estimate;
    let (limit, load) = (limit_words(target, quantile, limit), load_words(estimate));
    match target.direction() {
        Direction::Lower => format!("{limit}{load}"),
        Direction::Higher => {
            let share = quantile.share() * 100.0;
            format!("{limit}{load} ({share:.0} % of the {} reach it)", plural(target.scope()))
        }
    }
}

/// Describes a limit, such as `p95 LLM latency ≤ 2 s`.
pub(in crate::report) fn limit_words(metric: Metric, quantile: Quantile, limit: f64) -> String {
    let sign = match metric.direction() {
        Direction::Lower => '≤',
        Direction::Higher => '≥',
    };
    format!(
        "{} {metric} {sign} {} {}",
        metric.quantile(quantile),
        significant(limit),
        metric.unit()
    )
}

/// Describes the load, such as ` for 50 users`.
fn load_words(estimate: &Estimate) -> String {
    match estimate.load {
        Some(Load::Users { users: 1, think }) if think <= 0.0 => " for 1 user".to_owned(),
        Some(Load::Users { users, think }) if think <= 0.0 => format!(" for {users} users"),
        Some(Load::Users { users: 1, think }) => {
            format!(" for 1 user with a think time of {} s", significant(think))
        }
        Some(Load::Users { users, think }) => {
            format!(" for {users} users with a think time of {} s", significant(think))
        }
        Some(Load::Rate { per_second }) => {
            let rate = significant(per_second);
            format!(" for {rate} run{} per second", if rate == "1" { "" } else { "s" })
        }
        None => String::new(),
    }
}

/// Describes a GPU count with its interval, or the known bounds if it is unsettled.
fn gpus_words(gpus: &GpuCount, estimate: &Estimate) -> String {
    // Whole replicas have no decimals.
    let confidence = estimate.confidence.map(|it| it * 100.0);
    let count =
        |gpus: f64| if confidence.is_some() { format!("{gpus:.0}") } else { format!("{gpus:.1}") };
    let unsettled = estimate.grade == Some(Grade::Unsettled);
    let point = || gpu_words(&gpus.point.map(count).unwrap_or_default());
    match (unsettled, gpus.low, gpus.high, &confidence) {
        (false, Some(low), Some(high), Some(confidence)) => {
            format!("{} ({confidence:.0} % interval {} to {})", point(), count(low), count(high))
        }
        (false, Some(low), Some(high), None) => {
            format!("{} ({} to {} by one method or the other)", point(), count(low), count(high))
        }
        (false, ..) => point(),
        (true, .., None) => format!("unsettled; the line says {}", point()),
        (true, ..) => {
            let (low, high) = gpus.bounds();
            format!("unsettled, {}", between(low, high, count))
        }
    }
}

/// Describes the capacity of the rig, or its known bounds.
fn capacity_words(capacity: &Capacity, estimate: &Estimate) -> String {
    let unsettled = estimate.grade == Some(Grade::Unsettled) && estimate.confidence.is_some();
    let unit = if estimate.counts_users { " users" } else { "" };
    let rate = match (estimate.load, estimate.answer.throughput()) {
        (Some(Load::Rate { .. }), Some(throughput)) => {
            format!(" in flight, {} runs per second", three(throughput))
        }
        _ => String::new(),
    };
    if let Some(point) = capacity.point.filter(|_| !unsettled) {
        return match (capacity.low, capacity.high) {
            (Some(low), Some(high)) => format!(
                "the test rig carries {}{unit} ({} to {}){rate}",
                three(point),
                three(low),
                three(high)
            ),
            _ => format!("the test rig carries {}{unit}{rate}", significant(point)),
        };
    }
    let unit = if estimate.counts_users { "users" } else { "runs in flight" };
    match (capacity.at_least.or(capacity.low), capacity.at_most.or(capacity.high)) {
        (None, None) => "the capacity of the test rig is unknown".to_owned(),
        (low, high) => format!("the test rig carries {} {unit}", load_between(low, high)),
    }
}

fn load_between(low: Option<f64>, high: Option<f64>) -> String {
    match (low, high) {
        (Some(low), Some(high)) if three(low) == three(high) => three(low),
        (Some(low), Some(high)) => format!("between {} and {}", three(low), three(high)),
        (Some(low), None) => format!("at least {}", three(low)),
        (None, Some(high)) => format!("at most {}", three(high)),
        (None, None) => "an unknown number of".to_owned(),
    }
}

/// Counts GPUs in words: `1 GPU`, `2 GPUs`.
fn gpu_words(count: &str) -> String {
    format!("{count} {}", if count == "1" { "GPU" } else { "GPUs" })
}

pub(in crate::report) fn between(
    low: Option<f64>,
    high: Option<f64>,
    shown: impl Fn(f64) -> String,
) -> String {
    match (low.map(&shown), high.map(&shown)) {
        (Some(low), Some(high)) if low == high => gpu_words(&low),
        (Some(low), Some(high)) => format!("between {low} and {}", gpu_words(&high)),
        (Some(low), None) => format!("at least {}", gpu_words(&low)),
        (None, Some(high)) => format!("at most {}", gpu_words(&high)),
        (None, None) => "with no bound on the number of GPUs".to_owned(),
    }
}

/// Formats a figure with three digits, which is as precise as an estimate can be.
fn three(value: f64) -> String {
    if value >= 99.95 { format!("{value:.0}") } else { significant(rounded(value)) }
}

fn rounded(value: f64) -> f64 {
    if value <= 0.0 {
        return value;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the exponent of a float")]
    let digits = 2 - value.log10().floor() as i32;
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

/// Describes the recommendation over all targets, or why there is none.
pub(in crate::report) fn recommendation(
    gpus: &Recommendation,
    estimates: &[Estimate],
) -> Option<String> {
    let of = gpus.decided_by.map_or_else(String::new, |metric| {
        format!("the {} target", decider_words(metric, gpus.told_quantile(estimates)))
    });
    if let Some(recommended) = gpus.recommended {
        let cost = gpus.cost_per_hour;
        let cost = cost.map_or_else(String::new, |cost| format!(", {cost:.2} per hour"));
        let grade = gpus.grade.map_or_else(String::new, |grade| format!("; {grade}"));
        return Some(format!(
            "Recommended: {}{cost} (decided by {of}{grade})",
            gpu_words(&recommended.to_string())
        ));
    }
    if estimates.iter().any(|estimate| estimate.answer.is_out_of_reach()) {
        return Some(format!("No number of GPUs meets {of}."));
    }
    if !gpus.unanswered.is_empty() {
        let targets: Vec<String> = gpus.unanswered.iter().map(ToString::to_string).collect();
        let what = if targets.len() == 1 { "target" } else { "targets" };
        return Some(format!(
            "No recommendation: the {what} on {} could not be answered.",
            targets.join(", ")
        ));
    }
    (gpus.grade == Some(Grade::Unsettled)).then(|| {
        let known = between(gpus.at_least, gpus.at_most, |gpus| format!("{gpus:.0}"));
        format!("No recommendation: {of} is unsettled, {known}.")
    })
}

/// Describes the target that decides by its metric, and by its quantile if that is given.
pub(in crate::report) fn decider_words(metric: Metric, quantile: Option<QuantileName>) -> String {
    quantile.map_or_else(|| metric.to_string(), |quantile| format!("{quantile} {metric}"))
}

/// Describes the steps to the recommendation: `121.4 needed → 124 in whole replicas → …`, without those that
/// add nothing.
pub(in crate::report) fn sum_line(gpus: &Recommendation, estimates: &[Estimate]) -> Option<String> {
    gpus.recommended?;
    let estimate = gpus.deciding(estimates)?;
    let Sum { needed, whole_replicas, with_confidence, with_headroom, with_spares } =
        estimate.answer.gpus()?.sum?;
    let mut steps =
        vec![format!("{needed:.1} needed"), format!("{whole_replicas} in whole replicas")];
    if let (Some(confident), Some(confidence)) = (with_confidence, estimate.confidence) {
        steps.push(format!("{confident} at {:.0} % confidence", confidence * 100.0));
    }
    if with_headroom > with_confidence.unwrap_or(whole_replicas) {
        steps.push(format!("{with_headroom} with headroom"));
    }
    if with_spares > with_headroom {
        steps.push(format!("{with_spares} with spares"));
    }
    Some(steps.join(" → "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_enough() {
        let shown = [0.012_34, 1.0, 9.999, 23.186_2, 99.96, 123.4, 4321.0].map(three);
        assert_eq!(shown, ["0.0123", "1", "10", "23.2", "100", "123", "4321"]);
    }
}
