//! Wording of the step that takes the largest part of the runtime.

use super::digits::three;
use crate::measure::StepKind;
use crate::sizing::StepAtLevel;

/// Least growth of the time that is worth a number.
const NOTABLE: f64 = 1.05;

pub(super) fn bottleneck(
    kind: StepKind,
    name: &str,
    lowest: Option<StepAtLevel>,
    highest: StepAtLevel,
) -> String {
    let step = format!("The bottleneck among the steps is {}", named_step(kind, name));
    let StepAtLevel { level, share, time } = highest;
    let Some(lowest) = lowest else {
        return format!(
            "{step}: {} of the runtime at concurrency {level} ({} s per run).",
            percent(share),
            three(time)
        );
    };
    let growth = time / lowest.time;
    let growth = match growth {
        _ if lowest.time <= 0.0 => String::new(),
        growth if growth > NOTABLE => format!(", {growth:.1} times as long"),
        _ => ", no longer".to_owned(),
    };
    format!(
        "{step}: {} of the runtime at concurrency {} ({} s per run), {} at {level} ({} s{growth}).",
        percent(lowest.share),
        lowest.level,
        if lowest.time > 0.0 { three(lowest.time) } else { "0".to_owned() },
        percent(share),
        three(time),
    )
}

/// Names a step, as in: the tool `search`.
fn named_step(kind: StepKind, name: &str) -> String {
    let kind = match kind {
        StepKind::Llm => "LLM call",
        StepKind::Other => "step",
        other => other.name(),
    };
    if name.is_empty() {
        return format!("a {kind} without a name");
    }
    let outside = if kind == StepKind::Workflow.name() { " outside its steps" } else { "" };
    format!("the {kind} {}{outside}", quoted(name))
}

/// Quotes a name as code, in which Markdown has no meaning.
pub(in crate::report) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "'").replace(['\n', '\r', '\t'], " "))
}

/// Formats a share in percent.
pub(in crate::report) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 1.0 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}
