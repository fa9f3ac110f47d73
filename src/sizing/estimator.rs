//! The seam between questions and methods of estimation.
//!
//! An [`Estimator`] makes a [`Model`] of the evidence, and the model answers whatever is asked: the
//! targets of an estimate, the notes of an assessment, and the planner of an adaptive sweep, which
//! knows the levels measured so far. A method that finds less than it needs (no runs, no tokens)
//! returns the model of another method, whose name is then in the estimates.

use super::evidence::Evidence;
use super::expected_runtime::ExpectedRuntime;
use super::finding::Finding;
use super::fit::{Linear, Regression};
use super::fits::FitOptions;
use super::verdict::{TOLERABLE, failed_share};
use super::{Certainty, Estimate, Target, TargetQuestion};
use crate::measure::LevelMetrics;
use std::fmt;

/// A method of estimation.
pub trait Estimator: fmt::Debug + Send + Sync {
    /// Makes a model of the evidence; fails if no answer can be had from it, whatever is asked.
    fn prepare<'e>(&self, evidence: &Evidence<'e>) -> Result<Box<dyn Model + 'e>, NoModel>;

    /// Returns true if the answers rest on straight lines through the levels' quantiles.
    fn is_line(&self) -> bool {
        false
    }

    /// Returns the regression behind the lines. Beside a method that does not rest on lines, they
    /// describe the levels.
    fn regression(&self, options: &FitOptions) -> Box<dyn Regression> {
        Box::new(Linear {
            min_r_squared: options.min_r_squared,
            remove_outliers: options.remove_outliers,
            ..Linear::default()
        })
    }
}

/// A model of how a rig responds to load, ready for questions.
pub trait Model {
    /// Estimates the capacity for one target, and the GPUs for its load.
    fn estimate(&self, asked: &TargetQuestion<'_>, certainty: Certainty) -> Estimate;

    /// Returns the load at which a target is crossed: 0 if a single run in flight exceeds it,
    /// infinite if the levels do not show a crossing; `None` if no level tells. An adaptive sweep
    /// asks after each level, with whatever is known by then.
    fn crossing(&self, target: &Target) -> Option<f64>;

    /// Returns the mean runtime at a load, in seconds; `None` if the model knows no more of it than
    /// the levels show.
    fn mean_runtime(&self, _load: f64) -> Option<f64> {
        None
    }

    /// Returns the mean runtime at a level, and what the other levels make one expect; `None` if the
    /// model cannot tell.
    fn expected(&self, _level: u32) -> Option<ExpectedRuntime> {
        None
    }

    /// Returns the level, and the approximate number of additional runs there, that would halve the
    /// interval of a capacity; `None` if no number would.
    fn runs_to_halve(&self, _estimate: &Estimate) -> Option<(f64, f64)> {
        None
    }

    /// Returns the number of runs whose token counts the model of run times rests on; `None` if it rests on none.
    fn counted_runs(&self) -> Option<u64> {
        None
    }

    /// Tells what this method cannot see of a target's answer, or suggests another method where it gives none.
    fn suggestion(&self, _asked: &TargetQuestion<'_>, _estimate: &Estimate) -> Option<Finding> {
        None
    }
}

/// Reason why there is no model.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NoModel {
    /// Runs failed at every level.
    #[error("runs failed at every level")]
    AllFailed {
        /// Largest share of failed runs at a level, 0 to 1.
        most: f64,
    },
}

impl NoModel {
    /// Checks that there is a level at which runs did not fail, unless there is none at all.
    pub fn if_all_failed(levels: &[LevelMetrics]) -> Result<(), Self> {
        if levels.is_empty() || levels.iter().any(|level| !level.interrupted) {
            return Ok(());
        }
        let most = levels.iter().map(failed_share).fold(0.0, f64::max);
        Err(Self::AllFailed { most })
    }
}

impl From<&NoModel> for Finding {
    fn from(reason: &NoModel) -> Self {
        let NoModel::AllFailed { most } = *reason;
        Self::AllFailed { most, tolerable: most <= TOLERABLE }
    }
}
