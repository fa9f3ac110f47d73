//! The methods `linear` and `robust`: straight lines through the levels' quantiles.

use super::monotone::PooledModels;
use crate::sizing::crossing::crossing;
use crate::sizing::estimate::{estimate, grade_line};
use crate::sizing::estimator::{Estimator, Model, NoModel};
use crate::sizing::evidence::Evidence;
use crate::sizing::finding::Finding;
use crate::sizing::fit::{Fit, Point, Regression, Robust};
use crate::sizing::fits::{FitOptions, points};
use crate::sizing::method::MethodName;
use crate::sizing::remembered::Remembered;
use crate::sizing::verdict::{Bounds, Verdict};
use crate::sizing::{Certainty, Estimate, Target, TargetQuestion};

/// Smallest R² of a robust line that is suggested: the levels that it keeps must lie on it.
const OFFERED_R_SQUARED: f64 = 0.9;

/// The method `linear`.
#[derive(Debug)]
pub(super) struct LeastSquares;

impl Estimator for LeastSquares {
    fn prepare<'e>(&self, evidence: &Evidence<'e>) -> Result<Box<dyn Model + 'e>, NoModel> {
        Ok(Box::new(Lines::of(evidence, MethodName::Linear)))
    }

    fn is_line(&self) -> bool {
        true
    }
}

/// The method `robust`.
#[derive(Debug)]
pub(super) struct RepeatedMedians;

impl Estimator for RepeatedMedians {
    fn prepare<'e>(&self, evidence: &Evidence<'e>) -> Result<Box<dyn Model + 'e>, NoModel> {
        Ok(Box::new(Lines::of(evidence, MethodName::Robust)))
    }

    fn is_line(&self) -> bool {
        true
    }

    fn regression(&self, options: &FitOptions) -> Box<dyn Regression> {
        let FitOptions { min_r_squared, remove_outliers, .. } = *options;
        Box::new(Robust { min_r_squared, remove_outliers })
    }
}

/// Lines of all metrics, and the models of `monotone` that their answers are compared with.
struct Lines<'e> {
    evidence: Evidence<'e>,
    method: MethodName,
    pooled: PooledModels<'e>,
    /// Ends of the capacity by those models, which depend on the target alone.
    found: Remembered<(Target, Certainty), Option<(f64, f64)>>,
}

impl<'e> Lines<'e> {
    fn of(evidence: &Evidence<'e>, method: MethodName) -> Self {
        Self {
            evidence: *evidence,
            method,
            pooled: PooledModels::of(evidence),
            found: Remembered::default(),
        }
    }
}

impl Model for Lines<'_> {
    fn estimate(&self, asked: &TargetQuestion<'_>, certainty: Certainty) -> Estimate {
        let Target { metric, quantile, .. } = asked.target;
        let limit = asked.target.seconds();
        let fit = self.evidence.fit(metric, quantile).cloned();
        let mut found = estimate(asked, self.method, &fit);
        let verdicts = self.pooled.levels().iter().map(|it| Verdict::of(it, &asked.target));
        let bounds = Bounds::of(&verdicts.collect::<Vec<_>>());
        let capacity = || {
            let models = self.pooled.of_metric(metric)?;
            let carried = models.whole.capacity(quantile, limit, certainty, None);
            let range = carried.range(|it| it.concurrency);
            Some((range.low, range.high))
        };
        let curve = self.found.or_make((asked.target, certainty), capacity);
        grade_line(&mut found, asked, &bounds, curve);
        found
    }

    fn crossing(&self, target: &Target) -> Option<f64> {
        // Few levels make a poor line, and a search begins with one.
        crossing(self.evidence.levels(), target)
    }

    /// Suggests the robust line where the levels do not lie on the line of least squares, and tells where that line
    /// goes through two points alone, or past the levels that show saturation.
    fn suggestion(&self, asked: &TargetQuestion<'_>, estimate: &Estimate) -> Option<Finding> {
        if self.method != MethodName::Linear || estimate.answer.is_out_of_reach() {
            return None;
        }
        match &estimate.fit {
            Some(fit) => self.two_points(asked).or_else(|| self.saturation_left_out(asked, fit)),
            None => self.robust_line(asked),
        }
    }
}

impl Lines<'_> {
    fn robust_line(&self, asked: &TargetQuestion<'_>) -> Option<Finding> {
        let Target { metric, quantile, .. } = asked.target;
        let robust = Robust { min_r_squared: OFFERED_R_SQUARED, remove_outliers: true };
        let fit = robust.fit(&points(self.evidence.levels(), metric, quantile)).ok()?;
        if fit.outliers.is_empty() {
            return None;
        }
        let outliers = fit.outliers.clone();
        let gpus = estimate(asked, MethodName::Robust, &Ok(fit)).answer.gpus()?.point?;
        Some(Finding::RobustLine { metric, outliers, gpus })
    }

    fn two_points(&self, asked: &TargetQuestion<'_>) -> Option<Finding> {
        let Target { metric, quantile, .. } = asked.target;
        let levels = self.evidence.levels();
        let [lower, higher] = points(levels, metric, quantile)[..] else { return None };
        let levels = [lower.concurrency, higher.concurrency];
        Some(Finding::TwoPointLine { metric, levels })
    }

    /// The rule that leaves outliers out cannot tell a disturbed level from one at which the rig is saturated: both
    /// lie far above the line of the others.
    fn saturation_left_out(&self, asked: &TargetQuestion<'_>, fit: &Fit) -> Option<Finding> {
        let Target { metric, quantile, .. } = asked.target;
        let points = points(self.evidence.levels(), metric, quantile);
        let (dropped, kept): (Vec<Point>, Vec<Point>) =
            points.into_iter().partition(|point| fit.outliers.contains(&point.concurrency));
        let highest = kept.iter().map(|point| point.concurrency).max()?;
        let above = |point: &&Point| {
            let on_line = fit.intercept + fit.slope * f64::from(point.concurrency);
            point.concurrency > highest && point.seconds > on_line
        };
        let levels: Vec<u32> = dropped.iter().filter(above).map(|it| it.concurrency).collect();
        if levels.is_empty() {
            return None;
        }
        let line = fit.capacity(asked.target.seconds()).ok()?;
        let certainty = Certainty { resamples: 0, ..Certainty::default() };
        let pooled = self.pooled.estimate(asked, certainty);
        let monotone = pooled.answer.capacity().and_then(|capacity| capacity.point);
        Some(Finding::SaturationLeftOut { metric, levels, line, monotone })
    }
}
