//! What kinds of sweeps there are.

use std::fmt;

/// What is wrong with a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Clean,
    /// At one level the rig stands still for a while, or works for others too.
    StalledLevel,
    /// Above some load one run in a hundred fails.
    Failures,
    /// Above some load every further run is refused.
    Refusals,
    /// The level that is measured first is slow.
    SlowFirst,
    /// Each level has a rig of another speed.
    Speeds,
    /// Waves without warm-up.
    Bursts,
    /// Two of these.
    Two,
}

impl Kind {
    /// All kinds, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Clean,
        Self::StalledLevel,
        Self::Failures,
        Self::Refusals,
        Self::SlowFirst,
        Self::Speeds,
        Self::Bursts,
        Self::Two,
    ];

    /// The kinds that `Two` puts together.
    pub const PAIRS: [[Self; 2]; 6] = [
        [Self::StalledLevel, Self::Speeds],
        [Self::SlowFirst, Self::Refusals],
        [Self::Failures, Self::Speeds],
        [Self::SlowFirst, Self::StalledLevel],
        [Self::Bursts, Self::StalledLevel],
        [Self::Refusals, Self::StalledLevel],
    ];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Clean => "clean",
            Self::StalledLevel => "stalled level",
            Self::Failures => "failures above a load",
            Self::Refusals => "refusals above a load",
            Self::SlowFirst => "slow first level",
            Self::Speeds => "speed between levels",
            Self::Bursts => "bursts",
            Self::Two => "two of these",
        })
    }
}
