//! `think_time`: a closed loop. There are as many users as the level says; each begins a run when the
//! last one has ended, after a pause.

use super::error::PacingError;
use super::key_error::{KeyError, ensure};
use super::point::LoadPoint;
use super::segment::{Segment, Turns};
use super::shape::Shape;
use super::starts::{Setting, Starts, Times};
use crate::language::{Scalar, ScalarOrMap, Seconds, deserialize_scalar_or_map};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, de};
use std::borrow::Cow;

/// Longest think time, in seconds; it also keeps a log-normal's tail within what a timer can hold.
const LONGEST: f64 = 86_400.0;
/// Largest `sigma` that a spec can ask for.
const WIDEST: f64 = 3.0;

/// Time that a user takes between two runs: `5s`, or log-normal as `{median: 5s, sigma: 0.5}`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ThinkTime {
    /// Median time.
    pub median: Seconds,
    /// Standard deviation of the logarithm; 0 makes every pause the median.
    pub sigma: f64,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Spread {
    /// Median time.
    median: Seconds,
    /// Standard deviation of the logarithm.
    #[serde(default)]
    sigma: f64,
}

impl ScalarOrMap for ThinkTime {
    const FORMS: &'static str = "a duration such as 5s, or {median: 5s, sigma: 0.5}";

    type Map = Spread;

    fn of_scalar<E: de::Error>(scalar: Scalar<'_>) -> Option<Result<Self, E>> {
        Some(scalar.read().map(|median| Self { median, sigma: 0.0 }))
    }

    fn of_map<E: de::Error>(Spread { median, sigma }: Spread) -> Result<Self, E> {
        Ok(Self { median, sigma })
    }
}

deserialize_scalar_or_map!(ThinkTime);

impl JsonSchema for ThinkTime {
    fn schema_name() -> Cow<'static, str> {
        "ThinkTime".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (seconds, spread) =
            (generator.subschema_for::<Seconds>(), generator.subschema_for::<Spread>());
        schemars::json_schema!({
            "description": "Time that a user takes between two runs",
            "anyOf": [seconds, spread],
        })
    }
}

/// Users who pause between two runs, for log-normal times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClosedLoop {
    /// Median of the pause, in seconds.
    pub think: f64,
    /// Standard deviation of its logarithm.
    pub sigma: f64,
}

impl Shape for ClosedLoop {
    type Key = ThinkTime;

    fn check_key(think: ThinkTime) -> Result<(), KeyError> {
        ensure(
            (0.0..=WIDEST).contains(&think.sigma),
            "sigma lies between 0 and 3",
            "0 is the default",
        )
    }

    fn of_key(think: ThinkTime) -> Self {
        Self { think: think.median.get(), sigma: think.sigma }
    }

    fn check(&self, point: LoadPoint) -> Result<(), PacingError> {
        if users(point).is_none() {
            let message = "at a rate, no users wait for their runs: use an open loop";
            return Err(PacingError::Mismatch(message));
        }
        let out_of = |key, bounds| Err(PacingError::OutOfBounds { key, bounds });
        match self {
            Self { think, .. } if !(think.is_finite() && *think >= 0.0) => {
                out_of("think", "is a time in seconds, 0 or more")
            }
            Self { sigma, .. } if !(0.0..=WIDEST).contains(sigma) => {
                out_of("sigma", "lies between 0 and 3")
            }
            _ => Ok(()),
        }
    }

    fn turns(&self, point: LoadPoint, segment: Segment) -> Option<Turns> {
        let users = users(point)?;
        (segment.of <= users).then(|| Turns::of_users(segment, users))
    }

    fn in_flight(&self, point: LoadPoint, segment: Segment) -> u32 {
        let own = segment.count(users(point).unwrap_or(0) as usize);
        u32::try_from(own).unwrap_or(u32::MAX)
    }

    fn starts(&self, setting: Setting) -> Starts {
        let Setting { point, segment, ramp, seed } = setting;
        let all = users(point).unwrap_or(0);
        let own = 0..self.in_flight(point, segment) as usize;
        let pauses = own.map(|own| -> Times {
            // Seed and place in the ramp are those that the user has in the whole.
            let user = u32::try_from(segment.position(own)).unwrap_or(u32::MAX);
            let ramp = ramp * f64::from(user) / f64::from(all.max(1));
            Box::new(Pauses::new(*self, seed ^ u64::from(user), ramp))
        });
        Starts::Users(pauses.collect())
    }
}

/// Returns the number of users of a load; `None` if nobody waits for runs.
fn users(point: LoadPoint) -> Option<u32> {
    match point {
        LoadPoint::InFlight(users) | LoadPoint::Users(users) => Some(users),
        LoadPoint::Rate(_) => None,
    }
}

/// Pauses of one user: log-normal, and seeded.
struct Pauses {
    shape: ClosedLoop,
    /// Time before the first pause; `None` once that is over.
    ramp: Option<f64>,
    rng: Xoshiro256PlusPlus,
}

impl Pauses {
    fn new(shape: ClosedLoop, seed: u64, ramp: f64) -> Self {
        Self { shape, ramp: Some(ramp), rng: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    fn draw(&mut self) -> f64 {
        let ClosedLoop { think, sigma } = self.shape;
        if think <= 0.0 {
            return 0.0;
        }
        let normal: f64 = StandardNormal.sample(&mut self.rng);
        (think * (sigma * normal).exp()).min(LONGEST)
    }
}

impl Iterator for Pauses {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        let Some(ramp) = self.ramp.take() else { return Some(self.draw()) };
        // Users that think do not all begin at once, or they would go on in step: each is in the middle of
        // a pause.
        let share: f64 = self.rng.random();
        Some(ramp + share * self.draw())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean of the log-normal distribution is exp(σ²/2) medians.
    #[test]
    fn pauses_have_the_mean_of_their_distribution() {
        const COUNT: usize = 200_000;
        let pauses = Pauses::new(ClosedLoop { think: 2.0, sigma: 0.5 }, 1, 0.0);
        let mean = pauses.skip(1).take(COUNT).sum::<f64>() / COUNT as f64;
        assert!((mean - 2.0 * (0.125_f64).exp()).abs() < 0.02, "{mean}");
        let busy = Pauses::new(ClosedLoop { think: 0.0, sigma: 1.0 }, 1, 3.0);
        assert_eq!(busy.take(3).collect::<Vec<_>>(), [3.0, 0.0, 0.0], "a ramp, and no pause");
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        let check = |think, sigma| ClosedLoop { think, sigma }.check(LoadPoint::Users(2));
        assert!(check(1.0, 0.5).is_ok() && check(0.0, 0.0).is_ok());
        for (think, sigma) in [(-1.0, 0.0), (f64::NAN, 0.0), (1.0, 3.1), (1.0, f64::NAN)] {
            assert!(check(think, sigma).is_err(), "{think} {sigma}");
        }
        assert!(ClosedLoop::default().check(LoadPoint::Rate(1.0)).is_err());
    }
}
