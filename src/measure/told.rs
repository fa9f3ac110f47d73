//! What the calls and answers of a level tell, one column at a time.

use super::window::Window;
use super::{CallColumn, Note, RunColumns, Summary};
use std::collections::BTreeMap;

pub(super) fn summary_of_calls<S: RunColumns>(
    source: &S,
    window: &Window,
    column: CallColumn,
) -> Result<Option<Summary>, S::Error> {
    let mut values = Vec::new();
    source.each_call(column, &mut |run, value| {
        if window.counts(run) {
            values.push(value);
        }
    })?;
    Ok(Summary::of(values))
}

/// How many calls each run made that counts.
pub(super) fn calls_per_run<S: RunColumns>(
    source: &S,
    window: &Window,
) -> Result<Option<Summary>, S::Error> {
    let mut counts = vec![0.0; window.runs()];
    let mut any = false;
    source.each_call(CallColumn::Latency, &mut |run, _| {
        any = true;
        if let Some(count) = counts.get_mut(run) {
            *count += 1.0;
        }
    })?;
    let counting = counts.into_iter().enumerate().filter(|(run, _)| window.counts(*run));
    let counts: Vec<f64> = counting.map(|(_, count)| count).collect();
    Ok(if any { Summary::of(counts) } else { None })
}

pub(super) fn tokens_per_second<S: RunColumns>(
    source: &S,
    window: &Window,
) -> Result<Option<f64>, S::Error> {
    let mut tokens = 0.0;
    source.each_call(CallColumn::CompletionTokens, &mut |run, count| {
        tokens += count * window.share_within(run);
    })?;
    Ok((tokens > 0.0).then(|| window.per_second(tokens)))
}

pub(super) fn notes<S: RunColumns>(source: &S) -> Result<BTreeMap<Note, u64>, S::Error> {
    let mut notes = BTreeMap::new();
    source.each_note(&mut |note| *notes.entry(note).or_default() += 1)?;
    Ok(notes)
}

/// A server can say anything as its reason; what goes beyond a handful is counted together.
pub(super) fn finish_reasons<S: RunColumns>(
    source: &S,
    window: &Window,
) -> Result<BTreeMap<String, u64>, S::Error> {
    const MOST: usize = 20;
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    source.each_finish_reason(&mut |run, reason| {
        if !window.counts(run) {
            return;
        }
        if let Some(count) = reasons.get_mut(reason) {
            *count += 1;
        } else {
            let reason = if reasons.len() < MOST { reason } else { "other" };
            *reasons.entry(reason.to_owned()).or_default() += 1;
        }
    })?;
    Ok(reasons)
}
