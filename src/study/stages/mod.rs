//! The stages, one file each: its slice of the spec, its inputs, its version, and how its artifact is made.

mod artifacts;
mod estimate;
mod expand;
mod fit;
mod level;
mod output;
mod planned_level;
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
pub(super) use planned_level::PlannedLevel;
pub(super) use render::check_templates;
pub(super) use result::{ResultInputs, ResultSlice, assemble, identity};
pub(super) use task::Task;

use super::context::Context;
use super::stage_id::each_stage;
use super::{PipelineError, StageId};
use stage::{Origin, Stage};
use task::task;

macro_rules! tasks {
    ($(
        $(#[$about:meta])*
        $name:ident $(($own:ident: $type:ty))? = $word:literal, $module:ident::$stage:ident,
        $graph:tt, { $(one $one:ident: $document:ty,)? $(each $each:ident: $of_level:ty,)? };
    )+) => {
        /// The stage behind a name, with its slice of the spec.
        pub(super) fn stage(id: &StageId, context: &Context) -> Result<Box<dyn Task>, PipelineError> {
            let (files, sweep) = (&context.files, &|level| context.planned_sweep(level));
            let origin = Origin { spec: &context.spec, sweep };
            match id {
                $(StageId::$name $(($own))? => {
                    task(id, $module::$stage::of({ $($own.clone())? }, origin), files)
                })+
            }
        }

        // Documents are read as what they were written from.
        const _: () = {
            const fn keeps<S: Stage<Output = output::Document<T>>, T>() {}
            $(
                $(keeps::<$module::$stage, $document>();)?
                $(keeps::<$module::$stage, $of_level>();)?
            )+
        };
    };
}

each_stage!(tasks);
