//! Figures of the calls and answers of a level, read one column at a time.

use super::window::Window;
use super::{CallColumn, Note, RunColumns, Summary};
use std::collections::BTreeMap;

/// A column of the calls that count, in the order in which they came.
struct CallValues {
    values: Vec<f64>,
    /// Fingerprint of the values: columns with the same mark are the same.
    mark: u64,
}

impl CallValues {
    fn of<S: RunColumns>(
        source: &S,
        window: &Window,
        column: CallColumn,
    ) -> Result<Self, S::Error> {
        // Spreads each bit over all others (Steele and Vigna, 2021).
        const SPREAD: u64 = 0xd134_2543_de82_ef95;
        let (mut values, mut mark) = (Vec::new(), 0_u64);
        source.each_call(column, &mut |run, value| {
            if window.counts(run) {
                values.push(value);
                mark = (mark ^ value.to_bits()).wrapping_mul(SPREAD).rotate_left(29);
            }
        })?;
        mark ^= values.len() as u64;
        Ok(Self { values, mark })
    }
}

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

/// Summarises two columns, of which the second is nearly always the same as the first.
pub(super) fn summaries_of_calls<S: RunColumns>(
    source: &S,
    window: &Window,
    (first, second): (CallColumn, CallColumn),
) -> Result<[Option<Summary>; 2], S::Error> {
    let CallValues { values, mark } = CallValues::of(source, window, first)?;
    let summary = Summary::of(values);
    let second = CallValues::of(source, window, second)?;
    Ok([summary, if second.mark == mark { summary } else { Summary::of(second.values) }])
}

/// Figures of the times of calls, which are read once for all of them.
pub(super) struct CallTimes {
    /// Calls of each run that counts; `None` if no call was seen.
    pub per_run: Option<Summary>,
    /// Time of each call of these runs.
    pub latency: Option<Summary>,
    /// Mean number of calls in flight over the window; `None` if no call was seen.
    pub in_flight: Option<f64>,
}

impl CallTimes {
    pub fn of<S: RunColumns>(source: &S, window: &Window) -> Result<Self, S::Error> {
        let (mut counts, mut latencies) = (vec![0_u32; window.runs()], Vec::new());
        let (mut time, mut any) = (0.0, false);
        source.each_call_span(&mut |run, start, end| {
            any = true;
            time += window.part_within(start, end);
            if let Some(count) = counts.get_mut(run) {
                *count = count.saturating_add(1);
            }
            if window.counts(run) {
                latencies.push(end - start);
            }
        })?;
        // Each takes as much memory as a column, so the one is done before the other is made.
        let latency = Summary::of(latencies);
        let counting = counts.into_iter().enumerate().filter(|(run, _)| window.counts(*run));
        let counts: Vec<f64> = counting.map(|(_, count)| f64::from(count)).collect();
        Ok(Self {
            per_run: if any { Summary::of(counts) } else { None },
            latency,
            in_flight: any.then(|| window.per_second(time)),
        })
    }
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

/// Counts finish reasons. A server can send any text as its reason: beyond a handful they are
/// counted together.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{LlmCall, Recording, Run};

    #[test]
    fn a_second_column_is_summarised_by_itself_where_it_is_another() {
        let level = |thoughts: f64| {
            let run = |number: u32| {
                let ttft = f64::from(number) / 64.0;
                let answer_ttft = Some(ttft + if number == 7 { thoughts } else { 0.0 });
                let call = LlmCall { ttft: Some(ttft), answer_ttft, ..LlmCall::default() };
                Run { end: 1.0, llm_calls: vec![call], ..Run::default() }
            };
            let recording = Recording { runs: (0..20).map(run).collect(), ..Recording::default() };
            let Ok(window) = Window::of(&recording, |_| {});
            let both = (CallColumn::Ttft, CallColumn::AnswerTtft);
            let Ok(summaries) = summaries_of_calls(&recording, &window, both);
            let Ok(second) = summary_of_calls(&recording, &window, CallColumn::AnswerTtft);
            assert_eq!(summaries[1], second);
            summaries.map(|it| it.unwrap().mean)
        };
        let [first, second] = level(0.0);
        assert_eq!(first.to_bits(), second.to_bits());
        let [first, second] = level(2.0);
        assert!((second - first - 0.1).abs() < 1e-12);
    }
}
