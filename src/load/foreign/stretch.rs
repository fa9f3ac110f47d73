//! Repetitions of a level, told apart: by what the file says, and by times at which nothing was in
//! flight.

use super::clock::Clock;
use super::row::Entry;
use crate::measure::Run;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Runs of a level with no pause between them, by start, in seconds since the first began.
pub(super) struct Stretch {
    pub runs: Vec<Run>,
    /// The position of its file.
    pub source: usize,
    /// True if sizer itself kept up the load.
    pub trusted: bool,
    /// Sort key: its start on its own clock, then its name.
    order: (f64, f64, String, usize),
}

impl Stretch {
    /// Starts and ends.
    pub fn times(&self) -> Vec<(f64, f64)> {
        self.runs.iter().map(|run| (run.start, run.end)).collect()
    }

    pub fn compare(&self, other: &Self) -> Ordering {
        let (a, b) = (&self.order, &other.order);
        let by_time = a.0.total_cmp(&b.0);
        by_time
            .then(a.1.total_cmp(&b.1))
            .then_with(|| a.2.cmp(&b.2))
            .then_with(|| (self.source, a.3).cmp(&(other.source, b.3)))
    }
}

/// The stretches of a level, whatever the order of its entries.
pub(super) fn of(entries: Vec<Entry>, clock: &Clock) -> Vec<Stretch> {
    let mut named: BTreeMap<(usize, String, usize), (bool, Vec<Run>)> = BTreeMap::new();
    for Entry { source, repetition, part, trusted, run, .. } in entries {
        let known = named.entry((source, repetition, part)).or_default();
        known.0 = trusted;
        known.1.push(run);
    }
    let mut stretches = Vec::new();
    for ((source, name, part), (trusted, mut runs)) in named {
        runs.sort_by(compare);
        let pieces = if trusted { vec![runs] } else { split(runs) };
        for mut runs in pieces {
            let begins = runs.first().map_or(0.0, |run| run.start);
            let number = name.parse().unwrap_or(f64::INFINITY);
            clock.normalise(&mut runs);
            let order = (begins, number, name.clone(), part);
            stretches.push(Stretch { runs, source, trusted, order });
        }
    }
    stretches.sort_by(Stretch::compare);
    stretches
}

/// An order in which only equal runs are equal, so that the order of lines is of no matter.
fn compare(a: &Run, b: &Run) -> Ordering {
    // Runs that cannot be written are all alike.
    let text = |run: &Run| serde_json::to_string(run).ok();
    a.start
        .total_cmp(&b.start)
        .then(a.end.total_cmp(&b.end))
        .then_with(|| a.id.cmp(&b.id))
        .then_with(|| text(a).cmp(&text(b)))
}

/// Cuts where nothing was in flight for longer than one run takes to follow another.
fn split(runs: Vec<Run>) -> Vec<Vec<Run>> {
    const SHARE: f64 = 0.1;
    const TIMES: f64 = 5.0;
    const ENOUGH: usize = 3;
    let mut lengths: Vec<f64> = runs.iter().map(Run::runtime).collect();
    let short = SHARE * median(&mut lengths);
    // How long a run waited for its turn while others were in flight, and how long none was.
    let (mut waits, mut idle) = (Vec::new(), Vec::new());
    let mut ends: Vec<f64> = runs.iter().map(|run| run.end).collect();
    ends.sort_by(f64::total_cmp);
    let (mut last_end, mut begun) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    for run in &runs {
        if run.start > last_end {
            if last_end.is_finite() {
                idle.push(run.start - last_end);
            }
            begun = run.start;
        } else {
            let before = ends.partition_point(|end| *end <= run.start);
            let before = before.checked_sub(1).and_then(|index| ends.get(index));
            waits.extend(before.filter(|end| **end > begun).map(|end| run.start - end));
        }
        last_end = last_end.max(run.end);
    }
    // One at a time: every run is followed by a pause.
    let usual = match (waits.is_empty(), idle.len() >= ENOUGH && alone(&runs)) {
        (false, _) => median(&mut waits),
        (true, true) => median(&mut idle),
        (true, false) => 0.0,
    };
    let long = short.max(TIMES * usual);
    let mut pieces: Vec<Vec<Run>> = Vec::new();
    let mut last_end = f64::INFINITY;
    for run in runs {
        let paused = run.start - last_end > long;
        last_end = if paused || last_end.is_infinite() { run.end } else { last_end.max(run.end) };
        match pieces.last_mut().filter(|_| !paused) {
            Some(piece) => piece.push(run),
            None => pieces.push(vec![run]),
        }
    }
    pieces
}

/// Returns true if no two runs were ever in flight at a time.
fn alone(runs: &[Run]) -> bool {
    runs.iter().zip(runs.iter().skip(1)).all(|(run, next)| next.start >= run.end)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(times: &[(f64, f64)]) -> Vec<usize> {
        let runs = times.iter().map(|&(start, end)| Run { start, end, ..Run::default() });
        split(runs.collect()).iter().map(Vec::len).collect()
    }

    #[test]
    fn a_pause_that_is_longer_than_the_usual_one_parts_repetitions() {
        // Three bursts of two.
        let bursts = [(0.0, 1.0), (0.0, 1.2), (6.0, 7.0), (6.0, 7.1), (12.0, 13.0), (12.0, 13.0)];
        assert_eq!(pieces(&bursts), [2, 2, 2]);
        // One after the other with a pause behind each, and a long one.
        let mut alone: Vec<(f64, f64)> =
            (0..6).map(|it| f64::from(it) * 1.2).map(|it| (it, it + 1.0)).collect();
        assert_eq!(pieces(&alone), [6]);
        alone.extend([(20.0, 21.0), (21.2, 22.2)]);
        assert_eq!(pieces(&alone), [6, 2]);
        // Turn by turn without a pause.
        assert_eq!(pieces(&[(0.0, 1.0), (0.0, 2.0), (1.01, 2.5), (2.01, 3.0)]), [4]);
    }
}
