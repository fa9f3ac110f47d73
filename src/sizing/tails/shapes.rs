//! Shapes of levels: which of them have multiples of one distribution.
//!
//! The far levels of a sweep have most of its runs, and a tail that they show exactly is worth nothing if runs are
//! distributed in another way near the answer. A few dozen runs say little about a 95th percentile, but much about a
//! whole distribution: two kinds of runs are told from one long before their tails are.

use super::local_distribution::DEPENDENCE;
use super::multiple::{FAILED, Multiple, by_level};
use super::quantile::WeightedValues;
use crate::sizing::misfit::{self, Residual};
use ndarray::{Array1, Array2};

/// Fewest runs that show a shape.
const FEWEST_RUNS: f64 = 10.0;
/// Kolmogorov's distance, in units of `√(1/m + 1/n)`, that one pair of samples in a hundred exceeds by chance.
const BY_CHANCE: f64 = 1.628;
/// Share of the runs from a level on that have to be distributed in another way for it to be the load that changed them.
const MOST: f64 = 0.75;
/// Share of the slowest runs by which scaled levels are compared.
const SLOW: f64 = 0.05;

/// Levels, and which of them differ in shape.
#[derive(Default)]
pub(super) struct Shapes {
    /// Levels by the mean logarithm of the load that they met, ascending.
    levels: Vec<(f64, usize)>,
    /// For each two levels, true if, seen from the first, the load changed the shape of the second.
    differ: Array2<bool>,
}

impl Shapes {
    /// Compares each two levels by the largest distance between their distributions (the test of Kolmogorov and
    /// Smirnov), both as they are and with each level's mean moved to 1: neither a curve that misses a mean nor the
    /// chance in a mean is a shape. Failed runs have no multiple.
    pub fn of(multiples: &[Multiple]) -> Self {
        let mut finished: Vec<Multiple> =
            multiples.iter().filter(|it| it.times < FAILED).copied().collect();
        let own = |it: &Multiple| (it.level, [it.count, it.count * it.at, it.count * it.times]);
        let sums = by_level(finished.iter().map(own));
        let as_they_are = distances(&mut finished, &sums);
        for it in &mut finished {
            let [runs, _, times] = sums[it.level];
            it.times *= runs / times;
        }
        let centred = distances(&mut finished, &sums);
        let apart = ndarray::Zip::from(&as_they_are).and(&centred).map_collect(|a, b| a.min(*b));
        let seen = sums.iter().enumerate().filter(|(_, [runs, ..])| *runs > 0.0);
        let mut levels: Vec<(f64, usize)> =
            seen.map(|(level, [runs, at, _])| (at / runs, level)).collect();
        levels.sort_by(|a, b| a.0.total_cmp(&b.0));
        let differ = Array2::from_shape_fn(apart.dim(), |(one, other)| {
            let (m, n) = (sums[one][0], sums[other][0]);
            let chance = BY_CHANCE * DEPENDENCE * (1.0 / m + 1.0 / n).sqrt();
            m.min(n) >= FEWEST_RUNS && apart[[one, other]] > chance
        });
        let differ = with_the_load(&levels, &differ, |level| sums[level][0]);
        Self { levels, differ }
    }

    /// Returns the share of each level's weight that counts at the logarithm of a load, or `None` if all of each does:
    /// the levels beside that load share it by their distance, and each keeps its part for levels of its shape.
    pub fn agreement(&self, at: f64) -> Option<Vec<f64>> {
        let above = self.levels.partition_point(|(load, _)| *load < at);
        let before = above.checked_sub(1).and_then(|index| self.levels.get(index));
        let beside = match (before, self.levels.get(above)) {
            (Some((from, low)), Some((to, high))) => {
                let part = (at - from) / (to - from);
                vec![(*low, 1.0 - part), (*high, part)]
            }
            (Some((_, end)), None) | (None, Some((_, end))) => vec![(*end, 1.0)],
            (None, None) => Vec::new(),
        };
        let share = |level| {
            let differ = beside.iter().filter(|(own, _)| self.differ[[*own, level]]);
            1.0 - differ.map(|(_, part)| part).sum::<f64>()
        };
        let shares: Vec<f64> = (0..self.differ.ncols()).map(share).collect();
        shares.iter().any(|share| *share < 1.0).then_some(shares)
    }
}

