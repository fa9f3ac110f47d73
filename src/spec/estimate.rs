//! The spec's `estimate`.

use super::Share;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How levels become an estimate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EstimateSpec {
    /// The model of time against concurrency.
    pub method: Method,
    /// Probability that the truth lies within the interval of an estimate, and that what is
    /// recommended is enough.
    pub confidence: f64,
    /// Further capacity to recommend, as a share of the need: `10%`.
    pub headroom: Share,
    /// Further replicas to recommend, for those that fail or are being replaced.
    pub spares: u32,
    /// What runs that failed count as, at levels that tolerate them.
    pub count_failures: CountFailures,
    /// Seed of the resampling behind the intervals.
    pub seed: u64,
    /// Lines only: a fit that explains less of the variance than this is refused.
    pub min_r_squared: f64,
    /// Lines only: whether levels far off the line are left out of it (looked for with five levels or more).
    pub remove_outliers: bool,
}

impl Default for EstimateSpec {
    fn default() -> Self {
        Self {
            method: Method::Monotone,
            confidence: 0.9,
            headroom: Share::default(),
            spares: 0,
            count_failures: CountFailures::LeftOut,
            seed: 0,
            min_r_squared: 0.7,
            remove_outliers: true,
        }
    }
}

/// What runs that failed count as in a quantile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CountFailures {
    /// Nothing: the quantile is that of the runs that succeeded.
    #[default]
    LeftOut,
    /// Slower than any limit, as goodput counts them.
    AsOverLimit,
}

/// The methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A mean curve of the shape that load gives it, times a tail pooled over the levels around the
    /// answer; with intervals.
    Monotone,
    /// A straight line by least squares: the reference calculator's method.
    Linear,
    /// A straight line by repeated medians, which outliers cannot pull away.
    Robust,
}
