//! What came of a run.

use super::{Reason, StageId};
use crate::report::SizingResult;
use crate::store::Digest;
use std::path::PathBuf;
use std::time::Duration;

/// What became of one stage.
#[derive(Clone, Debug)]
pub struct StageReport {
    /// The stage.
    pub id: StageId,
    /// Why it ran; `None` where its artifact was there.
    pub ran: Option<Reason>,
    /// Its artifact.
    pub digest: Digest,
    /// How long it took.
    pub elapsed: Duration,
}

/// What a run brought.
#[derive(Debug)]
pub struct Outcome {
    /// The result; `None` where the selection ends before it is known.
    pub result: Option<SizingResult>,
    /// The selected stages.
    pub stages: Vec<StageReport>,
    /// The reports, as they lie on disk.
    pub reports: Vec<PathBuf>,
}

impl Outcome {
    /// How many stages ran.
    pub fn stages_run(&self) -> usize {
        self.stages.iter().filter(|stage| stage.ran.is_some()).count()
    }
}
