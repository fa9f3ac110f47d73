//! The part of a sweep's plan that one of its levels is measured by.

use crate::measure::Asked;
use crate::spec::{Concurrency, Levels, Seconds, Until};
use crate::study::graph_level::GraphLevel;

/// The part of a sweep's plan that a level is measured by. No key holds it: whatever plan a level was measured for,
/// it is the same measurement, of more runs or fewer.
pub(in crate::study) struct Planned {
    /// The aim of an adaptive sweep.
    pub asked: Option<Asked>,
    /// The level as it is planned, with the recording whose place it takes.
    pub level: Option<GraphLevel>,
    /// The highest level that is known of.
    pub highest: u32,
    /// The amount to measure, where levels are adaptive; else the slice says so.
    amount: Option<Amount>,
}

/// The amount to measure of a level, as a spec says it.
#[derive(Clone, Copy, Default)]
pub(super) struct Amount {
    passes: Option<u32>,
    runs: Option<u32>,
    duration: Option<Seconds>,
    until: Option<Until>,
}

impl Amount {
    /// Says it in a load in place of what that says.
    pub fn put_into(self, load: &mut Concurrency) {
        let Self { passes, runs, duration, until } = self;
        (load.passes, load.runs) = (passes, runs);
        (load.duration, load.until) = (duration, until);
    }

    fn says_nothing(self) -> bool {
        let Self { passes, runs, duration, until } = self;
        passes.is_none() && runs.is_none() && duration.is_none() && until.is_none()
    }
}

impl Planned {
    /// Takes it from a section of a spec and the level that was chosen.
    pub fn of(
        load: &Concurrency,
        asked: Option<&Asked>,
        level: Option<GraphLevel>,
        highest: u32,
    ) -> Self {
        let Concurrency { passes, runs, duration, until, .. } = *load;
        let adaptive = load.levels == Levels::Adaptive;
        let amount = adaptive.then_some(Amount { passes, runs, duration, until });
        Self { asked: asked.cloned(), level, highest, amount }
    }

    /// A load with how much of it is measured.
    pub fn with_amount(&self, load: &Concurrency) -> Concurrency {
        let mut load = load.clone();
        if let Some(amount) = self.amount {
            amount.put_into(&mut load);
        }
        load
    }

    /// The number of runs that was chosen for an adaptive level, where the spec itself does not say.
    pub fn chosen_runs(&self) -> Option<usize> {
        self.amount.filter(|it| it.says_nothing())?;
        self.level.as_ref().map(|level| level.next.runs)
    }
}
