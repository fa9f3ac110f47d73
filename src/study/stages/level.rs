//! `level@c`: the metrics at one concurrency.

use super::artifacts::{Artifacts, Runs};
use super::output::Document;
use super::stage::{Origin, Stage};
use crate::measure::LevelMetrics;
use crate::pacing::LoadPoint;
use crate::spec::OnFailure;
use crate::study::PipelineError;
use crate::study::services::Services;
use crate::study::spec_files::SpecFiles;
use serde::Serialize;

pub(super) struct Level {
    point: LoadPoint,
}

#[derive(Serialize)]
pub(super) struct LevelSlice {
    concurrency: LoadSlice,
}

#[derive(Serialize)]
struct LoadSlice {
    on_failure: OnFailure,
}

impl Stage for Level {
    type Distinction = LoadPoint;
    type Slice = LevelSlice;
    type Inputs<'a> = Runs<'a>;
    type Output = Document<LevelMetrics>;
    const VERSION: u32 = 9;

    fn of(point: LoadPoint, _: Origin<'_>) -> Self {
        Self { point }
    }

    fn slice(&self, files: &SpecFiles) -> Result<LevelSlice, PipelineError> {
        Ok(LevelSlice { concurrency: LoadSlice { on_failure: files.spec.concurrency.on_failure } })
    }

    fn inputs<'a>(&self, artifacts: &'a Artifacts<'_>) -> Result<Runs<'a>, PipelineError> {
        Ok(artifacts.runs())
    }

    async fn run(
        &self,
        slice: &LevelSlice,
        runs: Self::Inputs<'_>,
        _: &Services,
    ) -> Result<Document<LevelMetrics>, PipelineError> {
        let tolerated = slice.concurrency.on_failure.tolerated();
        let concurrency = self.point.axis();
        let level = runs.at(concurrency, |runs| {
            LevelMetrics::of_columns(concurrency, runs, runs.around(), tolerated)
        });
        level.map(Document)
    }
}
