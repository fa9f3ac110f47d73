//! A straight line, and its goodness of fit.

use super::Point;
use ndarray::Array1;

/// A straight line through points.
pub(super) struct Line {
    /// Slope in seconds per run in flight.
    pub slope: f64,
    /// Intercept in seconds.
    pub intercept: f64,
}

impl Line {
    /// Fits by ordinary least squares on centred values, which keeps the sums well conditioned;
    /// `None` with fewer than two distinct concurrencies.
    pub fn through(points: &[Point]) -> Option<Self> {
        let (x, y) = columns(points);
        let (mean_x, mean_y) = (x.mean()?, y.mean()?);
        let (dx, dy) = (&x - mean_x, &y - mean_y);
        let variance = dx.dot(&dx);
        if variance <= 0.0 {
            return None;
        }
        let slope = dx.dot(&dy) / variance;
        Some(Self { slope, intercept: mean_y - slope * mean_x })
    }

    pub fn residuals(&self, points: &[Point]) -> Array1<f64> {
        let (x, y) = columns(points);
        y - (x * self.slope + self.intercept)
    }

    /// Returns `1 − residual sum of squares / total sum of squares`; 0 if all times are equal,
    /// since there is then no variance to explain.
    pub fn r_squared(&self, points: &[Point]) -> f64 {
        let (_, y) = columns(points);
        let mean = y.mean().unwrap_or_default();
        let residuals = self.residuals(points);
        let spread = &y - mean;
        let total = spread.dot(&spread);
        // The mean of n equal values can differ from them by rounding.
        let rounding = (mean * f64::EPSILON * 4.0).powi(2) * y.len() as f64;
        if total <= rounding { 0.0 } else { 1.0 - residuals.dot(&residuals) / total }
    }
}

fn columns(points: &[Point]) -> (Array1<f64>, Array1<f64>) {
    let x = points.iter().map(|point| f64::from(point.concurrency)).collect();
    let y = points.iter().map(|point| point.seconds).collect();
    (x, y)
}
