//! `rate`: an open loop. Runs begin at their times, whether or not others have ended. A run's time counts
//! from when it was due, so a client or a server that falls behind shows in every run (no coordinated
//! omission).

use super::error::PacingError;
use super::key_error::{KeyError, ensure};
use super::point::LoadPoint;
use super::segment::{Segment, Turns};
use super::shape::Shape;
use super::starts::{MOST_IN_FLIGHT, Setting, Starts};
use crate::language::{Scalar, ScalarOrMap, deserialize_scalar_or_map};
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand_distr::{Distribution, Exp1};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, de};
use std::borrow::Cow;

/// Highest rate that a spec can ask for, in runs per second and user.
const HIGHEST: f64 = 1e6;

/// Open loop: every user sends runs at a rate of its own, whether or not the last one has ended.
/// `0.2` is short for `{per_second: 0.2, process: poisson}`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// Runs per second and user: at level c, c times as many arrive.
    pub per_second: f64,
    /// Arrival process.
    pub process: Process,
}

/// Arrival process: the distribution of arrivals over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Process {
    /// Independent of each other, as those of many users are.
    #[default]
    Poisson,
    /// Evenly spaced.
    Constant,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FullRate {
    /// Runs per second and user.
    per_second: f64,
    /// Arrival process.
    #[serde(default)]
    process: Process,
}

impl ScalarOrMap for Rate {
    const FORMS: &'static str =
        "runs per second and user such as 0.2, or {per_second: 0.2, process: constant}";

    type Map = FullRate;

    fn of_scalar<E: de::Error>(scalar: Scalar<'_>) -> Option<Result<Self, E>> {
        let per_second = scalar.number()?;
        Some(Ok(Self { per_second, process: Process::default() }))
    }

    fn of_map<E: de::Error>(FullRate { per_second, process }: FullRate) -> Result<Self, E> {
        Ok(Self { per_second, process })
    }
}

deserialize_scalar_or_map!(Rate);

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let full = generator.subschema_for::<FullRate>();
        schemars::json_schema!({
            "description": "Open loop: runs per second and user",
            "anyOf": [{ "type": "number", "exclusiveMinimum": 0 }, full],
        })
    }
}

/// Runs that begin at a rate, whether or not others have ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenLoop {
    /// Runs per second and user, if the load counts users.
    pub per_user: f64,
    /// Arrival process.
    pub process: Process,
}

impl OpenLoop {
    /// Returns the runs per second of the whole load.
    fn rate(&self, point: LoadPoint) -> f64 {
        match point {
            LoadPoint::InFlight(users) | LoadPoint::Users(users) => {
                self.per_user * f64::from(users)
            }
            LoadPoint::Rate(rate) => rate,
        }
    }
}

impl Shape for OpenLoop {
    type Key = Rate;

    fn alone() -> &'static str {
        "an open loop has no think time, since no user waits for a run to end"
    }

    fn check_key(rate: Rate) -> Result<(), KeyError> {
        ensure(
            rate.per_second > 0.0 && rate.per_second <= HIGHEST,
            "a rate is above 0, and at most 1000000 per second",
            "it is the rate of one user; the level is the number of users",
        )
    }

    fn of_key(rate: Rate) -> Self {
        Self { per_user: rate.per_second, process: rate.process }
    }

    fn check(&self, _: LoadPoint) -> Result<(), PacingError> {
        if self.per_user > 0.0 && self.per_user <= HIGHEST {
            return Ok(());
        }
        let bounds = "is above 0, and at most 1000000 per second";
        Err(PacingError::OutOfBounds { key: "per_user", bounds })
    }

    fn turns(&self, _: LoadPoint, segment: Segment) -> Option<Turns> {
        Some(Turns::of_runs(segment))
    }

    fn in_flight(&self, point: LoadPoint, segment: Segment) -> u32 {
        // A run each is the best guess of what a level of users has in flight.
        let guess = point.level().map_or(1, |level| segment.count(level as usize));
        u32::try_from(guess).unwrap_or(u32::MAX).clamp(1, MOST_IN_FLIGHT)
    }

    fn starts(&self, setting: Setting) -> Starts {
        let Setting { point, ramp, seed, segment: _ } = setting;
        let poisson = self.process == Process::Poisson;
        Starts::Arrivals(Box::new(Arrivals::new(self.rate(point), ramp, poisson, seed)))
    }
}

/// Times at which the runs of the whole load begin, in seconds since it began: without end, and
/// seeded, so that every segment computes the same.
struct Arrivals {
    rate: f64,
    ramp: f64,
    poisson: bool,
    /// Number of runs expected so far.
    expected: f64,
    rng: Xoshiro256PlusPlus,
}

impl Arrivals {
    /// Makes arrivals at `rate` runs per second, reached in a straight line over `ramp` seconds.
    fn new(rate: f64, ramp: f64, poisson: bool, seed: u64) -> Self {
        let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        Self { rate, ramp, poisson, expected: 0.0, rng }
    }
}

impl Iterator for Arrivals {
    type Item = f64;

    /// Returns the next one. By the time-change theorem a Poisson process of any rate is one of rate 1 in
    /// the time in which one run is expected after the other.
    fn next(&mut self) -> Option<f64> {
        let unit: f64 = if self.poisson { Exp1.sample(&mut self.rng) } else { 1.0 };
        self.expected += unit;
        let Self { rate, ramp, expected, .. } = *self;
        Some(if expected <= rate * ramp / 2.0 {
            (2.0 * ramp * expected / rate).sqrt()
        } else {
            expected / rate + ramp / 2.0
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of the exponential distribution.
    #[test]
    fn times_between_arrivals_have_their_moments() {
        const COUNT: usize = 200_000;
        let mut last = 0.0;
        let gap = |now: f64| now - std::mem::replace(&mut last, now);
        let drawn: Vec<f64> = Arrivals::new(4.0, 0.0, true, 1).take(COUNT).map(gap).collect();
        let mean = drawn.iter().sum::<f64>() / COUNT as f64;
        let variance = drawn.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / COUNT as f64;
        assert!(
            (mean - 0.25).abs() < 0.003 && (variance - 0.0625).abs() < 0.002,
            "{mean} {variance}"
        );
    }

    /// A rate that rises to r over R seconds has brought r R / 2 runs by then.
    #[test]
    fn a_rate_is_reached_in_a_straight_line() {
        let at: Vec<f64> = Arrivals::new(10.0, 4.0, false, 1).take(40).collect();
        assert!((at[4] - 2.0).abs() < 1e-12, "5 of 20 after half of the ramp: {at:?}");
        assert!((at[19] - 4.0).abs() < 1e-12 && (at[39] - 6.0).abs() < 1e-12, "{at:?}");
        let first = Arrivals::new(8.0, 0.0, false, 1).next();
        assert!(first.is_some_and(|first| (first - 0.125).abs() < 1e-12));
    }

    #[test]
    fn the_rate_is_that_of_all_users_or_that_of_the_point() {
        let open = OpenLoop { per_user: 0.5, process: Process::Constant };
        let rates = [LoadPoint::Users(6), LoadPoint::Rate(0.25)].map(|point| open.rate(point));
        assert!((rates[0] - 3.0).abs() < 1e-12 && (rates[1] - 0.25).abs() < 1e-12, "{rates:?}");
        for per_user in [0.0, -1.0, f64::NAN, 1e7] {
            assert!(
                OpenLoop { per_user, ..open }.check(LoadPoint::Users(1)).is_err(),
                "{per_user}"
            );
        }
    }
}
