//! Part of a difference that chance does not explain.

/// Squared standard errors up to which a difference is chance.
const CHANCE: f64 = 2.0;

/// Returns the part of a difference to keep, from 0 to 1: `1 − 2 / z²`, for z standard errors (the positive part of
/// the James-Stein estimator). If the difference is NaN, nothing is kept.
pub(super) fn kept(difference: f64, error: f64) -> f64 {
    let kept = 1.0 - CHANCE * (error / difference).powi(2);
    if kept.is_nan() { 0.0 } else { kept.max(0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_chance_may_make_is_not_kept() {
        assert!(kept(1.4, 1.0) <= 0.0 && kept(-1.4, 1.0) <= 0.0 && kept(0.0, 1.0) <= 0.0);
        assert!((kept(2.0, 1.0) - 0.5).abs() < 1e-12 && (kept(-2.0, 1.0) - 0.5).abs() < 1e-12);
        assert!((kept(1.0, 0.0) - 1.0).abs() < 1e-12 && kept(0.0, 0.0) <= 0.0);
        assert!(kept(f64::NAN, 1.0) <= 0.0 && kept(1.0, f64::INFINITY) <= 0.0);
    }
}
