//! Trend of a tail with the load.
//!
//! Multiples of the mean spread less where runs wait, since all wait alike. A quantile of all levels together is that
//! of the loads at which most runs were measured; where the levels' own quantiles rise or fall with the load by more
//! than chance, the quantile at another load lies further along that trend. How far is unknown, since the trend may
//! have a kink.

use super::shrink::kept;

/// Standard deviation of what lies anywhere between two ends, as a share of their distance: that of a uniform
/// distribution, `1 / √12`.
const ANYWHERE: f64 = 0.288_675;

/// Quantile of one level.
#[derive(Clone, Copy)]
pub(super) struct LevelTail {
    /// Logarithm of its load.
    pub at: f64,
    /// Logarithm of its quantile.
    pub log: f64,
    /// Standard error of that logarithm.
    pub error: f64,
    /// Closeness to the load that is asked for.
    pub weight: f64,
}

/// Quantile at a load, as far along the trend as it lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trended {
    /// Logarithm of the quantile.
    pub log: f64,
    /// Standard deviation of that logarithm, because the trend may have a kink.
    pub error: f64,
}

impl Trended {
    /// Draws a line through the quantiles of levels by weighted least squares, and finds the quantile at the logarithm
    /// of a load. That of all levels together is `pooled`. `None` if chance may be the whole slope.
    ///
    /// The bulk of the levels lies within a standard deviation around their mean load. Between its ends the line holds,
    /// up to a kink anywhere; beyond, it may go on or end at once.
    pub fn of(levels: &[LevelTail], at: f64, pooled: f64) -> Option<Self> {
        let weight = |it: &LevelTail| it.weight / it.error.powi(2);
        let sum = |of: &dyn Fn(&LevelTail) -> f64| {
            levels.iter().map(|it| weight(it) * of(it)).sum::<f64>()
        };
        let weights = sum(&|_| 1.0);
        let (centre, log) = (sum(&|it| it.at) / weights, sum(&|it| it.log) / weights);
        let squares = sum(&|it| (it.at - centre).powi(2));
        let slope = sum(&|it| (it.at - centre) * it.log) / squares;
        let chance = sum(&|it| weight(it) * ((it.at - centre) * it.error).powi(2)).sqrt() / squares;
        let off = sum(&|it| (it.log - log - slope * (it.at - centre)).powi(2));
        let free = levels.len().checked_sub(2)? as f64;
        let of_each = sum(&|it| it.error.powi(2));
        let misfit =
            if free > 0.0 { (off / of_each * levels.len() as f64 / free).max(1.0) } else { 1.0 };
        let kept = kept(slope, chance * misfit.sqrt());
        if kept <= 0.0 {
            return None;
        }
        let bulk = (squares / weights).sqrt();
        let (within, beyond) = ((at - centre).clamp(-bulk, bulk), (at - centre).abs() - bulk);
        let (shift, error) = if beyond > 0.0 {
            (within + beyond.copysign(within) / 2.0, ANYWHERE * beyond)
        } else {
            let part = (within + bulk) / (2.0 * bulk);
            (within, ANYWHERE * 2.0 * (part * (1.0 - part)).sqrt() * 2.0 * bulk)
        };
        let along = log + slope * shift;
        Some(Self { log: pooled + kept * (along - pooled), error: kept * slope.abs() * error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(load: f64, multiple: f64, error: f64) -> LevelTail {
        LevelTail { at: load.ln(), log: multiple.ln(), error, weight: 1.0 }
    }

    /// Two levels of the same weight are the ends of their bulk.
    #[test]
    fn a_tail_lies_between_those_on_both_sides() {
        let levels = [level(4.0, 4.0, 1e-6), level(16.0, 2.0, 1e-6)];
        let at = |load: f64| Trended::of(&levels, load.ln(), 2.0_f64.ln()).unwrap();
        let middle = at(8.0);
        assert!((middle.log - 8.0_f64.ln() / 2.0).abs() < 1e-6, "{}", middle.log.exp());
        assert!((middle.error - 2.0_f64.ln() / 12.0_f64.sqrt()).abs() < 1e-5, "{}", middle.error);
        for (load, multiple) in [(4.0, 4.0), (16.0, 2.0_f64)] {
            assert!((at(load).log - multiple.ln()).abs() < 1e-6 && at(load).error < 1e-5);
        }
    }

    /// The slope is −1/2: at a load of 64, two doublings beyond the highest level, the line says 1.
    #[test]
    fn beyond_the_levels_a_trend_goes_on_or_ends() {
        let levels = [level(4.0, 4.0, 1e-6), level(16.0, 2.0, 1e-6)];
        let found = Trended::of(&levels, 64.0_f64.ln(), 2.0_f64.ln()).unwrap();
        assert!((found.log - 2.0_f64.ln() / 2.0).abs() < 1e-6, "{}", found.log.exp());
        assert!((found.error - 2.0_f64.ln() / 12.0_f64.sqrt()).abs() < 1e-5, "{}", found.error);
        let below = Trended::of(&levels, 0.0, 2.0_f64.ln()).unwrap();
        assert!(
            (below.log - 1.5 * 2.0_f64.ln() - 2.0_f64.ln()).abs() < 1e-6,
            "{}",
            below.log.exp()
        );
    }

    /// A slope of √2 standard errors is chance; of one of 2, half remains.
    #[test]
    fn a_slope_that_chance_may_make_is_none() {
        let of = |apart: f64| {
            let levels = [level(4.0, 1.0, 0.06), level(16.0, (0.1 * apart).exp(), 0.08)];
            Trended::of(&levels, 4.0_f64.ln(), 0.05)
        };
        assert!(of(1.4).is_none() && of(-1.4).is_none() && of(0.0).is_none());
        assert!(of(2.0).is_some_and(|it| it.log < 0.05 && it.log > 0.0));
        assert!(Trended::of(&[level(4.0, 1.0, 0.1)], 1.0, 0.0).is_none());
        assert!(Trended::of(&[level(4.0, 1.0, 0.1), level(4.0, 3.0, 0.1)], 1.0, 0.0).is_none());
        assert!(Trended::of(&[], 1.0, 0.0).is_none());
    }

    /// Levels that lie off the line by more than chance make its slope less sure.
    #[test]
    fn a_line_that_does_not_fit_says_less() {
        let of = |logs: [f64; 5]| {
            let level = |(place, log): (usize, f64)| LevelTail {
                at: place as f64,
                log,
                error: 0.01,
                weight: 1.0,
            };
            let levels: Vec<LevelTail> = logs.into_iter().enumerate().map(level).collect();
            Trended::of(&levels, 0.0, 0.1)
        };
        assert!(of([0.0, 0.05, 0.1, 0.15, 0.2]).is_some());
        assert!(of([0.0, 0.3, -0.2, 0.5, 0.1]).is_none());
    }
}
