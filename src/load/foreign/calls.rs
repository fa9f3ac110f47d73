//! The LLM calls of a row.

use super::ForeignError;
use super::clock::Clock;
use super::value::{Fields, shown, unpacked};
use crate::measure::{Gaps, LlmCall};
use serde_json::Value;

/// Calls of one run.
const MOST_CALLS: usize = 10_000;
/// Keys of a call, which can stand in the row itself where a run is one call.
pub(super) const CALL_KEYS: [&str; 10] = [
    "ttft",
    "prompt_tokens",
    "cached_tokens",
    "shared_prefix",
    "completion_tokens",
    "itl",
    "itl_mean",
    "itl_p95",
    "itl_max",
    "itls",
];

/// The calls of a run that lasts from `times.0` to `times.1`.
pub(super) fn calls(
    fields: &Fields<'_>,
    times: (f64, f64),
    clock: &Clock,
) -> Result<Vec<LlmCall>, ForeignError> {
    let (start, end) = times;
    let mut calls = Vec::new();
    if let Some(value) = fields.get("llm_calls") {
        let wrong = |key: &str| fields.wrong(key, "calls are a list of {start, end}");
        let unpacked = unpacked(value);
        let Value::Array(items) = unpacked.as_ref() else { return Err(wrong("llm_calls")) };
        check_count(fields, "llm_calls", items.len())?;
        for (index, item) in items.iter().enumerate() {
            let name = format!("llm_calls[{index}]");
            let Value::Object(map) = item else { return Err(wrong(&name)) };
            let within = Fields { place: fields.place, map, within: format!("{name}.") };
            calls.push(within_the_run(&within, times, clock)?);
        }
    }
    if let Some(latencies) = fields.times("llm_latencies")? {
        check_count(fields, "llm_latencies", latencies.len())?;
        let slack = clock.slack(end - start);
        if let Some(longer) = latencies.iter().find(|it| **it > end - start + slack) {
            let message =
                format!("a call of {} in a run of {}", shown(*longer), shown(end - start));
            return Err(fields.wrong("llm_latencies", message).help(HINT));
        }
        // Only how long they took is known: as if one had begun when the run did, like the others.
        let known = latencies.into_iter();
        calls.extend(known.map(|it| LlmCall { start, end: start + it, ..LlmCall::default() }));
    }
    if calls.is_empty() && CALL_KEYS.iter().any(|key| fields.get(key).is_some()) {
        calls.push(call(fields, start, end, clock)?);
    }
    Ok(calls)
}

/// Fails where a run has more calls than any agent makes.
fn check_count(fields: &Fields<'_>, key: &str, count: usize) -> Result<(), ForeignError> {
    if count > MOST_CALLS {
        let message = format!("{count} calls, but a run has at most {MOST_CALLS}");
        return Err(fields.wrong(key, message));
    }
    Ok(())
}

const HINT: &str = "all times are on one clock and in one unit: `unit: ms` in the workflow reads \
                    milliseconds";

fn within_the_run(
    fields: &Fields<'_>,
    (from, to): (f64, f64),
    clock: &Clock,
) -> Result<LlmCall, ForeignError> {
    let (start, end) = (fields.needed("start")?, fields.needed("end")?);
    if end < start {
        let message =
            format!("the call ends at {}, before it starts at {}", shown(end), shown(start));
        return Err(fields.wrong("end", message));
    }
    let slack = clock.slack(to - from);
    if start < from - slack || end > to + slack {
        let key = if start < from - slack { "start" } else { "end" };
        let message = format!(
            "the call lasts from {} to {}, beyond its run from {} to {}",
            shown(start),
            shown(end),
            shown(from),
            shown(to)
        );
        return Err(fields.wrong(key, message).help(HINT));
    }
    call(fields, start, end, clock)
}

fn call(fields: &Fields<'_>, start: f64, end: f64, clock: &Clock) -> Result<LlmCall, ForeignError> {
    let ttft = fields.seconds("ttft")?;
    let latency = end - start;
    if let Some(ttft) = ttft.filter(|ttft| *ttft > latency + clock.slack(latency)) {
        let message =
            format!("a first token after {} in a call of {}", shown(ttft), shown(latency));
        return Err(fields.wrong("ttft", message).help(HINT));
    }
    let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
    let completion_tokens = fields.whole("completion_tokens")?;
    let status = fields.whole("http_status")?.and_then(|it| u16::try_from(it).ok());
    let written = gaps(fields)?;
    let derived =
        ttft.zip(completion_tokens).and_then(|(ttft, tokens)| follows(latency, ttft, tokens));
    if let Some(written) = &written {
        fit_the_call(fields, written, derived.as_ref(), latency)?;
    }
    Ok(LlmCall {
        start,
        end,
        ttft,
        prompt_tokens: fields.whole("prompt_tokens")?,
        cached_tokens: fields.whole("cached_tokens")?,
        shared_prefix: fields.number("shared_prefix")?.filter(|share| (0.0..=1.0).contains(share)),
        completion_tokens,
        itl: written.or(derived),
        finish_reason: text("finish_reason"),
        model: text("model"),
        upstream: text("upstream"),
        http_status: status,
        ..LlmCall::default()
    })
}

/// The times between tokens as they are written: all of them, or their summary.
fn gaps(fields: &Fields<'_>) -> Result<Option<Gaps>, ForeignError> {
    if let Some(Value::Object(map)) = fields.get("itl") {
        // As sizer's own lines have it.
        let own = Fields { place: fields.place, map, within: format!("{}itl.", fields.within) };
        let mean = own.seconds("mean")?;
        let (p95, max) = (own.seconds("p95")?, own.seconds("max")?);
        return Ok(mean.map(|mean| Gaps { mean, p95, max }));
    }
    if let Some(times) = fields.times("itls")?.filter(|times| !times.is_empty()) {
        return Ok(Gaps::of(times));
    }
    let mean = match fields.seconds("itl_mean")? {
        Some(mean) => Some(mean),
        None => fields.seconds("itl")?,
    };
    let (p95, max) = (fields.seconds("itl_p95")?, fields.seconds("itl_max")?);
    Ok(mean.map(|mean| Gaps { mean, p95, max }))
}

/// Refuses times between tokens of another unit than the call's: together far longer than it, or a thousandth of what
/// follows from its other figures.
fn fit_the_call(
    fields: &Fields<'_>,
    written: &Gaps,
    derived: Option<&Gaps>,
    latency: f64,
) -> Result<(), ForeignError> {
    /// Factor that chunks of several tokens, and rounding, do not reach, while a unit is off by a thousand.
    const OTHER_UNIT: f64 = 300.0;
    let mean = written.mean;
    let short = derived.is_some_and(|it| mean > 0.0 && it.mean > OTHER_UNIT * mean);
    let long = derived.is_some_and(|it| it.mean > 0.0 && mean > OTHER_UNIT * it.mean);
    if !short && !(mean > latency && (long || derived.is_none())) {
        return Ok(());
    }
    let message =
        format!("times between tokens of {} in a call of {}", shown(mean), shown(latency));
    Err(fields.wrong("itl", message).help(HINT))
}

/// The mean time between tokens, from the time after the first.
fn follows(latency: f64, ttft: f64, tokens: u64) -> Option<Gaps> {
    let rest = (latency - ttft).max(0.0);
    (tokens > 1).then(|| Gaps { mean: rest / (tokens - 1) as f64, p95: None, max: None })
}
