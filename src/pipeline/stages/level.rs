//! `level@c`: the metrics at one concurrency.

use super::artifacts::to_document;
use super::{Artifacts, Context, Stage, ready};
use crate::measure::LevelMetrics;
use crate::pipeline::{PipelineError, StageId};
use crate::workflow::Pending;
use serde_json::{Value, json};

pub(super) struct Level {
    pub concurrency: u32,
}

impl Stage for Level {
    fn version(&self) -> u32 {
        1
    }

    fn reads(&self, _: &Context<'_>) -> Result<Value, PipelineError> {
        Ok(json!({}))
    }

    fn run<'a>(
        &'a self,
        _: &'a Context<'_>,
        artifacts: &'a Artifacts<'_>,
    ) -> Pending<'a, Result<Vec<u8>, PipelineError>> {
        let level =
            artifacts.runs(self.concurrency).map(|runs| LevelMetrics::of(self.concurrency, &runs));
        ready(level.and_then(|level| to_document(&StageId::Level(self.concurrency), &level)))
    }
}
