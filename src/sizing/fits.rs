//! Straight lines through all metrics and quantiles.

use super::fit::{Fit, NoFit, Point, Regression};
use super::method::MethodName;
use crate::measure::{LevelMetrics, Metric, Quantile};
use serde::{Deserialize, Serialize};

/// Options of the fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitOptions {
    /// Method of the estimate.
    pub method: MethodName,
    /// Smallest accepted R².
    pub min_r_squared: f64,
    /// Leave outliers out.
    pub remove_outliers: bool,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self { method: MethodName::default(), min_r_squared: 0.7, remove_outliers: true }
    }
}

/// Fit of one quantile of one metric, or the reason why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NamedFit {
    /// Metric of the fit.
    pub metric: Metric,
    /// Quantile of the fit.
    pub quantile: Quantile,
    /// The fit.
    pub fit: Option<Fit>,
    /// Reason why there is none.
    pub no_fit: Option<NoFit>,
}

/// Fits of every metric and quantile: whatever a target asks for is there, so that a changed target
/// requires no new fit. That of a rate is the fit of the times behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fits {
    /// Method of the estimate.
    pub method: MethodName,
    /// All fits.
    pub fits: Vec<NamedFit>,
}

impl Fits {
    /// Draws lines through the levels that were not interrupted.
    pub(super) fn drawn(
        levels: &[LevelMetrics],
        method: MethodName,
        regression: &dyn Regression,
    ) -> Self {
        let times = Metric::ALL.iter().filter(|metric| !metric.is_rate());
        let pairs = times.flat_map(|m| Quantile::ALL.iter().map(move |q| (*m, *q)));
        let fits = pairs
            .map(|(metric, quantile)| {
                let points = points(levels, metric, quantile);
                let measured = levels.iter().any(|level| level.metric(metric).is_some());
                let result = if measured {
                    regression.fit(&points)
                } else {
                    Err(NoFit::NotMeasured { metric: metric.to_string() })
                };
                let no_fit = result.as_ref().err().cloned();
                NamedFit { metric, quantile, fit: result.ok(), no_fit }
            })
            .collect();
        Self { method, fits }
    }

    /// Returns the fit of one quantile of the times behind a metric; fails with the reason why there
    /// is none.
    pub fn get(&self, metric: Metric, quantile: Quantile) -> Result<&Fit, NoFit> {
        let not_measured = || NoFit::NotMeasured { metric: metric.to_string() };
        let time = metric.time_behind();
        let named = self.fits.iter().find(|it| it.metric == time && it.quantile == quantile);
        let named = named.ok_or_else(not_measured)?;
        named.fit.as_ref().ok_or_else(|| match &named.no_fit {
            Some(NoFit::NotMeasured { .. }) | None => not_measured(),
            Some(reason) => reason.clone(),
        })
    }
}

pub(super) fn points(levels: &[LevelMetrics], metric: Metric, quantile: Quantile) -> Vec<Point> {
    let usable = levels.iter().filter(|level| !level.interrupted);
    usable
        .filter_map(|level| {
            let seconds = level.metric(metric)?.at(quantile);
            Some(Point { concurrency: level.concurrency, seconds })
        })
        .collect()
}
