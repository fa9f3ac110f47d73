//! `fit`: every metric's quantiles against concurrency.

use super::Artifacts;
use super::artifacts::to_document;
use super::stage::{Making, Stage, ready};
use crate::pipeline::context::Context;
use crate::pipeline::{PipelineError, StageId};
use crate::sizing::{FitOptions, Fits, MethodName};
use crate::spec::{EstimateSpec, Method};
use serde_json::{Value, json};

pub(super) struct FitStage;

impl Stage for FitStage {
    fn version(&self) -> u32 {
        2
    }

    fn reads(&self, context: &Context<'_>) -> Result<Value, PipelineError> {
        let EstimateSpec { method, min_r_squared, remove_outliers, .. } = &context.spec.estimate;
        Ok(json!({ "estimate": {
            "method": method, "min_r_squared": min_r_squared, "remove_outliers": remove_outliers,
        }}))
    }

    fn run<'a>(&'a self, context: &'a Context<'_>, artifacts: &'a Artifacts<'_>) -> Making<'a> {
        let fits =
            artifacts.levels().map(|levels| Fits::of(&levels, fit_options(&context.spec.estimate)));
        ready(fits.and_then(|fits| to_document(&StageId::Fit, &fits)))
    }
}

/// How the spec wants fits to be made.
pub(in crate::pipeline) fn fit_options(spec: &EstimateSpec) -> FitOptions {
    let method = match spec.method {
        Method::Monotone => MethodName::Monotone,
        Method::Linear => MethodName::Linear,
        Method::Robust => MethodName::Robust,
    };
    FitOptions { method, min_r_squared: spec.min_r_squared, remove_outliers: spec.remove_outliers }
}
