//! Closed loop: as many users as the level says; each begins a run when the last one has ended, after
//! a pause.

use super::shape::Shape;
use crate::load::level::Level;
use crate::load::segment::{Segment, Turns};
use crate::load::{LoadPoint, PlanError};
use crate::spec::Concurrency;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Longest think time, in seconds; it also keeps a log-normal's tail within what a timer can hold.
const LONGEST: f64 = 86_400.0;
/// Largest `sigma` that a spec can ask for.
const WIDEST: f64 = 3.0;

/// Users who pause between two runs, for log-normal times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Closed {
    /// Median of the pause, in seconds.
    pub think: f64,
    /// Standard deviation of its logarithm.
    pub sigma: f64,
}

impl Shape for Closed {
    fn of_spec(load: &Concurrency) -> Option<Self> {
        let think = load.think_time.map(|it| Self { think: it.median.get(), sigma: it.sigma });
        load.rate.is_none().then(|| think.unwrap_or_default())
    }

    fn check(&self, point: LoadPoint) -> Result<(), PlanError> {
        if users(point).is_none() {
            let message = "a rate has no users that wait for their runs: pace it as an open loop";
            return Err(PlanError::Pacing(message));
        }
        let out_of = |key, bounds| Err(PlanError::OutOfBounds { key, bounds });
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

    /// Begins one task per user.
    fn begin(&self, level: &Arc<Level>, tasks: &mut JoinSet<()>) {
        let all = users(level.setting.point).unwrap_or(0);
        for own in 0..self.in_flight(level.setting.point, level.setting.segment) as usize {
            // Seed and place in the ramp are those that the user has in the whole.
            let user = u32::try_from(level.setting.segment.position(own)).unwrap_or(u32::MAX);
            let pauses = Pauses::new(self.think, self.sigma, level.setting.seed ^ u64::from(user));
            let ramp = level.setting.ramp * f64::from(user) / f64::from(all.max(1));
            tasks.spawn(work(Arc::clone(level), pauses, ramp));
        }
    }
}

/// Returns the number of users of a load; `None` if nobody waits for runs.
fn users(point: LoadPoint) -> Option<u32> {
    match point {
        LoadPoint::InFlight(users) | LoadPoint::Users(users) => Some(users),
        LoadPoint::Rate(_) => None,
    }
}

/// Acts as one user, who runs item after item until none is due.
async fn work(level: Arc<Level>, mut pauses: Pauses, ramp: f64) {
    // Users that think do not all begin at once, or they would go on in step.
    sleep(ramp + pauses.first()).await;
    while let Some(due) = level.next(level.clock.now()) {
        level.run(due, None).await;
        sleep(pauses.next()).await;
    }
}

async fn sleep(seconds: f64) {
    if seconds > 0.0 {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    }
}

/// Think times of one user: log-normal, and seeded.
struct Pauses {
    median: f64,
    sigma: f64,
    rng: Xoshiro256PlusPlus,
}

impl Pauses {
    fn new(median: f64, sigma: f64, seed: u64) -> Self {
        Self { median, sigma, rng: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    fn next(&mut self) -> f64 {
        if self.median <= 0.0 {
            return 0.0;
        }
        let normal: f64 = StandardNormal.sample(&mut self.rng);
        (self.median * (self.sigma * normal).exp()).min(LONGEST)
    }

    /// Returns the rest of a pause, as if the user was in the middle of one.
    fn first(&mut self) -> f64 {
        let share: f64 = self.rng.random();
        share * self.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean of the log-normal distribution is exp(σ²/2) medians.
    #[test]
    fn pauses_have_the_mean_of_their_distribution() {
        const COUNT: usize = 200_000;
        let mut pauses = Pauses::new(2.0, 0.5, 1);
        let mean = (0..COUNT).map(|_| pauses.next()).sum::<f64>() / COUNT as f64;
        assert!((mean - 2.0 * (0.125_f64).exp()).abs() < 0.02, "{mean}");
        assert!(Pauses::new(0.0, 1.0, 1).next().abs() < f64::EPSILON);
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        let check = |think, sigma| Closed { think, sigma }.check(LoadPoint::Users(2));
        assert!(check(1.0, 0.5).is_ok() && check(0.0, 0.0).is_ok());
        for (think, sigma) in [(-1.0, 0.0), (f64::NAN, 0.0), (1.0, 3.1), (1.0, f64::NAN)] {
            assert!(check(think, sigma).is_err(), "{think} {sigma}");
        }
        assert!(Closed::default().check(LoadPoint::Rate(1.0)).is_err());
    }
}
