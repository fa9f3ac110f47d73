//! `fit`: every metric's quantiles against concurrency.

use super::artifacts::Artifacts;
use super::output::Document;
use super::stage::{Origin, Stage};
use crate::measure::LevelMetrics;
use crate::sizing::{AddedMethod, FitOptions, Fits, MethodName};
use crate::spec::{EstimateSpec, Spec};
use crate::study::PipelineError;
use crate::study::services::Services;
use crate::study::spec_files::SpecFiles;
use serde::Serialize;

pub(super) struct Fit;

#[derive(Serialize)]
pub(in crate::study) struct FitSlice {
    estimate: LineSlice,
    #[serde(skip)]
    added: Option<AddedMethod>,
}

#[derive(Serialize)]
struct LineSlice {
    method: MethodName,
    min_r_squared: f64,
    remove_outliers: bool,
    /// Version of a method that was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    method_version: Option<u32>,
}

impl FitSlice {
    /// Cuts it out of a spec.
    pub fn of(spec: &Spec) -> Self {
        let EstimateSpec { method, min_r_squared, remove_outliers, .. } = spec.estimate;
        let added = spec.added_method().cloned();
        let method_version = added.as_ref().map(|added| added.version);
        Self {
            estimate: LineSlice { method, min_r_squared, remove_outliers, method_version },
            added,
        }
    }

    /// Draws the lines that the spec wants.
    pub fn fits(&self, levels: &[LevelMetrics]) -> Fits {
        let LineSlice { method, min_r_squared, remove_outliers, .. } = self.estimate;
        let options = FitOptions { method, min_r_squared, remove_outliers };
        Fits::by(self.added.as_ref(), levels, options)
    }
}

impl Stage for Fit {
    type Distinction = ();
    type Slice = FitSlice;
    type Inputs<'a> = Vec<LevelMetrics>;
    type Output = Document<Fits>;
    const VERSION: u32 = 3;

    fn of((): (), _: Origin<'_>) -> Self {
        Self
    }

    fn slice(&self, files: &SpecFiles) -> Result<FitSlice, PipelineError> {
        Ok(FitSlice::of(&files.spec))
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
        Ok(Document(slice.fits(&levels)))
    }
}
