//! Errors of a pipeline.

use super::{Reason, StageId};
use crate::dataset::DatasetError;
use crate::load::{ForeignError, LoadError};
use crate::measure::{Failure, FailureKind};
use crate::report::ReportError;
use crate::spec::SpecError;
use crate::store::StoreError;
use crate::workflow::ConnectError;
use std::error::Error;

/// An error of a library below.
pub type Cause = Box<dyn Error + Send + Sync>;

/// The reason why a pipeline stopped. Every stage that had finished is in the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    /// The spec, or a file that it names, cannot be used.
    #[error("{0}")]
    Spec(#[from] SpecError),
    /// The dataset's content cannot be used.
    #[error("{0}")]
    Dataset(#[from] DatasetError),
    /// A recording of another load generator cannot be used.
    #[error("{0}")]
    Recording(#[from] ForeignError),
    /// The store, the lock file or an output cannot be written.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The workflow cannot be made ready.
    #[error("the workflow cannot be reached: {0}")]
    Connect(#[from] ConnectError),
    /// The server does not answer.
    #[error("{}", unreachable_text(stage.as_ref(), *kept, failure))]
    Unreachable {
        /// The stage during which it went away; `None` before the first.
        stage: Option<StageId>,
        /// True if the part measured until then is kept.
        kept: bool,
        /// The failure of a request.
        #[source]
        failure: Failure,
    },
    /// The load could not be kept up.
    #[error("{stage}: {error}")]
    Load {
        /// The level's stage.
        stage: StageId,
        /// The error of the load generator.
        #[source]
        error: LoadError,
    },
    /// The user stopped the run.
    #[error("interrupted; {} finished and kept, and the next run continues from there", counted(*.levels))]
    Cancelled {
        /// Levels that are kept.
        levels: usize,
    },
    /// A set of specs without one; reading a file never gives that.
    #[error("there is no spec to run")]
    NoBranch,
    /// A name that no stage has.
    #[error("no stage matches `{pattern}`; the stages are {}", stages.join(", "))]
    NoSuchStage {
        /// The name or pattern that was given.
        pattern: String,
        /// The stages that exist.
        stages: Vec<String>,
    },
    /// A stage needs an artifact that is not there and may not be made.
    #[error("{stage} is not in the store ({reason}): {why}")]
    Missing {
        /// The stage whose artifact it is.
        stage: StageId,
        /// The reason why it is not there.
        reason: Reason,
        /// The reason why it may not be made, and what to do.
        why: &'static str,
    },
    /// A report cannot be made.
    #[error("{0}")]
    Report(#[from] ReportError),
    /// Figures too large to be computed with.
    #[error(
        "{stage}: its figures are out of range, so nothing is kept; are the times of its runs in the unit that the \
         spec states?"
    )]
    Overflow {
        /// The stage.
        stage: StageId,
    },
    /// An artifact of an earlier version, or a defect.
    #[error("the artifact of {stage} cannot be read: {error}")]
    Artifact {
        /// Its stage.
        stage: StageId,
        /// The error of reading it.
        #[source]
        error: Cause,
    },
    /// A defect: a stage asks for the artifact of one that has not run.
    #[error("the artifact of {stage} cannot be read: the stage has not run")]
    NotRun {
        /// The one that has not.
        stage: StageId,
    },
}

fn counted(count: usize) -> String {
    if count == 1 { "1 level is".to_owned() } else { format!("{count} levels are") }
}

fn unreachable_text(stage: Option<&StageId>, kept: bool, failure: &Failure) -> String {
    let at = match stage {
        None => String::new(),
        Some(stage) if kept => format!(
            " any more ({stage} is kept as far as it was measured: `sizer estimate` uses it, and the next run \
             measures it again)"
        ),
        Some(stage) => format!(" any more ({stage} is not kept)"),
    };
    if matches!(failure.kind, FailureKind::Spawn | FailureKind::NotInstalled) {
        return format!("the workflow cannot be measured{at}: {}", failure.message);
    }
    format!(
        "the server cannot be reached{at}: {failure}. Is it running, and is its address (base_url) right?"
    )
}
