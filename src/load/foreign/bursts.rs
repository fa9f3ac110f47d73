//! Distinction of bursts, whose runs met an idle server, from runs that were cut out of a steady load.

use super::stretch::Stretch;
use crate::measure::{Phase, first_wave_spread, starts_together};
use std::collections::BTreeMap;

/// So many begin together by design, and never by chance.
const CERTAIN: u32 = 8;
/// Fewer begin together by chance in a tenth of all levels.
const TELLING: u32 = 4;
/// Two or three that begin so close are no chance.
const NARROW: f64 = 0.02;

/// Tells for each level if it is a burst. Small levels go by the large ones of the same recording: one
/// program loaded them all alike.
pub(super) fn bursts(levels: &BTreeMap<u32, Vec<Stretch>>) -> BTreeMap<u32, bool> {
    let together: BTreeMap<u32, (bool, bool)> = levels
        .iter()
        .filter(|(level, stretches)| **level > 1 && !has_phases(stretches))
        .map(|(level, stretches)| {
            let narrow = mostly(*level, stretches, |spread| spread <= NARROW);
            (*level, (mostly(*level, stretches, starts_together), narrow))
        })
        .collect();
    let vote = |from: u32| {
        let votes: Vec<bool> = together.range(from..).map(|(_, (wide, _))| *wide).collect();
        let yes = votes.iter().filter(|vote| **vote).count();
        (!votes.is_empty()).then_some(2 * yes >= votes.len())
    };
    let verdict = vote(CERTAIN).or_else(|| vote(TELLING));
    let of_level = |level: &u32| {
        let Some((wide, narrow)) = together.get(level) else { return false };
        match verdict {
            _ if *level >= CERTAIN => *wide,
            Some(verdict) => *wide && verdict,
            None => *narrow,
        }
    };
    levels.keys().map(|level| (*level, of_level(level))).collect()
}

/// A recording that tells its warm-up from the rest was steady.
fn has_phases(stretches: &[Stretch]) -> bool {
    stretches.iter().flat_map(|it| &it.runs).any(|run| run.phase != Phase::Measured)
}

/// Returns true if at least half of the runs are in stretches whose first wave begins so close.
fn mostly(level: u32, stretches: &[Stretch], close: impl Fn(f64) -> bool) -> bool {
    let (mut all, mut those) = (0, 0);
    for stretch in stretches {
        all += stretch.runs.len();
        if first_wave_spread(&stretch.times(), level as usize).is_some_and(&close) {
            those += stretch.runs.len();
        }
    }
    2 * those >= all
}
