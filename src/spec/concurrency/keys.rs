//! The keys of `concurrency`, as files have them.

use super::budget::Budget;
use super::levels::Levels;
use super::window::WindowSpec;
use crate::language::Seconds;
use crate::pacing::{PacingSpec, each_shape};
use crate::spec::load::{Mode, OnFailure, Order, Until};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! keys {
    ($(
        $(#[$about:meta])*
        $shape:ident($numbers:ident), $key:ident: $value:ident,
        $(#[$about_key:meta])* ;
    )+) => {
        /// Levels of the sweep, and the runs of each.
        #[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub(super) struct Keys {
            /// Levels to measure.
            #[serde(default)]
            pub levels: Levels,
            /// First of adaptive levels; 1 by default.
            #[serde(default)]
            pub start: Option<u32>,
            /// Highest level that an adaptive sweep may measure; 1024 by default.
            #[serde(default)]
            pub max: Option<u32>,
            /// Budget of an adaptive sweep, as a number of runs or a time.
            #[serde(default)]
            pub budget: Option<Budget>,
            /// Number of times that each level is filled: `passes` × concurrency measured runs. Without it
            /// (and without `runs` and `duration`), a level makes one pass over the dataset, cut to a
            /// multiple of the concurrency.
            #[serde(default)]
            pub passes: Option<u32>,
            /// Measured runs of each level, whatever its concurrency.
            #[serde(default)]
            pub runs: Option<u32>,
            /// Measure the runs that begin within this time, however many.
            #[serde(default)]
            pub duration: Option<Seconds>,
            /// Measure until the p95 is known well enough.
            #[serde(default)]
            pub until: Option<Until>,
            /// Shape of a level's load.
            #[serde(default)]
            pub mode: Mode,
            /// Number of times that a level is filled before it is measured; one wave by default, none in a
            /// burst.
            #[serde(default)]
            pub warmup: Option<u32>,
            /// Time over which the first runs of a level are spread, or its rate is reached.
            #[serde(default)]
            pub ramp: Seconds,
            $(
                $(#[$about_key])*
                #[serde(default)]
                pub $key: Option<crate::pacing::$value>,
            )+
            /// Pause between two levels.
            #[serde(default)]
            pub cooldown: Seconds,
            /// Order in which levels are measured.
            #[serde(default)]
            pub order: Order,
            /// Effect of a failed run on its level.
            #[serde(default)]
            pub on_failure: OnFailure,
            /// Seed of everything random: arrivals, think times, the order of levels.
            #[serde(default)]
            pub seed: u64,
        }

        impl Keys {
            /// Returns the pacing that they ask for.
            pub fn pacing(&self) -> Option<PacingSpec> {
                let given = [$(self.$key.map(PacingSpec::$shape)),+];
                given.into_iter().flatten().next_back()
            }

            /// Returns the keys with those of a pacing.
            pub fn with_pacing(self, pacing: Option<PacingSpec>) -> Self {
                match pacing {
                    None => self,
                    $(Some(PacingSpec::$shape(value)) => Self { $key: Some(value), ..self },)+
                }
            }
        }
    };
}

each_shape!(keys);

impl Keys {
    /// Returns the window that they ask for.
    pub fn window(&self) -> WindowSpec {
        let Self { passes, runs, duration, until, .. } = *self;
        let windows = [
            runs.map(WindowSpec::Runs),
            passes.map(WindowSpec::Passes),
            duration.map(WindowSpec::Duration),
            until.map(WindowSpec::Until),
        ];
        windows.into_iter().flatten().next().unwrap_or(WindowSpec::Open)
    }

    /// Returns the keys with those of a window.
    pub fn with_window(mut self, window: WindowSpec) -> Self {
        match window {
            WindowSpec::Open => {}
            WindowSpec::Passes(passes) => self.passes = Some(passes),
            WindowSpec::Runs(runs) => self.runs = Some(runs),
            WindowSpec::Duration(duration) => self.duration = Some(duration),
            WindowSpec::Until(until) => self.until = Some(until),
        }
        self
    }
}
