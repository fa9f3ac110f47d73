//! The name of a stage.

use crate::engine::Id;
use crate::spec::glob_matches;
use std::fmt;

/// The name of a stage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StageId {
    /// The dataset as rows.
    Expand,
    /// The runs at a concurrency.
    Sweep(u32),
    /// The metrics at a concurrency.
    Level(u32),
    /// The fits.
    Fit,
    /// The estimates.
    Estimate,
    /// The result: all that was measured and concluded, as one document.
    Result,
    /// A report.
    Render(String),
}

impl StageId {
    /// Returns true if the lock file lists it: stages that were measured do, those that join levels do not.
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::Expand | Self::Sweep(_) | Self::Level(_))
    }

    /// Returns true if it contacts a server.
    pub fn asks_a_server(&self) -> bool {
        matches!(self, Self::Sweep(_))
    }
}

impl fmt::Display for StageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expand | Self::Fit | Self::Estimate | Self::Result => f.write_str(self.kind()),
            Self::Sweep(concurrency) | Self::Level(concurrency) => {
                write!(f, "{}@{concurrency}", self.kind())
            }
            Self::Render(report) => write!(f, "{}@{report}", self.kind()),
        }
    }
}

impl Id for StageId {
    fn kind(&self) -> &'static str {
        match self {
            Self::Expand => "expand",
            Self::Sweep(_) => "sweep",
            Self::Level(_) => "level",
            Self::Fit => "fit",
            Self::Estimate => "estimate",
            Self::Result => "result",
            Self::Render(_) => "render",
        }
    }

    fn matches(pattern: &str, name: &str) -> bool {
        glob_matches(pattern, name)
    }
}
