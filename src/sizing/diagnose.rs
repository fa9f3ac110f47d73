//! Diagnosis: what levels and estimates tell besides a number, for people who have to trust it.

use super::admission::AdmissionLimit;
use super::estimator::Model;
use super::expected_runtime::ExpectedRuntime;
use super::finding::Finding;
use super::slow_level::SlowLevel;
use super::{CrossCheck, Estimate, Grade, Rig};
use crate::measure::LevelMetrics;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Smallest ratio of two levels that shows whether throughput still grows.
const APART: f64 = 1.2;
/// Growth of throughput from one level to the next below which the rig is saturated.
const SATURATED: f64 = 1.1;
/// Factor by which throughput at the highest level is below the best one if it falls with load.
const FALLS: f64 = 1.25;
/// Largest difference, as a logarithm, between runs in flight by Little's law and a level's number
/// for which the level counts runs in flight.
const IN_FLIGHT: f64 = 0.2;
/// Smallest share by which a level is slow without reason, besides what chance explains.
const SLOWER: f64 = 0.1;
/// Share of a level's number that was in flight for a while if it counts runs in flight, not users who pause.
const FILLED: f64 = 0.9;
/// Seconds below which a level misses much of what a server does now and then.
const SHORT: f64 = 30.0;

/// Response of the rig to load.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Diagnosis {
    /// Concurrency at which the straight lines of an idle and of a saturated rig meet (Denning and
    /// Buzen, 1978); null if no measured level is saturated.
    pub knee: Option<f64>,
    /// Runs per second that a saturated rig serves; null if no measured level is saturated.
    pub saturation_throughput: Option<f64>,
    /// Levels that were slower than their load explains.
    pub slow_levels: Vec<SlowLevel>,
    /// Limit on the runs that the server works on at a time; absent if none was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admission: Option<AdmissionLimit>,
}

impl Diagnosis {
    /// Fewest levels that show how a rig responds to load.
    pub const FEWEST_LEVELS: usize = 3;

    /// Examines the levels that were not interrupted, with the model of their runs.
    pub(super) fn of(levels: &[LevelMetrics], model: Option<&dyn Model>) -> Self {
        let mut seen: Vec<(f64, f64)> = levels
            .iter()
            .filter(|level| !level.interrupted && level.throughput > 0.0)
            .filter_map(|level| Some((f64::from(level.concurrency), level.workflow_runtime?.mean)))
            .collect();
        seen.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut found = Self {
            slow_levels: slow_levels(levels, model),
            admission: AdmissionLimit::of(levels),
            ..Self::default()
        };
        // From the next level that is clearly lower to the highest: what a further run in flight costs there.
        let last = seen.last().copied();
        let apart = |it: &&(f64, f64)| last.is_some_and(|last| last.0 >= APART * it.0);
        let before = seen.iter().rev().find(apart);
        if let ([first, _, .., last], Some(before)) = (seen.as_slice(), before) {
            let mean = |at: f64, own: f64| model.and_then(|it| it.mean_runtime(at)).unwrap_or(own);
            let (low, high) = (mean(before.0, before.1), mean(last.0, last.1));
            let slope = (high - low) / (last.0 - before.0);
            let grows = (last.0 / high) / (before.0 / low);
            // What the table shows counts as well: a curve may be smoother than the levels are.
            let served_at = |at: f64| levels.iter().find(|it| is_at(it, at)).map(served);
            let grew =
                served_at(last.0).zip(served_at(before.0)).map_or(grows, |(now, was)| now / was);
            if slope > 0.0 && grows < SATURATED && grew < SATURATED {
                let throughput = served_at(last.0).unwrap_or(last.0 / high);
                // An overloaded rig may serve less than it can.
                let throughput = falling(levels).map_or(throughput, |(best, _)| served(best));
                found.saturation_throughput = Some(throughput);
                let idle = mean(first.0, first.1);
                // Where a level counts users, of whom some think, their number is no load.
                let in_flight = (throughput * high / last.0).ln().abs() < IN_FLIGHT;
                found.knee = Some(idle * throughput)
                    .filter(|knee| in_flight && (first.0..=last.0).contains(knee));
            }
        }
        found
    }

