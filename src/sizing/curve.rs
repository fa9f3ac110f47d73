//! Mean time against concurrency, in the shape that a closed loop gives it.
//!
//! For whole runs and whole calls: by Little's law the throughput at concurrency c is c over the
//! mean time. Adding load neither shortens the time nor, in a server that does not thrash, lowers
//! the throughput, and each further run in flight costs at least as much as the one before. The
//! curves with all three properties (rising, convex, `time / c` falling) are the sums of
//! `w · max(c, k)` with weights that are not negative: parts that take the same time until k runs
//! are in flight and share one bottleneck from there on.
//!
//! The time to first token and the gaps between tokens are parts of a call. They rise with the load,
//! but the one may jump where a batch is full and the other stay there, so rising is all that their
//! curve is held to: it is a sum of ramps between neighbouring levels.

use super::nnls::nnls;
use crate::measure::{LevelMetrics, Metric, Span};

/// A mean time observed at a concurrency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct MeanPoint {
    pub concurrency: f64,
    /// Mean time in seconds.
    pub seconds: f64,
    /// Number of samples behind it: its relative variance is inverse to this.
    pub weight: f64,
}

impl MeanPoint {
    /// Returns the mean of a level's metric; `None` if it was not measured.
    pub fn of(level: &LevelMetrics, metric: Metric) -> Option<Self> {
        let summary = level.metric(metric)?;
        let (concurrency, weight) = (f64::from(level.concurrency), summary.count as f64);
        Some(Self { concurrency, seconds: summary.mean, weight })
    }
}

/// Prior knowledge about a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Rising, convex, and `time / c` falling.
    ClosedLoop,
    /// Rising.
    Rising,
}

impl Shape {
    /// Returns the shape of a metric's mean.
    pub fn of(metric: Metric) -> Self {
        match metric.span() {
            Span::Whole => Self::ClosedLoop,
            Span::FirstToken | Span::Token => Self::Rising,
        }
    }
}

/// A component `weight · clamp(c, from, to)` of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    from: f64,
    to: f64,
    /// Value at `from` with weight 1.
    base: f64,
    weight: f64,
}

impl Part {
    fn at(&self, concurrency: f64) -> f64 {
        self.weight * (self.base + concurrency.clamp(self.from, self.to) - self.from)
    }
}

/// A sum of parts, and a constant that load does not change.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    parts: Vec<Part>,
    constant: f64,
}

impl Curve {
    /// Fits the curve of a shape that is closest to what was seen (ascending, least squares of
    /// relative errors), with knots at the observed concurrencies.
    pub fn fit(seen: &[MeanPoint], shape: Shape) -> Option<Self> {
        let seen: Vec<&MeanPoint> =
            seen.iter().filter(|it| it.seconds > 0.0 && it.weight > 0.0).collect();
        let (first, last) = (seen.first()?, seen.last()?);
        // Below the first and beyond the last there is nothing to tell a knot from a constant.
        let inside = seen.iter().map(|it| it.concurrency);
        let inside = inside.filter(|c| *c > first.concurrency && *c < last.concurrency);
        let part = |from, to, base| Part { from, to, base, weight: 1.0 };
        let mut parts: Vec<Part> = match shape {
            Shape::ClosedLoop => {
                let knots = std::iter::once(0.0).chain(inside);
                knots.map(|knot| part(knot, f64::INFINITY, knot)).collect()
            }
            Shape::Rising => {
                let knots: Vec<f64> = std::iter::once(first.concurrency).chain(inside).collect();
                let ends = knots.iter().skip(1).copied().chain([f64::INFINITY]);
                std::iter::zip(knots.iter().copied(), ends)
                    .map(|(from, to)| part(from, to, 0.0))
                    .collect()
            }
        };
        let scaled = |it: &MeanPoint, value: f64| value * it.weight.sqrt() / it.seconds;
        let row = |it: &&MeanPoint| -> Vec<f64> {
            let parts = parts.iter().map(|part| scaled(it, part.at(it.concurrency)));
            parts.chain([scaled(it, 1.0)]).collect()
        };
        let rows: Vec<Vec<f64>> = seen.iter().map(row).collect();
        let target: Vec<f64> = seen.iter().map(|it| it.weight.sqrt()).collect();
        let mut weights = nnls(&rows, &target);
        let constant = weights.pop()?;
        for (part, weight) in std::iter::zip(&mut parts, weights) {
            part.weight = weight;
        }
        Some(Self { parts, constant })
    }

