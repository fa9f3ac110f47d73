//! Seconds per call, prompt token and generated token, as a weighted regression.

use super::part::{FEATURES, Features};
use crate::sizing::nnls::nnls;

/// Smallest share of a sum of squares that is more than rounding, where features are in proportion to each other.
const SINGULAR: f64 = 1e-9;

/// Seconds per unit of each feature.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rates(pub Features);

impl Rates {
    /// Returns the seconds of a run's LLM calls.
    pub fn time(&self, features: &Features) -> f64 {
        std::iter::zip(&self.0, features).map(|(rate, it)| rate * it).sum()
    }

    /// Returns the part of these seconds that is in proportion to tokens.
    pub fn of_tokens(&self, features: &Features) -> f64 {
        std::iter::zip(&self.0, features).skip(1).map(|(rate, it)| rate * it).sum()
    }

    /// Returns rates between two, or beyond the second where `share` exceeds 1.
    pub fn between(&self, other: &Self, share: f64) -> Self {
        let mut rates = self.0;
        for (rate, it) in std::iter::zip(&mut rates, &other.0) {
            *rate += (it - *rate) * share;
        }
        Self(rates)
    }
}

/// Normal equations of a weighted regression through the origin.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Normal {
    gram: [[f64; FEATURES]; FEATURES],
    target: Features,
}

impl Normal {
    /// Adds a run with its time and weight.
    pub fn add(&mut self, features: &Features, time: f64, weight: f64) {
        for (row, a) in std::iter::zip(&mut self.gram, features) {
            for (cell, b) in std::iter::zip(row, features) {
                *cell += weight * a * b;
            }
        }
        for (cell, a) in std::iter::zip(&mut self.target, features) {
            *cell += weight * a * time;
        }
    }

    /// Adds what equations say of tokens if calls had any rate (their Schur complement), with a weight.
    pub fn add_of_tokens(&mut self, other: &Self, weight: f64) {
        let calls = other.gram[0][0];
        if calls <= 0.0 {
            return;
        }
        let left = |row: usize, column: usize| {
            other.gram[row][column] - other.gram[row][0] / calls * other.gram[0][column]
        };
        // Of tokens in proportion to calls nothing is left but rounding.
        let varies = |row: &usize| left(*row, *row) > SINGULAR * other.gram[*row][*row];
        for row in (1..FEATURES).filter(varies) {
            for column in (1..FEATURES).filter(varies) {
                self.gram[row][column] += weight * left(row, column);
            }
            let of_calls = other.gram[row][0] / calls * other.target[0];
            self.target[row] += weight * (other.target[row] - of_calls);
        }
    }

    /// Sets the rate of calls that fits these equations best, given those of tokens.
    pub fn with_calls(&self, mut rates: Rates) -> Rates {
        if self.gram[0][0] > 0.0 {
            rates.0[0] = 0.0;
            let of_tokens = rates.time(&self.gram[0]);
            rates.0[0] = ((self.target[0] - of_tokens) / self.gram[0][0]).max(0.0);
        }
        rates
    }

    /// Returns the rates, none of them negative, that fit best.
    ///
    /// With the root `Lᵀ` of the matrix (Cholesky, columns scaled to length one), these minimise
    /// `‖Lᵀ x − L⁻¹ t‖`, a problem as small as the number of features.
    pub fn solve(&self) -> Rates {
        let mut scales = [0.0; FEATURES];
        for (index, scale) in scales.iter_mut().enumerate() {
            *scale = self.gram[index][index].sqrt();
        }
        // What is the same in no run has no rate.
        let used: Vec<usize> = (0..FEATURES).filter(|index| scales[*index] > 0.0).collect();
        let mut rows: Vec<Vec<f64>> = Vec::new();
        let mut wanted: Vec<f64> = Vec::new();
        for (i, &a) in used.iter().enumerate() {
            let mut row = vec![0.0; used.len()];
            let known: f64 = std::iter::zip(&rows, &wanted).map(|(row, it)| row[i] * it).sum();
            for (j, &b) in used.iter().enumerate().skip(i) {
                let known: f64 = rows.iter().map(|row| row[i] * row[j]).sum();
                row[j] = self.gram[a][b] / (scales[a] * scales[b]) - known;
            }
            let pivot = row[i].max(SINGULAR).sqrt();
            row[i] = pivot * pivot;
            for cell in &mut row {
                *cell /= pivot;
            }
            wanted.push((self.target[a] / scales[a] - known) / pivot);
            rows.push(row);
        }
        let mut rates = [0.0; FEATURES];
        for (&index, value) in std::iter::zip(&used, nnls(&rows, &wanted)) {
            rates[index] = value / scales[index];
        }
        Rates(rates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_found_exactly_and_none_is_negative() {
        let truth = Rates([0.5, 0.001, 0.02]);
        let (mut whole, mut of_tokens) = (Normal::default(), Normal::default());
        for more in [0.0, 3.0] {
            let mut level = Normal::default();
            for run in 0..20 {
                let run = f64::from(run);
                let features =
                    [1.0 + run % 3.0, 100.0 + 37.0 * (run % 7.0), 10.0 + 11.0 * (run % 5.0)];
                let time = truth.time(&features);
                whole.add(&features, time, 0.5 + run);
                level.add(&features, time + more * features[0], 0.5 + run);
            }
            of_tokens.add_of_tokens(&level, 2.0 + more);
        }
        for (found, truth) in std::iter::zip(whole.solve().0, truth.0) {
            assert!((found / truth - 1.0).abs() < 1e-9, "{found} {truth}");
        }
        // However long the calls of either level wait.
        for (found, truth) in std::iter::zip(of_tokens.solve().0, truth.0).skip(1) {
            assert!((found / truth - 1.0).abs() < 1e-9, "{found} {truth}");
        }
        // Time falls with the prompt: the best rate that is not negative is none.
        let mut falling = Normal::default();
        for run in 0..20 {
            let run = f64::from(run);
            falling.add(&[1.0, 100.0 + run, 0.0], 50.0 - run, 1.0);
        }
        let Rates([per_call, per_prompt, per_token]) = falling.solve();
        assert!(
            (per_call - 40.5).abs() < 1e-6 && per_prompt.abs() < 1e-9 && per_token.abs() < 1e-9
        );
    }

    #[test]
    fn features_in_proportion_still_give_times() {
        let mut normal = Normal::default();
        for calls in [1.0, 2.0, 3.0] {
            normal.add(&[calls, 100.0 * calls, 50.0 * calls], 2.0 * calls, 1.0);
        }
        let found = normal.solve();
        assert!((found.time(&[2.0, 200.0, 100.0]) - 4.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn the_same_tokens_in_every_call_have_no_rate_of_their_own() {
        let (mut level, mut of_tokens) = (Normal::default(), Normal::default());
        for run in 0..30 {
            let calls = 1.0 + f64::from(run % 4);
            let completion = 10.0 + f64::from(run * run % 17);
            let features = [calls, 333.3 * calls, completion];
            level.add(&features, 0.7 * calls + 0.02 * completion, 1.0 / (0.1 + f64::from(run)));
        }
        of_tokens.add_of_tokens(&level, 0.3);
        let Rates([_, per_prompt, per_token]) = of_tokens.solve();
        assert!(
            per_prompt.abs() < 1e-12 && (per_token - 0.02).abs() < 1e-9,
            "{per_prompt} {per_token}"
        );
    }
}
