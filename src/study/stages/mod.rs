//! The stages, one file each: its slice of the spec, its inputs, its version, and how its artifact is made.

mod artifacts;
mod estimate;
mod expand;
mod fit;
mod level;
mod output;
mod planned;
mod render;
mod result;
mod stage;
mod sweep;
mod task;

pub(super) use artifacts::Artifacts;
pub(super) use estimate::{EstimateSlice, observe};
pub(super) use expand::{DatasetSlice, counts};
pub(super) use fit::FitSlice;
pub(super) use output::{Product, push_line};
pub(super) use planned::Planned;
pub(super) use render::check_templates;
pub(super) use result::{ResultInputs, ResultSlice, assemble, identity};
pub(super) use sweep::without_amount;
pub(super) use task::Task;

use super::context::Context;
use super::{PipelineError, StageId};
use task::task;

/// The stage behind a name, with its slice of the spec.
pub(super) fn stage(id: &StageId, context: &Context) -> Result<Box<dyn Task>, PipelineError> {
    let files = &context.files;
    match id {
        StageId::Expand => task(id, expand::Expand, files),
        StageId::Sweep(concurrency) => {
            let (concurrency, planned) = (*concurrency, context.planned_sweep(*concurrency));
            task(id, sweep::Sweep { concurrency, planned }, files)
        }
        StageId::Level(concurrency) => task(id, level::Level { concurrency: *concurrency }, files),
        StageId::Fit => task(id, fit::Fit, files),
        StageId::Estimate => task(id, estimate::Estimate, files),
        StageId::Result => task(id, result::Assemble, files),
        StageId::Render(report) => task(id, render::Render::of(report, &context.spec), files),
    }
}
