//! `level@c`: the metrics at one concurrency.

use super::Artifacts;
use super::artifacts::to_document;
use super::stage::{Making, Stage, ready};
use crate::measure::LevelMetrics;
use crate::pipeline::context::Context;
use crate::pipeline::{PipelineError, StageId};
use serde_json::{Value, json};

pub(super) struct Level {
    pub concurrency: u32,
}

impl Stage for Level {
    fn version(&self) -> u32 {
        8
    }

    fn reads(&self, context: &Context<'_>) -> Result<Value, PipelineError> {
        Ok(json!({ "concurrency": { "on_failure": context.spec.concurrency.on_failure } }))
    }

    fn run<'a>(&'a self, context: &'a Context<'_>, artifacts: &'a Artifacts<'_>) -> Making<'a> {
        let tolerated = context.spec.concurrency.on_failure.tolerated();
        let level = artifacts.runs(self.concurrency, |runs| {
            LevelMetrics::of_columns(self.concurrency, runs, runs.around(), tolerated)
        });
        ready(level.and_then(|level| to_document(&StageId::Level(self.concurrency), &level)))
    }
}
