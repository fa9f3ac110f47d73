//! Straight lines of time against concurrency, one file per method.

mod line;
mod linear;
mod outliers;
mod robust;

pub use linear::Linear;
pub use robust::Robust;

use super::method::MethodName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A usable level, as an input of a fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Runs in flight.
    pub concurrency: u32,
    /// Quantile of the metric at that level, in seconds.
    pub seconds: f64,
}

/// A way of drawing a straight line of time against concurrency.
pub trait Regression {
    /// Fits the usable levels, in ascending concurrency; fails with the reason why there is no fit.
    fn fit(&self, points: &[Point]) -> Result<Fit, NoFit>;
}

/// A fitted line: `seconds = intercept + slope × concurrency`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fit {
    /// Method that fitted it.
    pub method: MethodName,
    /// Seconds added by each further run in flight.
    pub slope: f64,
    /// Seconds at no load, by extrapolation.
    pub intercept: f64,
    /// Share of the variance that the line explains (coefficient of determination).
    pub r_squared: f64,
    /// Concurrencies left out as outliers, in the order of their removal.
    pub outliers: Vec<u32>,
}

impl Fit {
    /// Returns the highest concurrency at which the test rig still meets the limit (seconds).
    pub fn capacity(&self, limit: f64) -> Result<f64, NoCapacity> {
        if limit <= self.intercept {
            return Err(NoCapacity::LimitAtOrBelowIntercept { limit, intercept: self.intercept });
        }
        if self.slope <= 0.0 {
            return Err(NoCapacity::SlopeNotPositive { slope: self.slope });
        }
        Ok((limit - self.intercept) / self.slope)
    }
}

/// Reason why there is no fit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "why", rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoFit {
    /// A line needs two points.
    #[error(
        "{}: a fit needs at least two. Add levels, or check why the others were left out",
        if *usable == 0 { "no usable level" } else { "only 1 usable level" }
    )]
    TooFewLevels {
        /// Number of usable levels.
        usable: usize,
    },
    /// The points do not lie on a line.
    #[error(
        "R² {r_squared:.3} is below the minimum {minimum}: time does not grow in a straight line over these levels. \
         Measure more levels or more passes, or deliberately lower estimate.min_r_squared"
    )]
    PoorFit {
        /// R² of the fit.
        r_squared: f64,
        /// Smallest accepted R².
        minimum: f64,
    },
    /// The metric was not measured.
    #[error("no {metric} was seen in any run")]
    NotMeasured {
        /// Name of the metric.
        metric: String,
    },
}

/// Reason why a fit gives no capacity for a limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "why", rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoCapacity {
    /// The line is above the limit from the start.
    #[error(
        "the target of {limit:.3} s is at or below the fit's intercept of {intercept:.3} s, the time at no load: by \
         this fit, no number of GPUs meets it"
    )]
    LimitAtOrBelowIntercept {
        /// Limit in seconds.
        limit: f64,
        /// Intercept in seconds.
        intercept: f64,
    },
    /// The line never reaches the limit.
    #[error(
        "the fitted slope is not positive ({slope:.6} s per run in flight): over these levels time does not grow with \
         load, so they do not show where the rig saturates. Measure higher concurrencies"
    )]
    SlopeNotPositive {
        /// Slope in seconds per run in flight.
        slope: f64,
    },
}
