//! The outputs of stages, on their way into the store.

use crate::measure::Failure;
use crate::store::Content;
use crate::study::{PipelineError, StageId};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An output that can be kept as an artifact.
pub(in crate::study) trait Output: Send {
    /// The artifact's bytes, or the file that they were streamed to.
    fn into_product(self, id: &StageId) -> Result<Product, PipelineError>;
}

/// The product of a stage.
pub(in crate::study) struct Product {
    /// The artifact.
    pub content: Content,
    /// The reason why the next run measures it again; `None` for an artifact that later stages can use.
    pub cut_short: Option<CutShort>,
}

/// The reason why a recording is measured again by the next run.
pub(in crate::study) enum CutShort {
    /// The server was gone before the level was over, which ends the run.
    Gone(Failure),
    /// The server took none of its runs: a wrong key or model says nothing of what a rig carries.
    Untaken(Failure),
}

impl Output for Product {
    fn into_product(self, _: &StageId) -> Result<Product, PipelineError> {
        Ok(self)
    }
}

/// Bytes as they are: lines of JSON, or a report.
impl Output for Vec<u8> {
    fn into_product(self, _: &StageId) -> Result<Product, PipelineError> {
        Ok(Product { content: self.into(), cut_short: None })
    }
}

/// One JSON document.
pub(in crate::study) struct Document<T>(pub T);

impl<T: Serialize + DeserializeOwned + Send> Output for Document<T> {
    // What cannot be read again is not kept: JSON has no infinity, so a figure that overflows would be found only
    // when it is needed, and then each time.
    fn into_product(self, id: &StageId) -> Result<Product, PipelineError> {
        let unwritten = |error: serde_json::Error| PipelineError::Artifact {
            stage: id.clone(),
            error: error.into(),
        };
        let mut bytes = serde_json::to_vec_pretty(&self.0).map_err(unwritten)?;
        let read: Result<T, _> = serde_json::from_slice(&bytes);
        read.map_err(|_| PipelineError::Overflow { stage: id.clone() })?;
        bytes.push(b'\n');
        bytes.into_product(id)
    }
}

/// Adds a line of JSON. Only types that cannot be written as JSON fail, and none of ours is one.
pub(in crate::study) fn push_line(bytes: &mut Vec<u8>, value: &impl Serialize) {
    if serde_json::to_writer(&mut *bytes, value).is_ok() {
        bytes.push(b'\n');
    }
}
