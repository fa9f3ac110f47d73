//! The outcome of a run.

use super::StageId;
use super::reason::RemeasureReason;
use crate::engine;
use crate::report::SizingResult;
use std::path::PathBuf;

/// The outcome of one stage.
pub type StageOutcome = engine::StageOutcome<StageId, RemeasureReason>;

/// The outcome of a run.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The result; `None` if the selection ends before it is known.
    pub result: Option<SizingResult>,
    /// The selected stages.
    pub stages: Vec<StageOutcome>,
    /// The reports, as they lie on disk.
    pub reports: Vec<PathBuf>,
}

impl Outcome {
    /// The number of stages that ran.
    pub fn stages_run(&self) -> usize {
        self.stages.iter().filter(|stage| stage.ran.is_some()).count()
    }
}
