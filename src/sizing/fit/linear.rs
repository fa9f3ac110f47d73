//! The reference calculator's straight line, with its outlier rules.

use super::line::Line;
use super::{Fit, NoFit, Point, Regression, outliers};
use crate::sizing::method::MethodName;

/// Least squares through the levels' quantiles, after the reference's outlier removal.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// Smallest accepted R².
    pub min_r_squared: f64,
    /// Remove outliers (only ever with more than four levels).
    pub remove_outliers: bool,
    /// Most levels with which raw times are screened.
    pub small_range: usize,
    /// Fence of the raw times, in interquartile ranges.
    pub extreme_iqrs: f64,
    /// Fence of the residuals, in interquartile ranges.
    pub residual_iqrs: f64,
}

impl Default for Linear {
    fn default() -> Self {
        Self {
            min_r_squared: 0.7,
            remove_outliers: true,
            small_range: 8,
            extreme_iqrs: 2.0,
            residual_iqrs: 1.5,
        }
    }
}

impl Regression for Linear {
    fn fit(&self, points: &[Point]) -> Result<Fit, NoFit> {
        if points.len() < 2 {
            return Err(NoFit::TooFewLevels { usable: points.len() });
        }
        let (kept, removed) = self.screen(points);
        let line = Line::through(&kept).ok_or(NoFit::TooFewLevels { usable: kept.len() })?;
        let r_squared = line.r_squared(&kept);
        if r_squared.is_nan() || r_squared < self.min_r_squared {
            return Err(NoFit::PoorFit { r_squared, minimum: self.min_r_squared });
        }
        let outliers = removed.iter().map(|point| point.concurrency).collect();
        let Line { slope, intercept } = line;
        Ok(Fit { method: MethodName::Linear, slope, intercept, r_squared, outliers })
    }
}

impl Linear {
    /// Splits the points into those kept and those removed: first extreme raw times where there
    /// are few levels, then large residuals.
    fn screen(&self, points: &[Point]) -> (Vec<Point>, Vec<Point>) {
        const FEWEST_TO_SCREEN: usize = 5;
        let mut kept = points.to_vec();
        let mut removed = Vec::new();
        if !self.remove_outliers || points.len() < FEWEST_TO_SCREEN {
            return (kept, removed);
        }
        if points.len() <= self.small_range {
            let times: Vec<f64> = kept.iter().map(|point| point.seconds).collect();
            removed.extend(outliers::take(&mut kept, &times, self.extreme_iqrs));
        }
        if let Some(line) = Line::through(&kept) {
            let residuals = line.residuals(&kept).to_vec();
            removed.extend(outliers::take(&mut kept, &residuals, self.residual_iqrs));
        }
        (kept, removed)
    }
}
