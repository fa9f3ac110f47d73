//! Noise of means: their standard errors, and how much levels differ beyond them.

use crate::sizing::curve::{Curve, MeanPoint, Shape};
use crate::sizing::misfit::{self, Residual};
use crate::sizing::tails::DEPENDENCE;

/// Returns the standard error of the logarithm of a mean.
pub(super) fn standard_error(seen: &MeanPoint, noise: f64) -> f64 {
    DEPENDENCE * noise / seen.weight.sqrt()
}

pub(super) fn weight_alike(seen: &MeanPoint, noise: f64, between: f64) -> f64 {
    let own = standard_error(seen, noise);
    let all = own.hypot(between);
    if all > 0.0 { seen.weight * (own / all).powi(2) } else { seen.weight }
}

/// Fits the curve through levels that differ by more than their own noise: many runs then make a
/// level no more accurate than few.
pub(super) fn fit_alike(
    seen: &[MeanPoint],
    noise: f64,
    between: f64,
    shape: Shape,
) -> Option<Curve> {
    let alike = |it: &MeanPoint| MeanPoint { weight: weight_alike(it, noise, between), ..*it };
    Curve::fit(&seen.iter().map(alike).collect::<Vec<_>>(), shape)
}

pub(super) fn between_levels(seen: &[MeanPoint], curve: &Curve, noise: f64) -> f64 {
    let residual = |it: &MeanPoint| Residual {
        off: (it.seconds / curve.at(it.concurrency)).ln(),
        error: standard_error(it, noise),
        weight: 1.0,
    };
    let residuals: Vec<Residual> =
        seen.iter().map(residual).filter(|it| it.error > 0.0 && it.off.is_finite()).collect();
    misfit::between(&residuals, curve.parts_used())
}
