//! Logistic regression of two figures with an offset, and its covariance.

use crate::sizing::tails::DEPENDENCE;

/// Rounds of Newton's method; each doubles the digits.
const NEWTON: usize = 25;
/// Largest logit of a share that a model is believed.
const SURE: f64 = 7.0;
/// Standard deviations of the prior of both figures, which keeps them finite where all or no runs are over.
const PRIOR: [f64; 2] = [3.0, 1.5];

/// Two figures: the correction at the centre, and its change per e-fold of the load.
pub(super) type Pair = [f64; 2];

/// Levels around the centre: weight, distance, the model's logit, runs, and runs over the limit.
pub(super) struct WeightedLevel {
    pub weight: f64,
    pub distance: f64,
    pub offset: f64,
    pub runs: f64,
    pub over: f64,
}

/// Fits both figures by Newton's method, with their covariance `[xx, xy, yy]`. Levels that differ from each
/// other by more than their runs explain make it wider.
pub(super) fn fit(around: &[WeightedLevel]) -> Option<(Pair, [f64; 3])> {
    let prior = [PRIOR[0].powi(-2), 0.0, PRIOR[1].powi(-2)];
    let mut fitted: Pair = [0.0; 2];
    for _ in 0..NEWTON {
        let mut slope = [-fitted[0] * prior[0], -fitted[1] * prior[2]];
        let mut bend = prior;
        for it in around {
            let share = share_of(it, fitted);
            let off = it.weight * (it.over - it.runs * share);
            let curved = it.weight * it.runs * share * (1.0 - share);
            slope = [slope[0] + off, slope[1] + off * it.distance];
            bend = add(bend, curved, it.distance);
        }
        let inverse = inverse(bend)?;
        let step = times(inverse, slope);
        // A step that is too long for Newton's parabola is shortened.
        let length = step[0].abs().max(step[1].abs());
        let shortened = if length > 1.0 { 1.0 / length } else { 1.0 };
        fitted = [fitted[0] + shortened * step[0], fitted[1] + shortened * step[1]];
        if length < 1e-9 {
            break;
        }
    }
    let mut bend = prior;
    let mut noise = bend;
    let (mut beyond, mut levels, mut weights) = (0.0, 0.0, 0.0);
    for it in around {
        let share = share_of(it, fitted);
        let variance = it.runs * share * (1.0 - share);
        bend = add(bend, it.weight * variance, it.distance);
        noise = add(noise, it.weight.powi(2) * variance, it.distance);
        // Of fewer than one that is expected, one run more is a great surprise by this measure.
        beyond += it.weight * (it.over - it.runs * share).powi(2) / variance.max(1.0);
        levels += it.weight;
        weights += it.weight.powi(2);
    }
    let inverse = inverse(bend)?;
    let free = levels * levels / weights - 2.0;
    let spread = if free > 0.5 { (beyond / levels * (free + 2.0) / free).max(1.0) } else { 1.0 };
    let scale = DEPENDENCE.powi(2) * spread;
    let covariance = sandwich(inverse, noise).map(|it| it * scale);
    let known = covariance.iter().all(|it| it.is_finite());
    known.then_some((fitted, covariance))
}

fn share_of(it: &WeightedLevel, [alpha, beta]: Pair) -> f64 {
    1.0 / (1.0 + (-(it.offset + alpha + beta * it.distance)).exp())
}

/// Returns the squared distance of a correction from zero, in standard errors.
pub(super) fn distance(fitted: Pair, covariance: [f64; 3]) -> Option<f64> {
    let [x, y] = times(inverse(covariance)?, fitted);
    Some(x * fitted[0] + y * fitted[1]).filter(|it| it.is_finite())
}

pub(super) fn logit(share: f64) -> f64 {
    (share / (1.0 - share)).ln().clamp(-SURE, SURE)
}

fn add([xx, xy, yy]: [f64; 3], weight: f64, distance: f64) -> [f64; 3] {
    [xx + weight, xy + weight * distance, yy + weight * distance * distance]
}

