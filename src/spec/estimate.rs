//! The spec's `estimate`.

use super::Share;
use crate::sizing::{FitOptions, MethodName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of the estimate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EstimateSpec {
    /// Model of time against concurrency.
    #[serde(deserialize_with = "MethodName::deserialize_built_in")]
    pub method: MethodName,
    /// Probability that the truth lies within the interval of an estimate, and that the
    /// recommendation is enough.
    pub confidence: f64,
    /// Additional capacity to recommend, as a share of the need: `10%`.
    pub headroom: Share,
    /// Additional replicas to recommend, for those that fail or are being replaced.
    pub spares: u32,
    /// Treatment of failed runs at levels that tolerate them.
    pub count_failures: CountFailures,
    /// Seed of the resampling behind the intervals.
    pub seed: u64,
    /// Lines only: smallest share of the variance that a fit has to explain, or it is refused.
    pub min_r_squared: f64,
    /// Lines only: leave levels far off the line out of the fit (with five levels or more).
    pub remove_outliers: bool,
}

impl Default for EstimateSpec {
    fn default() -> Self {
        let FitOptions { method, min_r_squared, remove_outliers } = FitOptions::default();
        Self {
            method,
            confidence: 0.9,
            headroom: Share::default(),
            spares: 0,
            count_failures: CountFailures::LeftOut,
            seed: 0,
            min_r_squared,
            remove_outliers,
        }
    }
}

/// Treatment of failed runs in a quantile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CountFailures {
    /// Ignored: the quantile is that of the runs that succeeded.
    #[default]
    LeftOut,
    /// Counted as slower than any limit, as in goodput.
    AsOverLimit,
}
