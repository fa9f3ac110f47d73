//! The stages, one file each: what a stage reads, and how its artifact is made.

mod artifacts;
mod estimate;
mod expand;
mod fit;
mod level;
mod render;
mod stage;
mod sweep;

pub(super) use artifacts::{Artifacts, push_line};
pub(super) use estimate::{evidence, observe, question};
pub(super) use fit::fit_options;
pub(super) use render::{assemble, check_templates, identity};
pub(super) use stage::{CutShort, Product, Stage};
pub(super) use sweep::without_how_much;

use super::StageId;

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
