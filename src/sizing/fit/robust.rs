//! A straight line that outliers cannot pull away.

use super::line::Line;
use super::{Fit, NoFit, Point, Regression};
use crate::sizing::method::MethodName;

/// Repeated medians (A. F. Siegel, "Robust regression using repeated medians", Biometrika 69, 1982):
/// the slope is the median over all points of the median slope from that point to the others.
/// One point fewer than half of them can be anything at all without moving it.
///
/// Points further from the line than three scaled median absolute deviations are named as
/// outliers; R² is that of the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Robust {
    /// Smallest accepted R².
    pub min_r_squared: f64,
    /// Name outliers and leave them out of R².
    pub remove_outliers: bool,
}

/// Factor that makes a median absolute deviation comparable to a standard deviation, for normal
/// residuals.
const MAD_SCALE: f64 = 1.4826;
const FENCE: f64 = 3.0;
/// Share of the largest time below which residuals are rounding errors.
const ROUNDING: f64 = 1e-9;

impl Regression for Robust {
    fn fit(&self, points: &[Point]) -> Result<Fit, NoFit> {
        let too_few = NoFit::TooFewLevels { usable: points.len() };
        let line = repeated_medians(points).ok_or_else(|| too_few.clone())?;
        let residuals: Vec<f64> = line.residuals(points).iter().map(|it| it.abs()).collect();
        let spread = median(residuals.clone()).ok_or(too_few)?;
        let largest = points.iter().map(|point| point.seconds.abs()).fold(0.0, f64::max);
        let fence = (FENCE * MAD_SCALE * spread).max(ROUNDING * largest);
        let (kept, removed): (Vec<_>, Vec<_>) = std::iter::zip(points, &residuals)
            .partition(|(_, residual)| !self.remove_outliers || **residual <= fence);
        let kept: Vec<Point> = kept.into_iter().map(|(point, _)| *point).collect();
        let r_squared = line.r_squared(&kept);
        if r_squared.is_nan() || r_squared < self.min_r_squared {
            return Err(NoFit::PoorFit { r_squared, minimum: self.min_r_squared });
        }
        let outliers = removed.into_iter().map(|(point, _)| point.concurrency).collect();
        let Line { slope, intercept } = line;
        Ok(Fit { method: MethodName::Robust, slope, intercept, r_squared, outliers })
    }
}

/// Fits a line by repeated medians; `None` with fewer than two distinct concurrencies.
fn repeated_medians(points: &[Point]) -> Option<Line> {
    let slope_between = |a: &Point, b: &Point| {
        let run = f64::from(b.concurrency) - f64::from(a.concurrency);
        (run != 0.0).then(|| (b.seconds - a.seconds) / run)
    };
    let from = |a: &Point| median(points.iter().filter_map(|b| slope_between(a, b)).collect());
    let slope = median(points.iter().filter_map(from).collect())?;
    let offset = |point: &Point| point.seconds - slope * f64::from(point.concurrency);
    let intercept = median(points.iter().map(offset).collect())?;
    Some(Line { slope, intercept })
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    crate::measure::quantile_of_sorted(&values, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(points: &[(u32, f64)]) -> Result<Fit, NoFit> {
        let points: Vec<Point> =
            points.iter().map(|&(concurrency, seconds)| Point { concurrency, seconds }).collect();
        Robust { min_r_squared: 0.7, remove_outliers: true }.fit(&points)
    }

    #[test]
    fn a_line_stays_where_it_is_whatever_two_of_six_levels_say() {
        let fit =
            fit(&[(1, 2.5), (2, 900.0), (4, 4.0), (8, 6.0), (16, -70.0), (32, 18.0)]).unwrap();
        assert!((fit.slope - 0.5).abs() < 1e-12 && (fit.intercept - 2.0).abs() < 1e-12, "{fit:?}");
        assert_eq!(fit.outliers, [2, 16]);
        assert!((fit.r_squared - 1.0).abs() < 1e-12);
    }

    /// The levels of the golden case `02_outlier`; figures of the same definitions in numpy 2.4.
    #[test]
    fn one_outlier_among_four_levels() {
        let fit = fit(&[
            (1, 11.234_429_338_740_375),
            (2, 3.770_891_845_008_38),
            (4, 5.454_063_705_934_99),
            (8, 8.971_123_959_680_302),
        ])
        .unwrap();
        assert!((fit.slope - 0.841_585_930_463_305_1).abs() < 1e-9, "{fit:?}");
        assert!((fit.intercept - 2.163_078_250_027_815_4).abs() < 1e-9, "{fit:?}");
        assert!((fit.r_squared - 0.998_790_162_645_537_7).abs() < 1e-9, "{fit:?}");
        assert_eq!(fit.outliers, [1]);
    }

    #[test]
    fn nothing_to_fit_is_no_fit() {
        assert!(matches!(fit(&[(3, 1.0)]), Err(NoFit::TooFewLevels { usable: 1 })));
        assert!(matches!(fit(&[]), Err(NoFit::TooFewLevels { usable: 0 })));
    }
}
