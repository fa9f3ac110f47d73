//! The end of a level.

use crate::language::Seconds;
use crate::spec::load::Until;

/// Rule by which a level ends: the one of `passes`, `runs`, `duration` and `until` that is given.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum WindowSpec {
    /// One pass over the dataset, or as many runs as an adaptive sweep plans.
    #[default]
    Open,
    /// Number of times that the level is filled.
    Passes(u32),
    /// Number of measured runs.
    Runs(u32),
    /// Time within which measured runs begin.
    Duration(Seconds),
    /// Precision of the p95.
    Until(Until),
}

impl WindowSpec {
    /// Keys of `concurrency` that ask for one, in the order in which messages name them.
    pub(in crate::spec) const KEYS: [&str; 4] = ["passes", "runs", "duration", "until"];
}