    /// Returns what it says. `left_out` are the levels that an estimate leaves out; `recorded` is true
    /// if the levels were measured elsewhere.
    pub(super) fn findings(
        &self,
        levels: &[LevelMetrics],
        left_out: &[u32],
        recorded: bool,
    ) -> Vec<Finding> {
        let admission = self.admission.clone().map(|limit| Finding::Admission { limit });
        let mut found: Vec<Finding> = admission.into_iter().collect();
        let highest = levels.iter().filter(|l| !l.interrupted).map(|l| l.concurrency).max();
        match (self.saturation_throughput, highest) {
            (Some(throughput), _) => found.push(Finding::Saturated { throughput, knee: self.knee }),
            (None, Some(highest)) if still_grew(levels) => {
                found.push(Finding::NotSaturated { highest });
            }
            _ => {}
        }
        let of = |level: &LevelMetrics| (level.concurrency, served(level));
        found.extend(falling(levels).map(|(best, highest)| Finding::ThroughputFalls {
            best: of(best),
            highest: of(highest),
        }));
        found.extend(self.slow_levels.iter().map(|&level| {
            let left_out = left_out.contains(&level.concurrency);
            Finding::Slow { level, left_out, recorded }
        }));
        found
    }
}

fn is_at(level: &LevelMetrics, concurrency: f64) -> bool {
    !level.interrupted && (f64::from(level.concurrency) - concurrency).abs() < 0.5
}

/// Returns the runs per second that a level served. Where its beginning and its end are missing, as of runs that were
/// cut out of a steady load, or where its last runs have the rig for themselves, those of its middle (Little's law).
fn served(level: &LevelMetrics) -> f64 {
    let claim = f64::from(level.concurrency);
    let is_filled = level.in_flight.iter().any(|it| *it >= FILLED * claim);
    let mean = level.workflow_runtime.map_or(0.0, |it| it.mean);
    if is_filled && mean > 0.0 { level.throughput.max(claim / mean) } else { level.throughput }
}

/// Returns the level with the highest throughput, and the highest level if that has far less.
fn falling(levels: &[LevelMetrics]) -> Option<(&LevelMetrics, &LevelMetrics)> {
    let usable = || levels.iter().filter(|level| !level.interrupted && level.throughput > 0.0);
    let highest = usable().max_by_key(|level| level.concurrency)?;
    let best = usable().max_by(|a, b| served(a).total_cmp(&served(b)))?;
    (served(best) > FALLS * served(highest)).then_some((best, highest))
}

/// Returns true if the highest level had more throughput than the next one that is clearly lower.
fn still_grew(levels: &[LevelMetrics]) -> bool {
    // Two levels can differ by chance.
    const FEWEST: usize = 3;
    let usable = || levels.iter().filter(|level| !level.interrupted && level.throughput > 0.0);
    let Some(last) = usable().max_by_key(|level| level.concurrency) else { return false };
    if usable().count() < FEWEST {
        return false;
    }
    let apart =
        |it: &&LevelMetrics| f64::from(last.concurrency) >= APART * f64::from(it.concurrency);
    let before = usable().filter(apart).max_by_key(|level| level.concurrency);
    before.is_none_or(|before| served(last) > served(before))
}

/// Finds levels that took longer than the others make one expect, by more than chance.
fn slow_levels(levels: &[LevelMetrics], model: Option<&dyn Model>) -> Vec<SlowLevel> {
    let Some(model) = model else { return Vec::new() };
    let usable: Vec<&LevelMetrics> = levels.iter().filter(|level| !level.interrupted).collect();
    if usable.len() < 4 {
        return Vec::new();
    }
    let slow = |level: &&LevelMetrics| {
        let compared = model.expected(level.concurrency)?;
        let far = compared.is_slow_beyond_chance();
        let ExpectedRuntime { seen, expected, .. } = compared;
        // What people see is the level's own mean; that of the curve leaves out chance in how many calls
        // its runs made.
        let mean = level.workflow_runtime?.mean;
        let expected = mean * expected / seen;
        (far && mean > expected * (1.0 + SLOWER)).then_some(SlowLevel {
            concurrency: level.concurrency,
            mean,
            expected,
        })
    };
    usable.iter().filter_map(slow).collect()
}