    /// Returns the number of its parameters that were fitted.
    pub fn parts_used(&self) -> usize {
        let parts = self.parts.iter().filter(|part| part.weight > 0.0).count();
        parts + usize::from(self.constant > 0.0)
    }

    /// Returns the mean time at a concurrency, in seconds.
    pub fn at(&self, concurrency: f64) -> f64 {
        self.constant + self.parts.iter().map(|part| part.at(concurrency)).sum::<f64>()
    }

    /// Returns by how many percent the mean time grows with each percent of load, just below a
    /// concurrency.
    pub fn elasticity_below(&self, concurrency: f64) -> f64 {
        const STEP: f64 = 1.5;
        (self.at(concurrency) / self.at(concurrency / STEP)).ln() / STEP.ln()
    }

    /// Returns the concurrency at which the mean time reaches `seconds`: 0 if it always exceeds it,
    /// infinite if it never does.
    pub fn reaches(&self, seconds: f64) -> f64 {
        const HIGHEST: f64 = 1e9;
        if self.at(0.0) >= seconds {
            return 0.0;
        }
        if self.at(HIGHEST) < seconds {
            return f64::INFINITY;
        }
        // Between two knots it is a straight line.
        let mut knots: Vec<f64> = self.parts.iter().map(|part| part.from).collect();
        knots.push(HIGHEST);
        let mut low = 0.0;
        for high in knots {
            let (from, to) = (self.at(low), self.at(high));
            if to >= seconds && to > from {
                return low + (high - low) * (seconds - from) / (to - from);
            }
            low = high;
        }
        HIGHEST
    }
}

