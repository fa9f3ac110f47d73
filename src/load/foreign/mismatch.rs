//! Concurrency reached, compared with the one that a file claims.

use super::stretch::Stretch;
use crate::measure::{Phase, first_wave_spread, starts_together};

/// Runs in flight in a stretch whose concurrency differs from the claim.
pub(super) struct Mismatch {
    /// On average while the level was filled.
    pub reached: f64,
    /// At most.
    pub peak: usize,
}

impl Mismatch {
    /// Returns true if there were fewer than it claims.
    pub fn is_fewer(&self, claim: u32) -> bool {
        self.reached < f64::from(claim)
    }

    /// Describes the difference from the claim.
    pub fn in_words(&self, claim: u32) -> String {
        let Self { reached, peak } = *self;
        let count = (reached * 10.0).round() / 10.0;
        let runs = if (count - 1.0).abs() < 0.05 { "run was" } else { "runs were" };
        let most = if count < peak as f64 {
            format!(" on average, {peak} at most")
        } else {
            String::new()
        };
        let what = match (self.is_fewer(claim), peak >= claim as usize) {
            (true, false) => "was never reached",
            (true, true) => "was not kept up",
            (false, _) => "was exceeded",
        };
        format!("{what}: {count} {runs} in flight{most}")
    }
}

const TOO_FEW: f64 = 0.8;
const TOO_MANY: f64 = 1.2;
/// Passes below which little can be said of runs that were cut out of a steady load: those in flight at the
/// edges are missing.
const FEW_PASSES: usize = 4;
const TOO_FEW_OF_FEW: f64 = 0.4;
/// A few that begin so close, in times of a runtime, do not by chance.
const NARROW: f64 = 0.02;
/// A level that failed was stopped.
const FAILED_SHARE: f64 = 0.05;

/// Compares a stretch with the concurrency that it claims.
pub(super) fn mismatch(stretch: &Stretch, claim: u32) -> Option<Mismatch> {
    let times = stretch.times();
    let wanted = f64::from(claim);
    // Runs that take no time were never in flight.
    if middle(&times) <= 0.0 {
        return None;
    }
    let peak = peak(&times);
    let together = begins_together(&times, peak.min(claim as usize));
    let reached = while_filled(&times, claim as usize, together).unwrap_or(peak as f64);
    let found = Some(Mismatch { reached, peak });
    if reached > TOO_MANY * wanted && reached.round() > wanted {
        return found;
    }
    let failed = stretch.runs.iter().filter(|run| !run.is_ok()).count();
    if claim == 1 || failed as f64 > FAILED_SHARE * times.len() as f64 {
        return None;
    }
    let whole = stretch.runs.iter().any(|run| run.phase != Phase::Measured);
    // Of heavy-tailed runs, it is the long ones that are missing.
    let passes = FEW_PASSES as f64;
    let is_long = lasted(&times) >= passes * longest(&times);
    let strict = together || whole || times.len() >= FEW_PASSES * claim as usize && is_long;
    let low = if strict {
        reached < TOO_FEW * wanted && reached.round() < wanted
    } else {
        reached.max(peak as f64) < TOO_FEW_OF_FEW * wanted
    };
    found.filter(|_| low)
}

/// Seconds from the first start to the last end.
fn lasted(times: &[(f64, f64)]) -> f64 {
    let start = times.iter().map(|it| it.0).fold(f64::INFINITY, f64::min);
    times.iter().map(|it| it.1).fold(f64::NEG_INFINITY, f64::max) - start
}

/// Seconds that the longest run took.
fn longest(times: &[(f64, f64)]) -> f64 {
    times.iter().map(|(start, end)| end - start).fold(0.0, f64::max)
}

/// The concurrency of a stretch that claims none: runs in flight from when there were nearly as many
/// as ever, to the last start.
pub(super) fn level(stretch: &Stretch) -> u32 {
    const NEARLY: f64 = 0.8;
    let times = stretch.times();
    let most = peak(&times);
    let filled = edges(&times, 0.0).into_iter().scan(0_i64, |now, (at, change)| {
        *now += change;
        Some((at, *now))
    });
    let filled = filled.into_iter().find(|(_, now)| *now as f64 >= NEARLY * most as f64);
    let from = filled.map_or(0.0, |(at, _)| at);
    let to = times.last().map_or(0.0, |time| time.0);
    let mean =
        if to - from > middle(&times) { mean_between(&times, from, to) } else { most as f64 };
    let mean = mean.round().max(1.0);
    // Runs are counted in usize, levels end at a million.
    format!("{mean}").parse().unwrap_or(1)
}

/// Returns true if so many runs began at an idle server. Those that were cut out of a steady load begin one by
/// one; of a few that can be chance.
fn begins_together(times: &[(f64, f64)], wave: usize) -> bool {
    let close = |spread| match wave {
        0..4 => false,
        4..8 => spread <= NARROW,
        _ => starts_together(spread),
    };
    first_wave_spread(times, wave).is_some_and(close)
}

/// Runs in flight on average, from when the level was filled to its last start; `None` where that is
/// no longer than a run. Where it did not begin from nothing, a run that was cut out may have lasted
/// as long as the longest.
fn while_filled(times: &[(f64, f64)], wave: usize, from_nothing: bool) -> Option<f64> {
    let filled = times.get(wave.min(times.len()).checked_sub(1)?)?.0;
    let longest = times.iter().map(|(start, end)| end - start).fold(0.0, f64::max);
    let cut = times.first()?.0 + longest;
    let from = if from_nothing { filled } else { filled.max(cut) };
    let to = times.last()?.0;
    (to - from >= middle(times) && to > from).then(|| mean_between(times, from, to))
}

fn mean_between(times: &[(f64, f64)], from: f64, to: f64) -> f64 {
    let within = times.iter().map(|(start, end)| (end.min(to) - start.max(from)).max(0.0));
    within.sum::<f64>() / (to - from)
}

fn middle(times: &[(f64, f64)]) -> f64 {
    let mut lengths: Vec<f64> = times.iter().map(|(start, end)| end - start).collect();
    lengths.sort_by(f64::total_cmp);
    lengths.get(lengths.len() / 2).copied().unwrap_or_default()
}

/// Most runs in flight at a time. That one ends a little after the next began is a matter of how the
/// clock was read.
fn peak(times: &[(f64, f64)]) -> usize {
    const OVERLAP: f64 = 0.01;
    let (mut now, mut most) = (0_i64, 0);
    for (_, change) in edges(times, OVERLAP * middle(times)) {
        now += change;
        most = most.max(now);
    }
    usize::try_from(most).unwrap_or_default()
}

/// Beginnings and ends, ends first where they coincide.
fn edges(times: &[(f64, f64)], earlier: f64) -> Vec<(f64, i64)> {
    let ends = times.iter().map(|(start, end)| ((end - earlier).max(*start), -1));
    let mut edges: Vec<(f64, i64)> =
        times.iter().map(|(start, _)| (*start, 1)).chain(ends).collect();
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    edges
}