/// Returns what there is to say of one estimate, besides its doubts.
pub(super) fn of_estimate(
    estimate: &Estimate,
    levels: &[LevelMetrics],
    rig: Rig,
    model: Option<&dyn Model>,
) -> Vec<Finding> {
    let Estimate { target: metric, quantile, .. } = *estimate;
    let mut found = Vec::new();
    let settled = estimate.grade.is_some_and(|grade| grade < Grade::Unsettled);
    let Some(range) = estimate.answer.capacity().filter(|_| settled) else {
        return found;
    };
    let Some(capacity) = range.point else { return found };
    let usable = || levels.iter().filter(|l| !l.interrupted && l.metric(metric).is_some());
    let below = usable().map(|l| l.concurrency).filter(|c| f64::from(*c) <= capacity).max();
    let above = usable().map(|l| l.concurrency).filter(|c| f64::from(*c) > capacity).min();
    if let (Some(below), Some(above)) = (below, above) {
        found.push(Finding::Enclosed { metric, quantile, capacity, below, above });
    }
    let open = estimate.answer.gpus().is_some_and(|gpus| gpus.low < gpus.high);
    // Where levels are missing, no number of runs stands in for them.
    if let Some(model) = model.filter(|_| open && !estimate.extrapolated && estimate.add.is_empty())
        && let Some((level, runs)) = model.runs_to_halve(estimate)
    {
        found.push(Finding::RunsToHalve { level, runs });
    }
    let replicas = rig.gpu_count.map(|gpus| gpus / rig.gpus_per_replica.max(1));
    if let (Some(measured), Some(_)) = (replicas, estimate.answer.gpus()) {
        found.push(Finding::AlikeReplicas { measured });
    }
    found
}

/// Returns how long the levels around the answers lasted, if that is a short time.
pub(super) fn short_levels(estimates: &[Estimate], levels: &[LevelMetrics]) -> Option<Finding> {
    let usable = || levels.iter().filter(|level| !level.interrupted);
    let around = |point: f64| {
        let below = usable().filter(|it| f64::from(it.concurrency) <= point);
        let above = usable().filter(|it| f64::from(it.concurrency) > point);
        let nearest = below.max_by_key(|it| it.concurrency);
        nearest.into_iter().chain(above.min_by_key(|it| it.concurrency))
    };
    let settled = |it: &&Estimate| it.grade.is_some_and(|grade| grade < Grade::Unsettled);
    let points = estimates.iter().filter(settled).filter_map(|it| it.answer.capacity()?.point);
    let around: Vec<&LevelMetrics> = points.flat_map(around).collect();
    let longest = around.iter().map(|it| it.elapsed).fold(0.0, f64::max);
    let levels = around.iter().map(|it| it.concurrency).collect();
    // Levels of older recordings do not say.
    (longest > 0.0 && longest < SHORT).then_some(Finding::ShortLevels { levels, longest })
}

