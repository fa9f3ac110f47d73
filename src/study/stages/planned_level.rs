//! The part of a sweep's plan that one of its levels is measured by.

use crate::measure::SearchGoal;
use crate::pacing::LoadPoint;
use crate::spec::{Concurrency, WindowSpec};
use crate::study::graph_level::GraphLevel;

/// The part of a sweep's plan that a level is measured by. No key holds it: whatever plan a level was measured for,
/// it is the same measurement, of more runs or fewer.
pub(in crate::study) struct PlannedLevel {
    /// The aim of an adaptive sweep.
    pub asked: Option<SearchGoal>,
    /// The level as it is planned, with the recording whose place it takes.
    pub level: Option<GraphLevel>,
    /// The highest level that is known of.
    pub highest: LoadPoint,
    /// The amount to measure, where levels are adaptive; else the slice says so.
    window: Option<WindowSpec>,
}

impl PlannedLevel {
    /// Takes it from a section of a spec and the level that was chosen.
    pub fn of(
        load: &Concurrency,
        asked: Option<&SearchGoal>,
        level: Option<GraphLevel>,
        highest: LoadPoint,
    ) -> Self {
        let window = load.levels.adaptive().map(|_| load.window);
        Self { asked: asked.cloned(), level, highest, window }
    }

    /// A load with how much of it is measured.
    pub fn with_amount(&self, load: &Concurrency) -> Concurrency {
        Concurrency { window: self.window.unwrap_or(load.window), ..load.clone() }
    }

    /// The number of runs that was chosen for an adaptive level, where the spec itself does not say.
    pub fn chosen_runs(&self) -> Option<usize> {
        self.window.filter(|window| *window == WindowSpec::Open)?;
        self.level.as_ref().map(|level| level.runs)
    }
}
