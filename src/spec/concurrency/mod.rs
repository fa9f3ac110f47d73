//! The spec's `concurrency`: the plan of the sweep.

mod budget;
mod keys;
mod levels;
mod window;

pub use budget::Budget;
pub use levels::{Adaptive, Levels, Range, Scale};
pub use window::WindowSpec;

use super::load::{Mode, OnFailure, Order};
use crate::language::Seconds;
use crate::pacing::{LoadPoint, Pacing, PacingSpec};
use keys::Keys;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use rand::seq::SliceRandom;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Levels of the sweep, and the runs of each. In files its keys are flat: a key that asks for a window or
/// for a pacing stands for all of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Keys", into = "Keys")]
pub struct Concurrency {
    /// Levels to measure.
    pub levels: Levels,
    /// Rule by which a level ends.
    pub window: WindowSpec,
    /// Shape of a level's load over time.
    pub mode: Mode,
    /// Number of times that a level is filled before it is measured; one wave by default, none in a
    /// burst.
    pub warmup: Option<u32>,
    /// Time over which the first runs of a level are spread, or its rate is reached.
    pub ramp: Seconds,
    /// Rule by which the runs of a level begin; without it, each begins as soon as one has ended.
    pub pacing: Option<PacingSpec>,
    /// Pause between two levels.
    pub cooldown: Seconds,
    /// Order in which levels are measured.
    pub order: Order,
    /// Effect of a failed run on its level.
    pub on_failure: OnFailure,
    /// Seed of everything random: arrivals, think times, the order of levels.
    pub seed: u64,
}

impl Concurrency {
    /// Returns the number of waves of runs before a level is measured.
    pub fn warmup_waves(&self) -> u32 {
        self.warmup.unwrap_or(match self.mode {
            Mode::Sustained => 1,
            Mode::Burst => 0,
        })
    }

    /// Returns the numbers of the pacing.
    pub fn pacing(&self) -> Pacing {
        self.pacing.map_or_else(Pacing::default, PacingSpec::pacing)
    }

    /// Returns the load of a level.
    pub fn point(&self, level: u32) -> LoadPoint {
        self.pacing.map_or(LoadPoint::InFlight(level), |pacing| pacing.point(level))
    }

    /// Returns true if a level counts users, who do not all have a run in flight.
    pub fn counts_users(&self) -> bool {
        matches!(self.point(1), LoadPoint::Users(_))
    }

    /// Returns the levels in the order in which they are measured; empty if they are adaptive.
    pub fn in_order(&self) -> Vec<LoadPoint> {
        let mut levels = self.levels.values();
        if self.order == Order::Shuffled {
            levels.shuffle(&mut Xoshiro256PlusPlus::seed_from_u64(self.seed));
        }
        levels.into_iter().map(|level| self.point(level)).collect()
    }
}

impl From<Keys> for Concurrency {
    /// Reads the keys. Checks refuse keys that contradict each other; this takes one of them.
    fn from(keys: Keys) -> Self {
        let (window, pacing) = (keys.window(), keys.pacing());
        let Keys { levels, start, max, budget, mode, warmup, ramp, cooldown, .. } = keys;
        let levels = match levels {
            Levels::Adaptive(_) => Levels::Adaptive(Adaptive { start, max, budget }),
            given => given,
        };
        let Keys { order, on_failure, seed, .. } = keys;
        Self { levels, window, mode, warmup, ramp, pacing, cooldown, order, on_failure, seed }
    }
}

impl From<Concurrency> for Keys {
    fn from(load: Concurrency) -> Self {
        let Adaptive { start, max, budget } =
            load.levels.adaptive().map_or_else(Adaptive::default, |bounds| *bounds);
        let Concurrency { levels, mode, warmup, ramp, cooldown, order, on_failure, seed, .. } =
            load;
        let own = Self {
            levels,
            start,
            max,
            budget,
            mode,
            warmup,
            ramp,
            cooldown,
            order,
            on_failure,
            seed,
            ..Self::default()
        };
        own.with_window(load.window).with_pacing(load.pacing)
    }
}

impl JsonSchema for Concurrency {
    fn schema_name() -> Cow<'static, str> {
        "Concurrency".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Keys::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pacing::{Process, Rate};

    #[test]
    fn a_level_counts_users_where_they_do_not_all_have_a_run() {
        let closed = Concurrency::default();
        assert_eq!(closed.point(4), LoadPoint::InFlight(4));
        assert!(!closed.counts_users());
        let pacing = Some(PacingSpec::Open(Rate { per_second: 0.5, process: Process::Poisson }));
        let open = Concurrency { pacing, ..Concurrency::default() };
        assert_eq!(open.point(4), LoadPoint::Users(4));
        assert!(open.counts_users());
    }

    #[test]
    fn keys_are_flat_and_read_as_they_are_written() {
        for text in [
            r#"{"levels":"adaptive","start":2,"max":64,"budget":{"runs":900},"until":{"p95_within":0.1,"at_most":500}}"#,
            r#"{"levels":[1,2],"duration":30.0,"rate":{"per_second":0.2,"process":"poisson"}}"#,
            r#"{"levels":[1],"passes":2,"think_time":{"median":0.0,"sigma":0.5}}"#,
            r#"{"levels":[1],"runs":7}"#,
        ] {
            let written: serde_json::Value = serde_json::from_str(text).unwrap();
            // A budget is written by its unit and read without.
            let plain = text.replace(r#"{"runs":900}"#, "900");
            let load: Concurrency = serde_json::from_str(&plain).unwrap();
            let again = serde_json::to_value(&load).unwrap();
            for (key, value) in written.as_object().unwrap() {
                assert_eq!(again[key], *value, "{key} of {text}");
            }
            assert_eq!(again.as_object().unwrap().len(), 17);
        }
    }
}
