//! Random numbers that differ from run to run.

use super::draw_spec::Draw;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, LogNormal};

/// Coordinates of a draw: the chain's seed, the run, the step and the round of the step. Together they
/// identify one draw among all others.
#[derive(Clone, Copy)]
pub(super) struct DrawKey {
    pub seed: u64,
    /// Index of the run within the level.
    pub run: u64,
    /// Index of the run among those that reached this step; lists of values are cycled through by this index.
    pub turn: u64,
    pub step: u64,
    pub round: u64,
}

impl DrawKey {
    /// Returns a generator of its own for this draw, so that steps running side by side stay independent.
    pub fn dice(self) -> Xoshiro256PlusPlus {
        // Odd constants spread neighbouring numbers over all bits; seeding the generator mixes them further.
        let mixed = self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
            ^ self.run.wrapping_mul(0xBF58_476D_1CE4_E5B9)
            ^ self.step.wrapping_mul(0x94D0_49BB_1331_11EB)
            ^ self.round.wrapping_mul(0xD6E8_FEB8_6659_FD93);
        Xoshiro256PlusPlus::seed_from_u64(mixed)
    }

    /// Draws a number.
    pub fn of(self, draw: &Draw) -> f64 {
        match draw {
            Draw::Same(value) => *value,
            Draw::LogNormal { median, sigma } => {
                let factor = LogNormal::new(0.0, *sigma);
                median * factor.map_or(1.0, |factor| factor.sample(&mut self.dice()))
            }
            Draw::Uniform { from, to } => from + (to - from) * self.dice().random::<f64>(),
            Draw::Values { values } => {
                // A list is never empty in a valid spec.
                let at = self.turn.checked_rem(values.len() as u64);
                let at = at.and_then(|at| usize::try_from(at).ok());
                at.and_then(|at| values.get(at)).map_or(0.0, |value| *value)
            }
        }
    }

    /// Draws a count.
    pub fn count(self, draw: &Draw) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, and a float-to-int cast saturates"
        )]
        let count = self.of(draw).round().max(0.0) as u64;
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throw(run: u64) -> DrawKey {
        DrawKey { seed: 7, run, turn: run, step: 3, round: 0 }
    }

    #[test]
    fn values_are_taken_in_turn_and_the_rest_by_seeded_dice() {
        let values = Draw::Values { values: vec![3.0, 1.0, 2.0] };
        let taken: Vec<f64> = (0..7).map(|run| throw(run).of(&values)).collect();
        assert_eq!(taken, [3.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
        let uniform = Draw::Uniform { from: 2.0, to: 4.0 };
        let drawn: Vec<f64> = (0..4000).map(|run| throw(run).of(&uniform)).collect();
        assert!(drawn.iter().all(|it| (2.0..4.0).contains(it)));
        // Four standard errors of the mean of a uniform distribution of width 2.
        let mean = drawn.iter().sum::<f64>() / 4000.0;
        assert!((mean - 3.0).abs() < 4.0 * 2.0 / (12.0 * 4000.0_f64).sqrt(), "{mean}");
        assert_eq!(throw(5).of(&uniform).to_bits(), throw(5).of(&uniform).to_bits());
        assert_ne!(throw(5).of(&uniform).to_bits(), throw(6).of(&uniform).to_bits());
    }

    #[test]
    fn a_log_normal_has_its_median() {
        let draw = Draw::LogNormal { median: 200.0, sigma: 0.5 };
        let mut drawn: Vec<f64> = (0..4001).map(|run| throw(run).of(&draw)).collect();
        drawn.sort_by(f64::total_cmp);
        // Four standard errors of a median: 1.2533 sigma / sqrt(n) on the logarithm.
        let off = (drawn[2000] / 200.0).ln().abs();
        assert!(off < 4.0 * 1.2533 * 0.5 / 4001.0_f64.sqrt(), "{off}");
        assert_eq!(throw(1).count(&Draw::Same(2.5)), 3);
    }
}
