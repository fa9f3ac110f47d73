//! The lines of all metrics and quantiles.

use super::fit::{Fit, Linear, Method, MethodName, NoFit, Point, Robust};
use crate::measure::{LevelMetrics, Metric, Quantile};
use serde::{Deserialize, Serialize};

/// How to fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FitOptions {
    /// The model.
    pub method: MethodName,
    /// A fit below this R² is refused.
    pub min_r_squared: f64,
    /// Whether outliers are looked for.
    pub remove_outliers: bool,
}

impl FitOptions {
    fn method(&self) -> Box<dyn Method> {
        match self.method {
            // The lines beside the curve only describe the levels.
            MethodName::Linear | MethodName::Monotone => Box::new(Linear {
                min_r_squared: self.min_r_squared,
                remove_outliers: self.remove_outliers,
                ..Linear::default()
            }),
            MethodName::Robust => Box::new(Robust {
                min_r_squared: self.min_r_squared,
                remove_outliers: self.remove_outliers,
            }),
        }
    }
}

/// The fit of one quantile of one metric, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedFit {
    /// The metric.
    pub metric: Metric,
    /// The quantile.
    pub quantile: Quantile,
    /// The fit.
    pub fit: Option<Fit>,
    /// Why there is none.
    pub no_fit: Option<NoFit>,
}

/// The fits of every metric and quantile: whatever a target asks for is there, so that a changed
/// target fits nothing again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fits {
    /// The method that was asked for.
    pub method: MethodName,
    /// All fits.
    pub fits: Vec<NamedFit>,
}

impl Fits {
    /// Fits the levels that were not interrupted.
    pub fn of(levels: &[LevelMetrics], options: FitOptions) -> Self {
        let method = options.method();
        let pairs = Metric::ALL.iter().flat_map(|m| Quantile::ALL.iter().map(move |q| (*m, *q)));
        let fits = pairs
            .map(|(metric, quantile)| {
                let points = points(levels, metric, quantile);
                let measured = levels.iter().any(|level| level.metric(metric).is_some());
                let result = if measured {
                    method.fit(&points)
                } else {
                    Err(NoFit::NotMeasured { metric: metric.to_string() })
                };
                let no_fit = result.as_ref().err().cloned();
                NamedFit { metric, quantile, fit: result.ok(), no_fit }
            })
            .collect();
        Self { method: options.method, fits }
    }

    /// The fit of one quantile of one metric.
    pub fn get(&self, metric: Metric, quantile: Quantile) -> Result<&Fit, NoFit> {
        let not_measured = || NoFit::NotMeasured { metric: metric.to_string() };
        let named = self.fits.iter().find(|it| it.metric == metric && it.quantile == quantile);
        let named = named.ok_or_else(not_measured)?;
        named.fit.as_ref().ok_or_else(|| named.no_fit.clone().unwrap_or_else(not_measured))
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