/// Returns which levels differ as the load changes: if those from one level on differ from another one, the
/// distribution has changed in between. One that differs while those beyond it do not was disturbed, as may be one
/// that is like no other.
fn with_the_load(
    levels: &[(f64, usize)],
    differ: &Array2<bool>,
    runs: impl Fn(usize) -> f64,
) -> Array2<bool> {
    let mut changed = Array2::from_elem(differ.dim(), false);
    for (place, &(_, level)) in levels.iter().enumerate() {
        let (below, above) = (levels[..place].iter(), levels[place + 1..].iter().rev());
        if levels.iter().all(|&(_, it)| it == level || differ[[level, it]]) {
            continue;
        }
        for side in [&mut below.copied() as &mut dyn Iterator<Item = _>, &mut above.copied()] {
            // From the end of the sweep inwards.
            let (mut all, mut others) = (0.0, 0.0);
            for (_, other) in side {
                let differs = differ[[level, other]];
                all += runs(other);
                others += if differs { runs(other) } else { 0.0 };
                changed[[level, other]] = differs && others >= MOST * all;
            }
        }
    }
    changed
}

/// Returns the largest distance between the distributions of each two levels, of which `sums` has the number of runs.
fn distances(multiples: &mut [Multiple], sums: &[[f64; 3]]) -> Array2<f64> {
    multiples.sort_unstable_by(|a, b| a.times.total_cmp(&b.times));
    let mut below = Array1::<f64>::zeros(sums.len());
    let mut apart = Array2::<f64>::zeros((sums.len(), sums.len()));
    for equal in multiples.chunk_by(|a, b| a.times.total_cmp(&b.times).is_eq()) {
        for it in equal {
            below[it.level] += it.count / sums[it.level][0];
        }
        for it in equal {
            let own = below[it.level];
            for (other, share) in below.iter().enumerate() {
                let distance = apart[[it.level, other]].max((own - share).abs());
                apart[[it.level, other]] = distance;
                apart[[other, it.level]] = distance;
            }
        }
    }
    apart
}

