//! Misfit: differences between levels and a model beyond the noise of their own runs, as from a rig
//! that was disturbed, or is not the same from one level to the next.

/// Normal deviate that chance exceeds in one of a hundred sweeps whose levels agree.
const BEYOND_CHANCE: f64 = 2.326;

/// Degrees of freedom below which nothing can be told.
const FEWEST_FREE: f64 = 0.99;

/// Deviation of a level from the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Residual {
    /// Distance from the model, as a logarithm.
    pub off: f64,
    /// Standard error of the distance.
    pub error: f64,
    /// Weight; usually 1.
    pub weight: f64,
}

/// Computes the standard deviation between levels beyond the errors of each: the `τ` at which the
/// sum of `off² / (error² + τ²)` is what the degrees of freedom let expect (Paule and Mandel,
/// 1982); 0 if they differ by no more than chance. `fitted` is the number of parameters that were
/// fitted to them.
pub(super) fn between(residuals: &[Residual], fitted: usize) -> f64 {
    const HALVINGS: usize = 40;
    let left = 1.0 - fitted as f64 / residuals.len().max(1) as f64;
    let weights: f64 = residuals.iter().map(|it| it.weight).sum();
    let squares: f64 = residuals.iter().map(|it| it.weight.powi(2)).sum();
    // A weighted sum of squares is close to a χ² of fewer degrees of freedom (Satterthwaite, 1946).
    let (expected, free) = (left * weights, left * weights.powi(2) / squares);
    if free.is_nan() || free < FEWEST_FREE {
        return 0.0;
    }
    if sum_of_squares(residuals, 0.0) <= expected / free * chi_squared(free) {
        return 0.0;
    }
    let largest = residuals.iter().map(|it| it.off.abs()).fold(0.0, f64::max);
    let (mut low, mut high) = (0.0, largest * residuals.len() as f64);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if sum_of_squares(residuals, middle) > expected { low = middle } else { high = middle }
    }
    high
}

/// Returns true if equally weighted levels differ by more than their errors let expect, be it by chance.
/// `fitted` is the number of parameters that were fitted to them.
pub(super) fn exceeds_expectation(residuals: &[Residual], fitted: usize) -> bool {
    sum_of_squares(residuals, 0.0) > residuals.len().saturating_sub(fitted) as f64
}

/// Returns the weighted sum of the squared residuals, each in units of its own error and of the standard deviation
/// `tau` between levels together.
fn sum_of_squares(residuals: &[Residual], tau: f64) -> f64 {
    let part = |it: &Residual| it.weight * it.off.powi(2) / (it.error.powi(2) + tau * tau);
    residuals.iter().map(part).sum()
}

/// Returns the value that a χ² of `free` degrees of freedom exceeds by chance in one of a hundred
/// (the cube root is close to normal: Wilson and Hilferty, 1931).
pub(super) fn chi_squared(free: f64) -> f64 {
    let variance = 2.0 / (9.0 * free);
    free * (1.0 - variance + BEYOND_CHANCE * variance.sqrt()).powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn residuals(offs: &[f64], error: f64) -> Vec<Residual> {
        offs.iter().map(|off| Residual { off: *off, error, weight: 1.0 }).collect()
    }

    /// `scipy.stats.chi2.ppf(0.99, n)`.
    #[test]
    fn the_bound_is_that_of_chi_squared() {
        for (free, expected) in [(1.0, 6.635), (2.0, 9.210), (5.0, 15.086), (10.0, 23.209)] {
            assert!((chi_squared(free) / expected - 1.0).abs() < 0.03, "{free}");
        }
    }

    #[test]
    fn what_chance_explains_is_no_misfit() {
        let offs = [0.01, -0.012, 0.004, -0.008];
        assert!(between(&residuals(&offs, 0.01), 1).abs() < 1e-12);
        assert!(between(&residuals(&offs[..1], 1e-6), 1).abs() < 1e-12, "nothing is left to tell");
    }

    #[test]
    fn a_level_far_away_says_nothing_here() {
        let near =
            [0.01, -0.012, 0.004, -0.008].map(|off| Residual { off, error: 0.01, weight: 1.0 });
        let far = |weight| Residual { off: 0.4, error: 0.01, weight };
        let with = |weight| [near.as_slice(), &[far(weight)]].concat();
        assert!(between(&with(1e-9), 1).abs() < 1e-12);
        assert!(between(&with(1.0), 1) > 0.1);
        // As far as a weight goes, so far goes what the level says.
        assert!(between(&with(0.2), 1) < between(&with(1.0), 1));
    }

    #[test]
    fn the_spread_of_exact_levels_is_their_standard_deviation() {
        let offs = [0.08, -0.08, 0.1, -0.1, 0.02];
        let squares: f64 = offs.iter().map(|off| off * off).sum();
        let found = between(&residuals(&offs, 1e-9), 1);
        assert!((found - (squares / 4.0).sqrt()).abs() < 1e-6, "{found}");
    }
}
