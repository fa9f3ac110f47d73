//! Levels of a sweep with the runs behind them: the front door from measurements to answers.

use super::added::AddedMethod;
use super::evidence::Evidence;
use super::observed::ObservedLevel;
use super::prepared_model::PreparedModel;
use super::{FitOptions, Fits};
use crate::measure::{LevelMetrics, LimitComparison, Metric, Recording, RecordingMeta, RunColumns};
use std::collections::BTreeMap;

/// Levels of a sweep with the runs behind them.
///
/// [`MeasuredSweep::add`] aggregates the runs of a level; where its metrics exist already, begin with
/// [`MeasuredSweep::of`], and read the runs of each level ([`MeasuredSweep::observe`]). [`MeasuredSweep::fits`] draws
/// the lines, [`MeasuredSweep::prepare`] makes the model, and [`PreparedModel::answer`] gives the estimates.
#[derive(Clone, Debug, Default)]
pub struct MeasuredSweep {
    levels: Vec<LevelMetrics>,
    observed: BTreeMap<u32, ObservedLevel>,
    against: BTreeMap<u32, LimitComparison>,
}

impl MeasuredSweep {
    /// Creates a sweep of levels whose metrics exist.
    pub fn of(mut levels: Vec<LevelMetrics>) -> Self {
        levels.sort_by_key(|level| level.concurrency);
        Self { levels, ..Self::default() }
    }

    /// Adds a level with its runs. `tolerated` is the share of runs (0 to 1) that may fail without
    /// interrupting it.
    pub fn add(&mut self, concurrency: u32, recording: &Recording, tolerated: f64) {
        let level = LevelMetrics::of(concurrency, recording, tolerated);
        let Ok(()) = self.observe(concurrency, recording, &recording.around);
        let at = self.levels.partition_point(|it| it.concurrency < concurrency);
        self.levels.insert(at, level);
    }

    /// Reads the runs of a level that is there.
    pub fn observe<S: RunColumns>(
        &mut self,
        concurrency: u32,
        runs: &S,
        around: &RecordingMeta,
    ) -> Result<(), S::Error> {
        self.observed.insert(concurrency, ObservedLevel::of(concurrency, runs, around)?);
        Ok(())
    }

    /// Compares the runs of a level with limits: the [main ones](super::Question::main_limits) of
    /// the question to [assess](PreparedModel::assess).
    pub fn compare<S: RunColumns>(
        &mut self,
        concurrency: u32,
        runs: &S,
        limits: &[(Metric, f64)],
    ) -> Result<(), S::Error> {
        self.against.insert(concurrency, LimitComparison::of(runs, limits)?);
        Ok(())
    }

    /// Returns all levels, in ascending order.
    pub fn levels(&self) -> &[LevelMetrics] {
        &self.levels
    }

    /// Draws the lines of a method through the levels.
    pub fn fits(&self, options: FitOptions) -> Fits {
        Fits::of(&self.levels, options)
    }

    /// Makes the model of the method of these lines. Failed runs at levels that tolerate them are
    /// left out, or slower than any limit if `count_failed` is set.
    pub fn prepare<'e>(&'e self, fits: &'e Fits, count_failed: bool) -> PreparedModel<'e> {
        self.prepare_by(None, fits, count_failed)
    }

    /// Makes the model of a method that was added, if there is one.
    pub fn prepare_by<'e>(
        &'e self,
        added: Option<&AddedMethod>,
        fits: &'e Fits,
        count_failed: bool,
    ) -> PreparedModel<'e> {
        let evidence = Evidence::new(&self.levels, fits, &self.observed);
        let evidence = evidence.counting_failures(count_failed);
        PreparedModel::by(added, evidence).with_comparison(&self.against)
    }
}
