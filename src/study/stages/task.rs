//! A stage with its slice, whatever its type, as planning and running use it.

use super::artifacts::Artifacts;
use super::output::{Output, Product};
use super::stage::Stage;
use crate::engine;
use crate::study::services::Services;
use crate::study::spec_files::SpecFiles;
use crate::study::{PipelineError, StageId};
use crate::workflow::BoxFuture;
use serde_json::{Value, json};

/// A stage with its slice. The key hashes the very value that the stage runs on.
pub(in crate::study) trait Task: Send + Sync {
    /// Version of the stage's behaviour and of its artifact's form.
    fn version(&self) -> u32;

    /// Its slice as the key hashes it.
    fn reads(&self) -> Value;

    /// Makes the artifact.
    fn run<'a>(&'a self, artifacts: &'a Artifacts<'_>, services: &'a Services) -> StageFuture<'a>;
}

/// A stage at work.
pub(in crate::study) type StageFuture<'a> = BoxFuture<'a, Result<Product, PipelineError>>;

impl engine::Task for Box<dyn Task> {
    fn version(&self) -> u32 {
        (**self).version()
    }

    fn reads(&self) -> Value {
        (**self).reads()
    }
}

struct SlicedStage<S: Stage> {
    id: StageId,
    stage: S,
    slice: S::Slice,
}

/// Cuts a stage's slice.
pub(super) fn task<S: Stage>(
    id: &StageId,
    stage: S,
    files: &SpecFiles,
) -> Result<Box<dyn Task>, PipelineError> {
    let slice = stage.slice(files)?;
    Ok(Box::new(SlicedStage { id: id.clone(), stage, slice }))
}

impl<S: Stage> Task for SlicedStage<S> {
    fn version(&self) -> u32 {
        S::VERSION
    }

    fn reads(&self) -> Value {
        json!(self.slice)
    }

    fn run<'a>(&'a self, artifacts: &'a Artifacts<'_>, services: &'a Services) -> StageFuture<'a> {
        Box::pin(async move {
            let inputs = self.stage.inputs(artifacts)?;
            let output = self.stage.run(&self.slice, inputs, services).await?;
            output.into_product(&self.id)
        })
    }
}