fn inverse([xx, xy, yy]: [f64; 3]) -> Option<[f64; 3]> {
    let determinant = xx * yy - xy * xy;
    (determinant > 0.0).then(|| [yy / determinant, -xy / determinant, xx / determinant])
}

fn times([xx, xy, yy]: [f64; 3], [x, y]: Pair) -> Pair {
    [xx * x + xy * y, xy * x + yy * y]
}

/// Returns `A·B·A` of symmetric matrices.
fn sandwich(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    let rows = [times(b, [a[0], a[1]]), times(b, [a[1], a[2]])];
    let [first, second] = rows.map(|row| times(a, row));
    [first[0], first[1], second[1]]
}

/// Returns the lower triangle whose square is a covariance.
pub(super) fn root([xx, xy, yy]: [f64; 3]) -> Option<[f64; 3]> {
    let first = xx.sqrt();
    let second = (yy - (xy / first).powi(2)).max(0.0).sqrt();
    (first > 0.0).then(|| [first, xy / first, second])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Levels of `runs` runs at distances from the centre, of which so many are over the limit, held against a
    /// model that says one half.
    fn levels(seen: &[(f64, f64)], runs: f64) -> Vec<WeightedLevel> {
        let of = |&(distance, over): &(f64, f64)| WeightedLevel {
            weight: 1.0,
            distance,
            offset: 0.0,
            runs,
            over: over * runs,
        };
        seen.iter().map(of).collect()
    }

    /// Of two groups, the maximum of the likelihood is where each has the share that was seen, and the variance of
    /// a logit is `1 / (n p (1 - p))`.
    #[test]
    fn two_levels_have_the_logits_that_were_seen() {
        let runs = 1e5;
        let (fitted, covariance) = fit(&levels(&[(-0.5, 0.02), (0.5, 0.2)], runs)).unwrap();
        let at = |distance: f64| fitted[0] + fitted[1] * distance;
        assert!((at(-0.5) - logit(0.02)).abs() < 0.01, "{fitted:?}");
        assert!((at(0.5) - logit(0.2)).abs() < 0.01, "{fitted:?}");
        let of = |distance: f64| {
            let [xx, xy, yy] = covariance;
            xx + 2.0 * distance * xy + distance * distance * yy
        };
        let expected = |share: f64| DEPENDENCE.powi(2) / (runs * share * (1.0 - share));
        assert!((of(-0.5) / expected(0.02) - 1.0).abs() < 0.02, "{covariance:?}");
        assert!((of(0.5) / expected(0.2) - 1.0).abs() < 0.02, "{covariance:?}");
    }

    #[test]
    fn levels_that_differ_beyond_chance_make_it_less_certain() {
        let variance = |seen: &[(f64, f64)]| fit(&levels(seen, 400.0)).unwrap().1[0];
        let alike = [(-0.6, 0.1), (-0.2, 0.1), (0.2, 0.1), (0.6, 0.1)];
        let unlike = [(-0.6, 0.04), (-0.2, 0.16), (0.2, 0.04), (0.6, 0.16)];
        assert!(variance(&unlike) > 5.0 * variance(&alike));
    }

    #[test]
    fn where_all_or_no_runs_are_over_figures_stay_finite() {
        for seen in [[(-0.5, 0.0), (0.5, 0.0)], [(-0.5, 1.0), (0.5, 1.0)], [(0.0, 0.0), (0.0, 1.0)]]
        {
            let (fitted, covariance) = fit(&levels(&seen, 1e6)).unwrap();
            let all = fitted.iter().chain(&covariance);
            assert!(all.clone().all(|it| it.is_finite()), "{fitted:?} {covariance:?}");
            assert!(fitted.iter().all(|it| it.abs() < 40.0), "{fitted:?}");
        }
    }

    #[test]
    fn the_root_of_a_covariance_gives_it_back() {
        let [xx, xy, yy] = root([4.0, -3.0, 9.0]).unwrap();
        assert!((xx * xx - 4.0).abs() < 1e-12);
        assert!((xx * xy + 3.0).abs() < 1e-12);
        assert!((xy * xy + yy * yy - 9.0).abs() < 1e-12);
    }
}