impl Curve {
    /// Returns the lowest and highest concurrency at which the mean time may reach `seconds`, where
    /// nothing was seen between two neighbouring levels: the extremes that the shape allows for the
    /// same figures at the levels. `levels` are the observed concurrencies, ascending; `None`
    /// outside of them.
    pub fn reaches_between(
        &self,
        levels: &[f64],
        seconds: f64,
        shape: Shape,
    ) -> Option<(f64, f64)> {
        let at = self.reaches(seconds);
        let above = levels.partition_point(|level| *level < at);
        let (from, to) = (*levels.get(above.checked_sub(1)?)?, *levels.get(above)?);
        if shape == Shape::Rising {
            // It may jump anywhere between the two.
            return Some((from, to));
        }
        // A chord lies above a convex curve; below it lie what leads on from the left, and what leads
        // back from the right, no steeper than in proportion to the load.
        let slope = |a: f64, b: f64| (self.at(b) - self.at(a)) / (b - a);
        let before = above.checked_sub(2).and_then(|index| levels.get(index));
        let left = before.map_or(0.0, |before| slope(*before, from));
        let right = levels.get(above + 1).map_or(f64::INFINITY, |after| slope(to, *after));
        let right = right.min(self.at(to) / to);
        let by_left = from + (seconds - self.at(from)) / left;
        let by_right = to - (self.at(to) - seconds) / right;
        let latest = by_left.min(by_right);
        Some((at, if latest.is_finite() { latest.clamp(at, to) } else { at }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(points: &[(f64, f64)]) -> Vec<MeanPoint> {
        let seen = |&(concurrency, seconds)| MeanPoint { concurrency, seconds, weight: 10.0 };
        points.iter().map(seen).collect()
    }

    #[test]
    fn a_curve_of_that_shape_is_found_exactly() {
        // 2 s that load does not change, and a bottleneck of 0.25 s from 8 runs on.
        let truth = |c: f64| 2.0 + 0.25 * c.max(8.0);
        let points: Vec<(f64, f64)> =
            [1.0, 2.0, 4.0, 8.0, 16.0, 32.0].map(|c| (c, truth(c))).to_vec();
        let curve = Curve::fit(&seen(&points), Shape::ClosedLoop).unwrap();
        for c in [0.5, 3.0, 8.0, 12.0, 64.0] {
            assert!((curve.at(c) - truth(c)).abs() < 1e-9, "{c}: {} {curve:?}", curve.at(c));
        }
        assert!((curve.reaches(truth(24.0)) - 24.0).abs() < 1e-9);
        assert!((curve.reaches(truth(100.0)) - 100.0).abs() < 1e-9);
        assert!(curve.reaches(1.0).abs() < 1e-12);
    }

    #[test]
    fn between_levels_the_shape_leaves_a_range() {
        // Flat at 1 s up to a knee at 12, in proportion from there on; seen at 4, 8, 16 and 32.
        let truth = |c: f64| (c / 12.0_f64).max(1.0);
        let levels = [4.0, 8.0, 16.0, 32.0];
        let points: Vec<(f64, f64)> = levels.map(|c| (c, truth(c))).to_vec();
        let curve = Curve::fit(&seen(&points), Shape::ClosedLoop).unwrap();
        let (chord, latest) = curve.reaches_between(&levels, 1.1, Shape::ClosedLoop).unwrap();
        assert!((chord - (8.0 + 8.0 * 0.3)).abs() < 1e-6, "{chord}");
        assert!((latest - 13.2).abs() < 1e-6, "where it is in truth: {latest}");
        assert_eq!(curve.reaches_between(&levels, 9.0, Shape::ClosedLoop), None);
        let rising = Curve::fit(&seen(&points), Shape::Rising).unwrap();
        assert_eq!(rising.reaches_between(&levels, 1.1, Shape::Rising), Some((8.0, 16.0)));
    }

    #[test]
    fn noise_does_not_break_the_shape() {
        let points = [(1.0, 5.0), (2.0, 4.0), (4.0, 6.0), (8.0, 5.5), (16.0, 11.0), (32.0, 20.0)];
        let curve = Curve::fit(&seen(&points), Shape::ClosedLoop).unwrap();
        let grid: Vec<f64> = (1..200).map(f64::from).collect();
        for pair in grid.windows(2) {
            let (low, high) = (curve.at(pair[0]), curve.at(pair[1]));
            assert!(high >= low - 1e-12, "it never falls");
            assert!(high / pair[1] <= low / pair[0] + 1e-12, "nor does the throughput");
        }
    }

    #[test]
    fn one_level_is_a_curve_too() {
        for shape in [Shape::ClosedLoop, Shape::Rising] {
            let curve = Curve::fit(&seen(&[(4.0, 3.0)]), shape).unwrap();
            assert!((curve.at(4.0) - 3.0).abs() < 1e-9);
            assert!(Curve::fit(&[], shape).is_none());
        }
    }

    #[test]
    fn what_only_rises_may_jump_and_stay() {
        let points = [(1.0, 0.1), (8.0, 0.1), (16.0, 4.0), (32.0, 3.0), (64.0, 9.5)];
        let curve = Curve::fit(&seen(&points), Shape::Rising).unwrap();
        assert!((curve.at(0.5) - 0.1).abs() < 1e-9 && (curve.at(8.0) - 0.1).abs() < 1e-9);
        // The two that fall are pooled: of relative errors, 2 w / Σ w/y in squares.
        let pooled = (1.0 / 4.0 + 1.0 / 3.0) / (1.0 / 16.0 + 1.0 / 9.0);
        assert!((curve.at(16.0) - pooled).abs() < 1e-9, "{}", curve.at(16.0));
        assert!((curve.at(24.0) - pooled).abs() < 1e-9);
        assert!((curve.reaches(2.0) - (8.0 + 8.0 * 1.9 / (pooled - 0.1))).abs() < 1e-9);
        assert!((curve.at(96.0) - (9.5 + (9.5 - pooled))).abs() < 1e-9, "the last slope goes on");
    }
}
