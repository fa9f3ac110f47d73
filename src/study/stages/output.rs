//! The outputs of stages, on their way into the store.

use crate::engine;
use crate::study::{PipelineError, StageId};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An output that can be kept as an artifact.
pub(in crate::study) trait Output: Send {
    /// The artifact's bytes, or the file that they were streamed to.
    fn into_product(self, id: &StageId) -> Result<Product, PipelineError>;
}

/// The product of a stage.
pub(in crate::study) type Product = engine::Product<PipelineError>;

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
