//! The stages, one file each: what a stage reads, and how its artifact is made.

mod artifacts;
mod estimate;
mod expand;
mod fit;
mod level;
mod render;
mod sweep;

pub(super) use artifacts::{Artifacts, push_line};
pub(super) use estimate::{evidence, observe, question};
pub(super) use fit::fit_options;
pub(super) use render::{assemble, check_templates, identity};
pub(super) use sweep::without_how_much;

use super::context::Context;
use super::{PipelineError, StageId};
use crate::measure::Failure;
use crate::store::Content;
use crate::workflow::Pending;
use serde_json::Value;

/// A stage: a function of the slice of the spec that it reads and of the artifacts it needs.
pub(super) trait Stage: Send + Sync {
    /// Goes up with every change in what the stage does or how its artifact looks.
    fn version(&self) -> u32;

    /// Everything that the stage reads besides artifacts: the slice of the spec, and digests of
    /// the files that the slice names. It is what the key hashes, so it holds no secret.
    fn reads(&self, context: &Context<'_>) -> Result<Value, PipelineError>;

    /// Makes the artifact.
    fn run<'a>(&'a self, context: &'a Context<'_>, artifacts: &'a Artifacts<'_>) -> Making<'a>;
}

/// A stage at work.
pub(super) type Making<'a> = Pending<'a, Result<Product, PipelineError>>;

/// What a stage made.
pub(super) struct Product {
    /// The artifact.
    pub content: Content,
    /// Why it is no measurement to build on, where it is none.
    pub cut_short: Option<CutShort>,
}

/// Why what was measured is measured again by the next run.
pub(super) enum CutShort {
    /// The server was gone before the level was over, which ends the run.
    Gone(Failure),
    /// The server took none of its runs: a wrong key or model says nothing of what a rig carries.
    Untaken(Failure),
}

/// The stage behind a name.
pub(super) fn stage(id: &StageId) -> Box<dyn Stage> {
    match id {
        StageId::Expand => Box::new(expand::Expand),
        StageId::Sweep(concurrency) => Box::new(sweep::Sweep { concurrency: *concurrency }),
        StageId::Level(concurrency) => Box::new(level::Level { concurrency: *concurrency }),
        StageId::Fit => Box::new(fit::FitStage),
        StageId::Estimate => Box::new(estimate::EstimateStage),
        StageId::Render(report) => Box::new(render::Render { report: report.clone() }),
    }
}

/// A stage without waiting, for those that only compute.
fn ready<'a>(result: Result<Vec<u8>, PipelineError>) -> Making<'a> {
    let whole = |bytes: Vec<u8>| Product { content: bytes.into(), cut_short: None };
    Box::pin(std::future::ready(result.map(whole)))
}
