//! Tests of compositions for dependence on the load.

use super::part::{FEATURES, Part};
use crate::sizing::means::{binned, depends_on_load};

/// Squared normal deviate that chance exceeds once in two hundred times.
const BEYOND_CHANCE: f64 = 7.9;
/// Fewest runs on either side of a load that are compared.
const FEWEST: usize = 10;

/// Returns true if what runs have to process differs between loads by more than chance, or if a run shows no
/// calls.
pub(super) fn depend_on_load(loads: &[f64], parts: &[Vec<Part>]) -> bool {
    let parts = || {
        let levels = std::iter::zip(loads, parts);
        levels.flat_map(|(at, parts)| parts.iter().map(move |part| (*at, part)))
    };
    let apart = |of: &dyn Fn(&Part) -> f64| {
        depends_on_load(&binned(parts().map(|(at, part)| (at, of(part)))))
            || spread_differs(&parts().map(|(at, part)| (at, of(part))).collect::<Vec<_>>())
    };
    parts().any(|(_, part)| part.calls() < 1.0)
        || (0..FEATURES).any(|index| apart(&|part| part.features[index]))
        || apart(&|part| part.outside)
}

/// Returns true if large values (each with its load, ascending) are more common above some load than below it,
/// or less: answers may be cut there, or a few become very long, while the mean is much the same.
///
/// Values are compared by the squares of the scores of Savage (1956), the expected order statistics of an
/// exponential distribution, so that the largest count most.
fn spread_differs(values: &[(f64, f64)]) -> bool {
    let scores = scores(values);
    let count = scores.len();
    let mean = scores.iter().sum::<f64>() / count.max(1) as f64;
    let squares: f64 = scores.iter().map(|it| (it - mean).powi(2)).sum();
    let loads = values.iter().map(|(load, _)| *load);
    let ends = std::iter::zip(loads.clone(), loads.skip(1));
    let mut sum = 0.0;
    for (below, ((load, next), score)) in (1..).zip(ends.zip(&scores)) {
        sum += score - mean;
        let above = count - below;
        if next <= load || below < FEWEST || above < FEWEST {
            continue;
        }
        // As if all orders were equally likely.
        let share = (below * above) as f64 / (count * (count - 1)) as f64;
        if sum * sum > BEYOND_CHANCE * share * squares + f64::EPSILON {
            return true;
        }
    }
    false
}

/// Returns the squared score of each value; equal values share theirs.
fn scores(values: &[(f64, f64)]) -> Vec<f64> {
    let mut order: Vec<(usize, f64)> =
        values.iter().enumerate().map(|(index, (_, value))| (index, *value)).collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut scores = vec![0.0; values.len()];
    let (mut left, mut expected) = (values.len(), 0.0);
    for alike in order.chunk_by(|a, b| a.1.total_cmp(&b.1).is_eq()) {
        let mut sum = 0.0;
        for _ in alike {
            expected += 1.0 / left as f64;
            left -= 1;
            sum += expected.powi(2);
        }
        for (index, _) in alike {
            if let Some(score) = scores.get_mut(*index) {
                *score = sum / alike.len() as f64;
            }
        }
    }
    scores
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::Xoshiro256PlusPlus;
    use rand_distr::{Distribution, LogNormal};

    #[test]
    fn scores_are_the_squared_order_statistics_of_an_exponential_distribution() {
        let found = scores(&[(1.0, 7.0), (1.0, 3.0), (2.0, 5.0), (2.0, 5.0)]);
        let orders = [1.0 / 4.0, 7.0 / 12.0, 13.0 / 12.0, 25.0 / 12.0].map(|it: f64| it.powi(2));
        let shared = f64::midpoint(orders[1], orders[2]);
        for (found, expected) in std::iter::zip(found, [orders[3], orders[0], shared, shared]) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    /// Lengths of 50 answers at each of six loads, made of those drawn by a function of the load.
    fn answers(seed: u64, of: impl Fn(f64, f64) -> f64) -> Vec<(f64, f64)> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let tokens = LogNormal::new(100_f64.ln(), 0.6).unwrap();
        let loads = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
        let loads = loads.into_iter().flat_map(|load| std::iter::repeat_n(load, 50));
        loads.map(|load| (load, of(load, tokens.sample(&mut rng)))).collect()
    }

    #[test]
    fn answers_that_are_cut_or_spread_at_a_load_are_found_and_chance_is_not() {
        let found = |of: &dyn Fn(f64, f64) -> f64| {
            (0..200).filter(|seed| spread_differs(&answers(*seed, of))).count()
        };
        assert!(found(&|_, tokens| tokens) <= 8);
        assert!(found(&|load, tokens| if load > 4.0 { tokens.min(140.0) } else { tokens }) >= 180);
        assert!(
            found(&|load, tokens| if load > 8.0 { tokens.powi(2) / 100.0 } else { tokens }) >= 100
        );
        assert_eq!(found(&|_, _| 128.0), 0);
    }
}
