//! The spec's `estimate`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How levels become an estimate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EstimateSpec {
    /// The model of time against concurrency.
    pub method: Method,
    /// A fit that explains less of the variance than this is refused.
    pub min_r_squared: f64,
    /// Whether levels far off the line are left out of it (looked for with five levels or more).
    pub remove_outliers: bool,
}

impl Default for EstimateSpec {
    fn default() -> Self {
        Self { method: Method::Linear, min_r_squared: 0.7, remove_outliers: true }
    }
}

/// The methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A straight line by least squares: the reference calculator's method.
    Linear,
    /// A straight line by repeated medians, which outliers cannot pull away.
    Robust,
}
