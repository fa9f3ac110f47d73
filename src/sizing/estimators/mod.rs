//! Methods of estimation, a file each.

mod lines;
mod monotone;

use super::estimator::Estimator;
use super::fits::{FitOptions, Fits};
use super::method::MethodName;
use crate::measure::LevelMetrics;
use lines::{LeastSquares, RepeatedMedians};
use monotone::Monotone;

impl MethodName {
    /// Returns the method of this name.
    pub fn estimator(self) -> &'static dyn Estimator {
        match self {
            Self::Monotone => &Monotone,
            Self::Linear => &LeastSquares,
            Self::Robust => &RepeatedMedians,
        }
    }
}

impl Fits {
    /// Draws the lines of a method through the levels that were not interrupted.
    pub fn of(levels: &[LevelMetrics], options: FitOptions) -> Self {
        let regression = options.method.estimator().regression(&options);
        Self::drawn(levels, options.method, &*regression)
    }
}
