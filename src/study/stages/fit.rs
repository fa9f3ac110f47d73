//! `fit`: every metric's quantiles against concurrency.

use super::artifacts::Artifacts;
use super::output::Document;
use super::stage::Stage;
use crate::measure::LevelMetrics;
use crate::sizing::{FitOptions, Fits, MethodName};
use crate::spec::EstimateSpec;
use crate::study::PipelineError;
use crate::study::services::Services;
use crate::study::spec_files::SpecFiles;
use serde::Serialize;

pub(super) struct Fit;

#[derive(Serialize)]
pub(in crate::study) struct FitSlice {
    estimate: LineSlice,
}

#[derive(Serialize)]
struct LineSlice {
    method: MethodName,
    min_r_squared: f64,
    remove_outliers: bool,
}

impl FitSlice {
    /// Cuts it out of the section of a spec that it is a part of.
    pub fn of(spec: &EstimateSpec) -> Self {
        let EstimateSpec { method, min_r_squared, remove_outliers, .. } = *spec;
        Self { estimate: LineSlice { method, min_r_squared, remove_outliers } }
    }

    /// The options of the fits that the spec wants.
    pub fn options(&self) -> FitOptions {
        let LineSlice { method, min_r_squared, remove_outliers } = self.estimate;
        FitOptions { method, min_r_squared, remove_outliers }
    }
}

impl Stage for Fit {
    type Slice = FitSlice;
    type Inputs<'a> = Vec<LevelMetrics>;
    type Output = Document<Fits>;
    const VERSION: u32 = 2;

    fn slice(&self, files: &SpecFiles) -> Result<FitSlice, PipelineError> {
        Ok(FitSlice::of(&files.spec.estimate))
    }

    fn inputs(&self, artifacts: &Artifacts<'_>) -> Result<Vec<LevelMetrics>, PipelineError> {
        artifacts.levels()
    }

    async fn run(
        &self,
        slice: &FitSlice,
        levels: Self::Inputs<'_>,
        _: &Services,
    ) -> Result<Document<Fits>, PipelineError> {
        Ok(Document(Fits::of(&levels, slice.options())))
    }
}
