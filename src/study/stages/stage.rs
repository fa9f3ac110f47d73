//! The trait behind every stage.

use super::artifacts::Artifacts;
use super::output::Output;
use super::planned_level::PlannedLevel;
use crate::pacing::LoadPoint;
use crate::spec::Spec;
use crate::study::PipelineError;
use crate::study::services::Services;
use crate::study::spec_files::SpecFiles;
use serde::Serialize;

/// Source that a stage is made from, apart from its name.
#[derive(Clone, Copy)]
pub(in crate::study) struct Origin<'a> {
    /// The spec.
    pub spec: &'a Spec,
    /// The part of the sweep's plan that a level is measured by.
    pub sweep: &'a dyn Fn(LoadPoint) -> PlannedLevel,
}

/// A stage: a function of its slice of the spec and of its inputs from other stages. It sees nothing else, so a key
/// that is made of both covers everything that the artifact depends on.
///
/// The fields of the type distinguish a stage from others of its kind, as its name does (`sweep@8`). A sweep also has
/// its plan there, which says how much is measured, not what.
pub(in crate::study) trait Stage: Send + Sync + 'static {
    /// Type of what tells it from others of its kind, as its name says: nothing, a level or a report.
    type Distinction;
    /// The part of the spec that it reads, with the content of the files named there. The key hashes its serialised
    /// form, which contains no secret and no path and is equal for equal meanings.
    type Slice: Serialize + Send + Sync;
    /// The part of other stages' artifacts that it reads.
    type Inputs<'a>: Send;
    /// Its artifact, before it is kept.
    type Output: Output;
    /// Version of the stage's behaviour and of its artifact's format. Every change of either raises it.
    const VERSION: u32;

    /// Makes the stage of a spec that a name stands for.
    fn of(own: Self::Distinction, origin: Origin<'_>) -> Self;

    /// Cuts its slice out of a spec.
    fn slice(&self, files: &SpecFiles) -> Result<Self::Slice, PipelineError>;

    /// Opens its inputs from other stages.
    fn inputs<'a>(&self, artifacts: &'a Artifacts<'_>) -> Result<Self::Inputs<'a>, PipelineError>;

    /// Makes the artifact.
    fn run(
        &self,
        slice: &Self::Slice,
        inputs: Self::Inputs<'_>,
        services: &Services,
    ) -> impl Future<Output = Result<Self::Output, PipelineError>> + Send;
}
