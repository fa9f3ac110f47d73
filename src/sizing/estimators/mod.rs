//! Methods of estimation, a file each.

mod lines;
mod monotone;

use super::added::AddedMethod;
use super::estimator::Estimator;
use super::fits::{FitOptions, Fits};
use super::method::MethodName;
use crate::measure::LevelMetrics;
use lines::{LeastSquares, RepeatedMedians};
use monotone::Monotone;

impl MethodName {
    /// Returns the method of this name. An added one is known only to the program that adds it
    /// ([`AddedMethod`]); elsewhere the default method stands in, and estimates name that.
    pub fn estimator(self) -> &'static dyn Estimator {
        match self {
            Self::Monotone | Self::Added(_) => &Monotone,
            Self::Linear => &LeastSquares,
            Self::Robust => &RepeatedMedians,
        }
    }

    /// Returns the added method, or the one of this name if there is none.
    pub(super) fn or_added(self, added: Option<&AddedMethod>) -> &dyn Estimator {
        added.map_or(self.estimator(), |added| &*added.estimator)
    }
}

impl Fits {
    /// Draws the lines of a method through the levels that were not interrupted.
    pub fn of(levels: &[LevelMetrics], options: FitOptions) -> Self {
        Self::by(None, levels, options)
    }

    /// The same by a method that was added, if there is one.
    pub fn by(added: Option<&AddedMethod>, levels: &[LevelMetrics], options: FitOptions) -> Self {
        let regression = options.method.or_added(added).regression(&options);
        Self::drawn(levels, options.method, &*regression)
    }
}
