//! Parts of a level's load, each of which computes its runs without asking the others.

use super::error::PacingError;
use serde::{Deserialize, Serialize};

/// One of several equal parts of a load: `index` of `of`, counted from 0. Users and arrivals are
/// dealt out in turn, so that each machine knows its own from these two numbers (an execution
/// segment in k6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// Index of the part.
    pub index: u32,
    /// Number of parts.
    pub of: u32,
}

impl Default for Segment {
    fn default() -> Self {
        Self::WHOLE
    }
}

impl Segment {
    /// The whole load.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// Returns true if it is the whole load.
    pub fn is_whole(&self) -> bool {
        *self == Self::WHOLE
    }

    /// Fails unless the index is below the number of parts.
    pub(crate) fn check(self) -> Result<Self, PacingError> {
        let Self { index, of } = self;
        if index < of { Ok(self) } else { Err(PacingError::NoSuchShare { index, of }) }
    }

    /// Returns a part of this part.
    pub(crate) fn part(self, part: Self) -> Result<Self, PacingError> {
        let Self { index, of } = part.check()?;
        let no_such = PacingError::NoSuchShare { index, of };
        let index = self.of.checked_mul(index).and_then(|it| it.checked_add(self.index));
        match (index, self.of.checked_mul(of)) {
            (Some(index), Some(of)) => Ok(Self { index, of }),
            _ => Err(no_such),
        }
    }

    /// Returns the number of this part's things among the first `all`.
    pub(crate) fn count(self, all: usize) -> usize {
        all.saturating_sub(self.index as usize).div_ceil((self.of as usize).max(1))
    }

    /// Returns the position among all things of this part's own, counted from 0.
    pub(crate) fn position(self, own: usize) -> usize {
        own.saturating_mul(self.of as usize).saturating_add(self.index as usize)
    }
}

/// Runs of a segment, by their positions among all runs of the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turns {
    segment: Segment,
    /// Number of runs after which the dealing starts again with the first segment.
    round: usize,
}

impl Turns {
    /// Deals out every run in turn.
    pub fn of_runs(segment: Segment) -> Self {
        Self { segment, round: usize::MAX }
    }

    /// Deals out runs with their users: each wave has one run of every user, so that shares with the
    /// same number of users have the same number of runs.
    pub fn of_users(segment: Segment, users: u32) -> Self {
        Self { segment, round: (users as usize).max(1) }
    }

    /// Returns the position among all runs of the segment's own, counted from 0.
    pub fn position(self, own: usize) -> usize {
        if self.segment.is_whole() {
            return own;
        }
        let each_round = self.segment.count(self.round).max(1);
        let (round, within) = (own / each_round, own % each_round);
        round.saturating_mul(self.round).saturating_add(self.segment.position(within))
    }

    /// Returns the number of the segment's own among the first `all` runs.
    pub fn count(self, all: usize) -> usize {
        let (rounds, rest) = (all / self.round, all % self.round);
        rounds.saturating_mul(self.segment.count(self.round)) + self.segment.count(rest)
    }

    /// Returns the factor by which an interval of these runs alone is wider than one of all: the
    /// square root of the number of segments.
    pub fn widening(self) -> f64 {
        f64::from(self.segment.of).sqrt()
    }

    /// Returns true if these are all runs of the level.
    pub fn are_all(self) -> bool {
        self.segment.is_whole()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(of: u32) -> Vec<Segment> {
        (0..of).map(|index| Segment { index, of }).collect()
    }

    #[test]
    fn every_user_and_every_run_is_in_one_part() {
        let counts = |all, of| parts(of).iter().map(|part| part.count(all)).collect::<Vec<_>>();
        assert_eq!(counts(32, 3), [11, 11, 10]);
        for users in 1..=17_u32 {
            for of in 1..=users {
                for runs in [0, 1, 2, 16, 17, 18, 100] {
                    for turns in [Turns::of_runs as fn(Segment) -> Turns, |segment| {
                        Turns::of_users(segment, 17)
                    }] {
                        let own = |part: Segment| {
                            let turns = turns(part);
                            (0..turns.count(runs)).map(move |own| turns.position(own))
                        };
                        let mut all: Vec<usize> = parts(of).into_iter().flat_map(own).collect();
                        all.sort_unstable();
                        assert_eq!(all, (0..runs).collect::<Vec<_>>(), "{runs} among {of}");
                    }
                }
            }
        }
    }

    #[test]
    fn whole_waves_are_shared_like_the_users() {
        for part in parts(3) {
            let turns = Turns::of_users(part, 32);
            assert_eq!(turns.count(32 * 7), 7 * part.count(32));
        }
    }

    #[test]
    fn a_part_of_a_part_is_a_part() {
        let halves = parts(2).into_iter();
        let sixths =
            halves.flat_map(|half| parts(3).into_iter().map(move |third| half.part(third)));
        let mut sixths: Vec<Segment> = sixths.map(Result::unwrap).collect();
        sixths.sort_by_key(|part| part.index);
        assert_eq!(sixths, parts(6));
        assert!(Segment::WHOLE.part(Segment { index: 3, of: 3 }).is_err());
        assert!(Segment::WHOLE.part(Segment { index: 0, of: 0 }).is_err());
        let tiny = Segment { index: 0, of: u32::MAX };
        assert!(tiny.part(Segment { index: 0, of: 2 }).is_err());
    }
}