/// Returns the load in its other form, if that would need another number of GPUs.
pub(super) fn other_form(check: &CrossCheck) -> Option<Finding> {
    let CrossCheck { request_rate, concurrent, gpus, differs } = *check;
    differs.then_some(Finding::OtherForm { request_rate, concurrent, gpus })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Phase, Recording, Run};
    use crate::sizing::{Evidence, Fits, MethodName, ObservedLevel};
    use std::collections::BTreeMap;

    /// Levels at which runs take such a mean time, a tenth more or less in turns.
    fn diagnosed(levels: &[u32], mean: impl Fn(u32) -> f64) -> Diagnosis {
        let (mut metrics, mut observed) = (Vec::new(), BTreeMap::new());
        for &concurrency in levels {
            let mut runs = Vec::new();
            for index in 0..concurrency.max(10) * 4 {
                let start = f64::from(index / concurrency) * mean(concurrency);
                let end = start + mean(concurrency) * if index % 2 == 0 { 0.9 } else { 1.1 };
                let phase = if index < concurrency { Phase::WarmUp } else { Phase::Measured };
                runs.push(Run { start, end, phase, ..Run::default() });
            }
            let recording = Recording { runs, ..Recording::default() };
            metrics.push(LevelMetrics::of(concurrency, &recording, 0.0));
            let Ok(level) = ObservedLevel::of(concurrency, &recording, &recording.around);
            observed.insert(concurrency, level);
        }
        let fits = Fits { method: MethodName::Monotone, fits: Vec::new() };
        let evidence = Evidence::new(&metrics, &fits, &observed);
        let model = MethodName::Monotone.estimator().prepare(&evidence).unwrap();
        Diagnosis::of(&metrics, Some(&*model))
    }

    /// 2 s up to 16 runs in flight, in proportion from there on: 8 runs per second.
    fn hockey(concurrency: u32) -> f64 {
        2.0 * (f64::from(concurrency) / 16.0).max(1.0)
    }

    #[test]
    fn the_knee_is_where_both_lines_meet() {
        let found = diagnosed(&[1, 4, 8, 16, 32, 64], hockey);
        // What the table shows of few runs is a little less than the curve through all levels has it.
        assert!((found.knee.unwrap() - 16.0).abs() < 0.8, "{found:?}");
        assert!((found.saturation_throughput.unwrap() - 8.0).abs() < 0.4, "{found:?}");
        assert_eq!(found.slow_levels, []);
        assert_eq!(diagnosed(&[1, 2, 4, 8], hockey), Diagnosis::default(), "nothing is saturated");
        let close = diagnosed(&[1, 16, 32, 60, 64], hockey);
        assert!((close.saturation_throughput.unwrap() - 8.0).abs() < 0.4, "{close:?}");
    }

    /// Four times as long for twice the load: at 32, two runs per second are left of eight.
    #[test]
    fn a_rig_that_loses_throughput_saturates_at_its_best() {
        let thrashing = |concurrency: u32| 2.0 * (f64::from(concurrency) / 16.0).max(1.0).powi(3);
        let found = diagnosed(&[1, 4, 8, 16, 24, 32], thrashing);
        assert!((found.saturation_throughput.unwrap() - 8.0).abs() < 0.4, "{found:?}");
    }

    #[test]
    fn throughput_that_still_grows_is_not_saturated() {
        // The last level serves a third more than the one before, which no convex curve follows.
        let served = |concurrency| if concurrency == 64 { 6.0 } else { hockey(concurrency) };
        let found = diagnosed(&[1, 4, 8, 16, 24, 32, 64], served);
        assert_eq!((found.knee, found.saturation_throughput), (None, None), "{found:?}");
    }

    #[test]
    fn a_lowest_level_beside_full_ones_is_not_slow() {
        // All others are in proportion to the load, and say nothing of how long a run takes alone.
        assert_eq!(diagnosed(&[1, 16, 32, 64], hockey).slow_levels, []);
        assert_eq!(diagnosed(&[8, 16, 32, 64], hockey).slow_levels, []);
        let slow = |concurrency| hockey(concurrency) * if concurrency == 1 { 1.6 } else { 1.0 };
        let found = diagnosed(&[1, 8, 16, 32, 64], slow);
        assert_eq!(found.slow_levels.first().map(|it| it.concurrency), Some(1), "{found:?}");
    }

    #[test]
    fn a_level_that_load_does_not_explain_is_named() {
        let disturbed =
            |concurrency| hockey(concurrency) * if concurrency == 8 { 1.6 } else { 1.0 };
        let found = diagnosed(&[1, 4, 8, 16, 32, 64], disturbed);
        let [slow] = found.slow_levels.as_slice() else { panic!("{found:?}") };
        assert_eq!(slow.concurrency, 8);
        assert!((slow.mean - 3.2).abs() < 0.05 && (slow.expected - 2.0).abs() < 0.1, "{slow:?}");
    }
}
