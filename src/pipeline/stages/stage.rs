//! What every stage is, and what it makes.

use super::Artifacts;
use crate::measure::Failure;
use crate::pipeline::PipelineError;
use crate::pipeline::context::Context;
use crate::store::Content;
use crate::workflow::Pending;
use serde_json::Value;

/// A stage: a function of the slice of the spec that it reads and of the artifacts it needs.
pub(in crate::pipeline) trait Stage: Send + Sync {
    /// Goes up with every change in what the stage does or how its artifact looks.
    fn version(&self) -> u32;

    /// Everything that the stage reads besides artifacts: the slice of the spec, and digests of
    /// the files that the slice names. It is what the key hashes, so it holds no secret.
    fn reads(&self, context: &Context<'_>) -> Result<Value, PipelineError>;

    /// Makes the artifact.
    fn run<'a>(&'a self, context: &'a Context<'_>, artifacts: &'a Artifacts<'_>) -> Making<'a>;
}

/// A stage at work.
pub(in crate::pipeline) type Making<'a> = Pending<'a, Result<Product, PipelineError>>;

/// What a stage made.
pub(in crate::pipeline) struct Product {
    /// The artifact.
    pub content: Content,
    /// Why it is no measurement to build on, where it is none.
    pub cut_short: Option<CutShort>,
}

/// Why what was measured is measured again by the next run.
pub(in crate::pipeline) enum CutShort {
    /// The server was gone before the level was over, which ends the run.
    Gone(Failure),
    /// The server took none of its runs: a wrong key or model says nothing of what a rig carries.
    Untaken(Failure),
}

/// A stage without waiting, for those that only compute.
pub(super) fn ready<'a>(result: Result<Vec<u8>, PipelineError>) -> Making<'a> {
    let whole = |bytes: Vec<u8>| Product { content: bytes.into(), cut_short: None };
    Box::pin(std::future::ready(result.map(whole)))
}
