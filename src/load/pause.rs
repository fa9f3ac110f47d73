//! Seeded pauses: think times, and times between arrivals.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Exp1, StandardNormal};

/// Nobody thinks for longer; it also keeps a log-normal's tail within what a timer knows.
const LONGEST: f64 = 86_400.0;

/// Think times of one user: log-normal.
pub(super) struct Pauses {
    median: f64,
    sigma: f64,
    rng: Xoshiro256PlusPlus,
}

impl Pauses {
    pub fn new(median: f64, sigma: f64, seed: u64) -> Self {
        Self { median, sigma, rng: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    pub fn next(&mut self) -> f64 {
        if self.median <= 0.0 {
            return 0.0;
        }
        let normal: f64 = StandardNormal.sample(&mut self.rng);
        (self.median * (self.sigma * normal).exp()).min(LONGEST)
    }

    /// A part of a pause: the user was in the middle of one.
    pub fn first(&mut self) -> f64 {
        let share: f64 = self.rng.random();
        share * self.next()
    }
}

/// When the runs of an open loop begin, in seconds since it began.
pub(super) struct Arrivals {
    rate: f64,
    ramp: f64,
    poisson: bool,
    /// Runs that were expected so far.
    expected: f64,
    rng: Xoshiro256PlusPlus,
}

impl Arrivals {
    /// `rate` runs per second, reached in a straight line over `ramp` seconds.
    pub fn new(rate: f64, ramp: f64, poisson: bool, seed: u64) -> Self {
        let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        Self { rate, ramp, poisson, expected: 0.0, rng }
    }

    /// The next one. By the time-change theorem a Poisson process of any rate is one of rate 1 in
    /// the time in which one run is expected after the other.
    pub fn next(&mut self) -> f64 {
        let unit: f64 = if self.poisson { Exp1.sample(&mut self.rng) } else { 1.0 };
        self.expected += unit;
        let Self { rate, ramp, expected, .. } = *self;
        if expected <= rate * ramp / 2.0 {
            (2.0 * ramp * expected / rate).sqrt()
        } else {
            expected / rate + ramp / 2.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of the exponential distribution, and of the log-normal: exp(σ²/2) medians.
    #[test]
    fn distributions_have_their_moments() {
        const COUNT: usize = 200_000;
        let mut arrivals = Arrivals::new(4.0, 0.0, true, 1);
        let mut last = 0.0;
        let mut gap = || {
            let (before, now) = (last, arrivals.next());
            last = now;
            now - before
        };
        let drawn: Vec<f64> = (0..COUNT).map(|_| gap()).collect();
        let mean = drawn.iter().sum::<f64>() / COUNT as f64;
        let variance = drawn.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / COUNT as f64;
        assert!(
            (mean - 0.25).abs() < 0.003 && (variance - 0.0625).abs() < 0.002,
            "{mean} {variance}"
        );
        let mut pauses = Pauses::new(2.0, 0.5, 1);
        let mean = (0..COUNT).map(|_| pauses.next()).sum::<f64>() / COUNT as f64;
        assert!((mean - 2.0 * (0.125_f64).exp()).abs() < 0.02, "{mean}");
        assert!(Pauses::new(0.0, 1.0, 1).next().abs() < f64::EPSILON);
    }

    /// A rate that rises to r over R seconds has brought r R / 2 runs by then.
    #[test]
    fn a_rate_is_reached_in_a_straight_line() {
        let mut arrivals = Arrivals::new(10.0, 4.0, false, 1);
        let at: Vec<f64> = (0..40).map(|_| arrivals.next()).collect();
        assert!((at[4] - 2.0).abs() < 1e-12, "5 of 20 after half of the ramp: {at:?}");
        assert!((at[19] - 4.0).abs() < 1e-12 && (at[39] - 6.0).abs() < 1e-12, "{at:?}");
        assert!((Arrivals::new(8.0, 0.0, false, 1).next() - 0.125).abs() < 1e-12);
    }
}
