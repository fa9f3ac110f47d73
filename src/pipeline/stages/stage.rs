//! The trait behind every stage.

use super::artifacts::Artifacts;
use super::output::Output;
use crate::pipeline::PipelineError;
use crate::pipeline::services::Services;
use crate::pipeline::spec_files::SpecFiles;
use serde::Serialize;

/// A stage: a function of its slice of the spec and of what it takes from other stages. It runs on these alone, so
/// a key that is made of both leaves out nothing that the artifact depends on.
///
/// The fields of the type itself tell a stage from others of its kind, as its name does (`sweep@8`). A sweep has its
/// plan there as well, which makes no other measurement.
pub(in crate::pipeline) trait Stage: Send + Sync + 'static {
    /// The part of the spec that it reads, with the files that this part names. The key hashes what it is serialised
    /// as: no secret, no path, and equal for equal meanings.
    type Slice: Serialize + Send + Sync;
    /// The part of other stages' artifacts that it reads.
    type Inputs<'a>: Send;
    /// Its artifact, before it is kept.
    type Output: Output;
    /// Goes up with every change in what the stage does or how its artifact looks.
    const VERSION: u32;

    /// Cuts its slice out of a spec.
    fn slice(&self, files: &SpecFiles<'_>) -> Result<Self::Slice, PipelineError>;

    /// Opens what it takes from other stages.
    fn inputs<'a>(&self, artifacts: &'a Artifacts<'_>) -> Result<Self::Inputs<'a>, PipelineError>;

    /// Makes the artifact.
    fn run(
        &self,
        slice: &Self::Slice,
        inputs: Self::Inputs<'_>,
        services: &Services<'_>,
    ) -> impl Future<Output = Result<Self::Output, PipelineError>> + Send;
}