/// Returns true if as many of each level's scaled multiples as chance allows lie beyond the 95th percentile of all.
pub(super) fn differ_in_scale_alone(multiples: &[Multiple]) -> bool {
    let mut values: Vec<(f64, f64)> = multiples.iter().map(|it| (it.times, it.count)).collect();
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let slow = WeightedValues::of(values.into_iter()).quantile(1.0 - SLOW);
    let beyond = |it: &Multiple| if it.times > slow { it.count } else { 0.0 };
    let levels = by_level(multiples.iter().map(|it| (it.level, [it.count, beyond(it)])));
    let of = |[runs, beyond]: &[f64; 2]| Residual {
        off: beyond / runs - SLOW,
        error: DEPENDENCE * (SLOW * (1.0 - SLOW) / runs).sqrt(),
        weight: 1.0,
    };
    let residuals: Vec<Residual> = levels.iter().filter(|[runs, _]| *runs > 0.0).map(of).collect();
    misfit::between(&residuals, 1) <= 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs of a level, evenly between two multiples.
    fn level(level: usize, load: f64, runs: u32, (from, to): (f64, f64)) -> Vec<Multiple> {
        let times = |index: u32| from + (to - from) * (f64::from(index) + 0.5) / f64::from(runs);
        let at = load.ln();
        let of = |index| Multiple { times: times(index), at, level, count: 1.0 };
        (0..runs).map(of).collect()
    }

    fn shapes(levels: &[Vec<Multiple>]) -> Shapes {
        Shapes::of(&levels.concat())
    }

    /// Evenly spread times between 1 ± 0.4 and between 1 ± 0.8 are 0.25 apart; 1.628 · 1.15 · √(2 / n) is 0.25 at 112
    /// runs.
    #[test]
    fn a_distance_counts_if_it_is_more_than_chance() {
        for (runs, differ) in [(105, false), (125, true)] {
            let of = |index, load, by: f64| level(index, load, runs, (1.0 - by, 1.0 + by));
            let (low, high) =
                ([of(0, 1.0, 0.4), of(1, 4.0, 0.4)], [of(2, 16.0, 0.8), of(3, 32.0, 0.8)]);
            let seen = shapes(&[low, high].concat());
            assert_eq!(seen.differ[[0, 2]], differ, "{runs}");
            assert_eq!(seen.differ[[2, 1]], differ, "{runs}");
            assert!(!seen.differ[[0, 1]] && !seen.differ[[1, 1]]);
        }
    }

    /// A level whose mean the curve misses by 30 %.
    #[test]
    fn a_mean_that_is_off_is_no_shape() {
        let level = |index, load, by: f64| level(index, load, 400, (0.6 * by, 1.4 * by));
        let seen = shapes(&[level(0, 1.0, 1.0), level(1, 2.0, 1.3), level(2, 4.0, 1.0)]);
        assert!(seen.differ.iter().all(|differ| !differ));
    }

    #[test]
    fn a_level_that_differs_from_those_on_both_sides_was_disturbed() {
        let level = |index, by: f64| level(index, f64::from(1 << index), 400, (1.0 - by, 1.0 + by));
        let of = |widths: [f64; 4]| {
            let levels = widths.into_iter().enumerate();
            shapes(&levels.map(|(index, by)| level(index, by)).collect::<Vec<_>>())
        };
        let seen = of([0.3, 0.3, 0.9, 0.3]);
        assert!(!seen.differ[[3, 2]] && !seen.differ[[0, 2]] && !seen.differ[[3, 0]]);
        let seen = of([0.3, 0.3, 0.9, 0.9]);
        assert!(seen.differ[[3, 1]] && seen.differ[[3, 0]] && seen.differ[[0, 2]]);
        assert!(!seen.differ[[3, 2]] && !seen.differ[[1, 0]]);
        assert!(of([0.3, 0.9, 0.3, 0.3]).differ.row(1).iter().all(|differ| !differ));
    }

    /// Two levels in the middle are like each other, and those at both ends are. From an end, where the other end is
    /// no different, they were disturbed, and count; in the middle, the ends do not.
    #[test]
    fn what_counts_at_a_level_is_seen_from_there() {
        let level = |(index, by)| level(index, f64::from(1 << index), 400, (1.0 - by, 1.0 + by));
        let widths = [0.3, 0.9, 0.9, 0.3].into_iter().enumerate();
        let seen = shapes(&widths.map(level).collect::<Vec<_>>());
        assert!(seen.agreement(8.0_f64.ln()).is_none() && seen.agreement(0.0).is_none());
        let counts = seen.agreement(2.0_f64.ln()).unwrap();
        assert!(counts[0] < 1e-9 && counts[3] < 1e-9, "{counts:?}");
        assert!((counts[1] - 1.0).abs() < 1e-9 && (counts[2] - 1.0).abs() < 1e-9, "{counts:?}");
    }

    #[test]
    fn levels_beside_a_load_share_what_counts_there_by_their_distance() {
        let narrow = |index, load| level(index, load, 400, (0.9, 1.1));
        let wide = |index, load| level(index, load, 400, (0.1, 1.9));
        let seen = shapes(&[narrow(0, 1.0), narrow(1, 2.0), wide(2, 8.0), wide(3, 16.0)]);
        let expected = [
            (0.5, [1.0, 1.0, 0.0, 0.0]),
            (1.5, [1.0, 1.0, 0.0, 0.0]),
            (4.0, [0.5; 4]),
            (20.0, [0.0, 0.0, 1.0, 1.0]),
        ];
        for (load, right) in expected {
            let found = seen.agreement(f64::ln(load)).unwrap();
            let off = std::iter::zip(&found, right).map(|(found, right)| (found - right).abs());
            assert!(off.fold(0.0, f64::max) < 1e-9, "{load}: {found:?}");
        }
    }

    /// Times that are equal say nothing of their order, few runs nothing of a shape, and failed runs have none.
    #[test]
    fn what_shows_no_shape_is_like_all() {
        let equal = |index| level(index, 1.0 + index as f64, 50, (1.0, 1.0));
        let few = level(2, 9.0, 9, (3.0, 4.0));
        let failed = vec![Multiple { times: FAILED, at: 1.0, level: 3, count: 500.0 }; 2];
        let seen = shapes(&[equal(0), equal(1), few, failed]);
        assert!(seen.differ.iter().all(|differ| !differ));
        assert!(seen.agreement(0.3).is_none());
        assert!(Shapes::of(&[]).agreement(0.0).is_none());
    }
}
