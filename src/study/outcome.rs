//! The outcome of a run.

use super::{Reason, StageId};
use crate::report::SizingResult;
use crate::store::Digest;
use std::path::PathBuf;
use std::time::Duration;

/// The outcome of one stage.
#[derive(Clone, Debug)]
pub struct StageReport {
    /// The stage.
    pub id: StageId,
    /// The reason why it ran; `None` if its artifact was there.
    pub ran: Option<Reason>,
    /// Its artifact.
    pub digest: Digest,
    /// The time that it took.
    pub elapsed: Duration,
}

/// The outcome of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The result; `None` if the selection ends before it is known.
    pub result: Option<SizingResult>,
    /// The selected stages.
    pub stages: Vec<StageReport>,
    /// The reports, as they lie on disk.
    pub reports: Vec<PathBuf>,
}

impl Outcome {
    /// The number of stages that ran.
    pub fn stages_run(&self) -> usize {
        self.stages.iter().filter(|stage| stage.ran.is_some()).count()
    }
}
