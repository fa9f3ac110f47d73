//! Choice of the next level in addition to known ones, whatever they were measured for: an earlier
//! limit, another budget, a list of levels.
//!
//! The answer follows from the search and the set of levels alone. Each level records what it was
//! measured for, so it does not matter in how many runs, or by whom, the set was made.

use super::adaptive::{FEWEST_UP, SHARE_UP, WAVES_UP, is_near, next_within, sized};
use super::added::AddedMethod;
use super::evidence::Evidence;
use super::finding::Finding;
use super::prepared_model::PreparedModel;
use super::{AdaptivePlan, NextLevel, SweepBudget};
use crate::measure::{LevelMetrics, SearchGoal};

/// Share of the wanted runs from which a level is as good as one with all of them.
const NEARLY: f64 = 0.9;
/// Share of its budget below which a search adds a single level to those of others: a slightly
/// larger budget is no reason for another round.
const LITTLE: f64 = 0.5;
/// Share of the budget above which a search goes on after that, if the crossing is still to be
/// reached.
const REST: f64 = 0.15;

/// An adaptive sweep, with what distinguishes its own levels from others.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// Bounds and targets of the sweep.
    pub plan: AdaptivePlan,
    /// Description of the search that is recorded with each of its levels.
    pub asked: SearchGoal,
    /// Window that the spec wants of each level.
    pub wanted: WindowSize,
    /// Method that a program adds, if the spec names one.
    pub added: Option<AddedMethod>,
}

/// Size of the window that the spec wants of each level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WindowSize {
    /// Chosen by the plan.
    Planned,
    /// Number of runs.
    Runs(f64),
    /// Number of runs per run in flight.
    Waves(f64),
    /// Length in seconds.
    Seconds(f64),
    /// Width of the interval of the p95 runtime, or a number of runs that is enough in any case.
    Precision {
        /// Largest width, as a share of the p95.
        width: f64,
        /// Runs that are enough in any case.
        most: f64,
    },
}

/// The next measurement of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Level to measure.
    pub level: NextLevel,
    /// Reason for measuring it again; `None` if it is new.
    pub again: Option<RemeasureReason>,
}

/// Reason for measuring a level again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemeasureReason {
    /// The level has fewer runs than wanted.
    FewRuns,
    /// New levels are about to join those of an earlier question: it tells whether both saw the
    /// same rig.
    Compared,
}

impl Search {
    /// Returns the most informative level in addition to the known ones, in whatever order those
    /// are; `None` once there is nothing left to learn or to spend. With `same_rig`, no comparison
    /// is needed to show that the rig is still the one that the known levels saw.
    ///
    /// It terminates: each step leaves a level that was measured for this search, which is never
    /// measured again, and only the first of them is a comparison.
    pub fn next(&self, known: &Evidence<'_>, same_rig: bool) -> Option<Step> {
        let enough = |level: &&LevelMetrics| self.is_enough(level);
        let mut measured: Vec<LevelMetrics> =
            known.levels().iter().filter(enough).cloned().collect();
        measured.sort_by_key(|level| level.concurrency);
        let usable: Vec<&LevelMetrics> = measured.iter().filter(|it| !it.interrupted).collect();
        let prepared = PreparedModel::by(self.added.as_ref(), known.restricted_to(&measured));
        let crossing = prepared.crossing(&self.plan.targets);
        let left = self.plan.budget.map(|budget| {
            let spent = measured.iter().map(|level| self.spent(budget, level, crossing));
            budget.amount() - spent.sum::<f64>()
        });
        let own: Vec<&LevelMetrics> = measured.iter().filter(|it| self.is_own(it)).collect();
        let at_once = own.len() < measured.len()
            && self.plan.budget.zip(left).is_some_and(|(budget, left)| {
                let of_own = own.iter().map(|level| budget.cost(level)).sum::<f64>();
                left + of_own < LITTLE * budget.amount()
            });
        let passed = usable.iter().any(|level| f64::from(level.concurrency) > crossing);
        let rest =
            self.plan.budget.zip(left).is_some_and(|(budget, left)| left < REST * budget.amount());
        if at_once && !own.is_empty() && (passed || rest) {
            return None;
        }
        let next = next_within(&self.plan, &measured, crossing, left, at_once)?;
        if known.levels().iter().any(|level| level.concurrency == next.concurrency) {
            return Some(Step { level: next, again: Some(RemeasureReason::FewRuns) });
        }
        let same = measured.iter().filter(|level| self.is_of_same_targets(level)).count();
        if !same_rig
            && same == 0
            && let Some(level) = self.deciding(&usable, crossing)
        {
            let level = self.compared(level, &measured, left, crossing);
            return Some(Step { level, again: Some(RemeasureReason::Compared) });
        }
        Some(Step { level: next, again: None })
    }

    /// Explains why nothing is measured in addition to known levels, none of which was measured for
    /// this search; `None` if one was, or if something is measured.
    pub fn idle(&self, evidence: &Evidence<'_>) -> Option<Finding> {
        let known = evidence.levels();
        let others = !known.is_empty() && !known.iter().any(|level| self.is_own(level));
        if !others || self.next(evidence, false).is_some() {
            return None;
        }
        let mut levels: Vec<u32> = known.iter().map(|level| level.concurrency).collect();
        levels.sort_unstable();
        let spent = self.plan.budget.map(|budget| {
            let took = known.iter().map(|level| budget.cost(level)).sum::<f64>();
            (took, budget.amount())
        });
        let seconds = matches!(self.plan.budget, Some(SweepBudget::Seconds(_)));
        Some(Finding::Idle { levels, spent, seconds })
    }

    fn is_own(&self, level: &LevelMetrics) -> bool {
        level.asked.as_ref() == Some(&self.asked)
    }

    fn is_of_same_targets(&self, level: &LevelMetrics) -> bool {
        level.asked.as_ref().is_some_and(|asked| asked.targets == self.asked.targets)
    }

    /// Returns true if a plan with the same targets chose the number of runs of a level, whatever
    /// its budget.
    fn is_planned(&self, level: &LevelMetrics) -> bool {
        self.is_of_same_targets(level)
            && level.asked.as_ref().is_some_and(|asked| asked.window.is_empty())
    }

    /// Returns true if a level has about as many runs as this search would give it. A level that it
    /// measured itself always has, as it would otherwise be measured forever.
    fn is_enough(&self, level: &LevelMetrics) -> bool {
        let waves = |count: f64| count * f64::from(level.concurrency);
        let runs = |wanted: f64| level.measured as f64 >= NEARLY * wanted;
        let wide_at_most = |width: f64| {
            level.workflow_runtime.is_some_and(|runtime| {
                let p95 = runtime.intervals.p95;
                let ends = p95.high.zip(p95.low);
                ends.is_some_and(|(high, low)| (high - low) * NEARLY <= width * runtime.p95)
            })
        };
        self.is_own(level)
            || level.interrupted
            || match self.wanted {
                // A wave shows a mean; less is planned only at the end of a budget.
                WindowSize::Planned => {
                    self.is_planned(level) || runs(waves(1.0).max(FEWEST_UP / 4.0))
                }
                WindowSize::Runs(count) => runs(count),
                WindowSize::Waves(count) => runs(waves(count)),
                WindowSize::Seconds(seconds) => level.total_runtime >= NEARLY * seconds,
                WindowSize::Precision { width, most } => runs(most) || wide_at_most(width),
            }
    }

    /// Returns the part of the budget that a level takes. A level for an earlier question takes its
    /// full cost only if it tells as much about this one; otherwise what this search would have
    /// spent there on its way up, which is nothing if its way does not lead there.
    fn spent(&self, budget: SweepBudget, level: &LevelMetrics, crossing: f64) -> f64 {
        let cost = budget.cost(level);
        if self.is_of_same_targets(level) || is_near(level.concurrency, crossing) {
            return cost;
        }
        if !self.is_on_the_way(level.concurrency, crossing) {
            return 0.0;
        }
        let runs = (WAVES_UP * f64::from(level.concurrency)).max(FEWEST_UP);
        let of_its_runs = cost * (runs / (level.measured as f64).max(1.0)).min(1.0);
        of_its_runs.min(SHARE_UP * budget.amount())
    }

    /// Returns true if doubling from the first level passes through this one.
    fn is_on_the_way(&self, concurrency: u32, crossing: f64) -> bool {
        let mut level = self.plan.start.min(self.plan.max);
        while level < concurrency && f64::from(level) < crossing && level > 0 {
            level = level.saturating_mul(2).min(self.plan.max);
            if level == self.plan.max {
                break;
            }
        }
        level == concurrency
    }

    /// Returns the level that decides the current answer: the one nearest to the crossing.
    fn deciding<'a>(&self, usable: &[&'a LevelMetrics], crossing: f64) -> Option<&'a LevelMetrics> {
        let at = crossing.clamp(1.0, f64::from(self.plan.max)).ln();
        let distance = |level: &LevelMetrics| (f64::from(level.concurrency).ln() - at).abs();
        let nearest = |a: &&&LevelMetrics, b: &&&LevelMetrics| distance(a).total_cmp(&distance(b));
        usable.iter().min_by(nearest).copied()
    }

    /// Returns a level to measure again: with no fewer runs than it has, and as many as any other
    /// if it is near the crossing.
    fn compared(
        &self,
        level: &LevelMetrics,
        measured: &[LevelMetrics],
        left: Option<f64>,
        crossing: f64,
    ) -> NextLevel {
        let concurrency = level.concurrency;
        let before = usize::try_from(level.measured).unwrap_or(usize::MAX);
        let near = is_near(concurrency, crossing)
            .then(|| sized(&self.plan, measured, left, concurrency, Some(0)).runs);
        NextLevel { concurrency, runs: before.max(near.unwrap_or(0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Metric, Quantile, Recording, RecordingMeta, Run};
    use crate::sizing::{MethodName, Target, next_level};

    fn of_levels(levels: &[LevelMetrics]) -> Evidence<'_> {
        Evidence::of_levels(levels, MethodName::default())
    }

    fn search(limit: f64, budget: Option<SweepBudget>) -> Search {
        let (metric, quantile) = (Metric::WorkflowRuntime, Quantile::P95);
        let targets = vec![Target { metric, quantile, limit }];
        let plan = AdaptivePlan { start: 1, max: 1024, budget, targets };
        let (targets, budget_text) = (limit.to_string(), format!("{budget:?}"));
        let asked = SearchGoal { targets, budget: budget_text, ..SearchGoal::default() };
        Search { plan, asked, wanted: WindowSize::Planned, added: None }
    }

    /// Flat up to a knee at 14.4, then in proportion: 10 s are crossed at 72.
    fn hockey(concurrency: u32) -> f64 {
        2.0 * (f64::from(concurrency) / 14.4).max(1.0)
    }

    /// A level at which every run takes as long.
    fn level(step: NextLevel, asked: Option<&SearchGoal>) -> LevelMetrics {
        let seconds = hockey(step.concurrency);
        let wave = |index: usize| (index / step.concurrency as usize) as f64 * seconds;
        let run = |index| Run { start: wave(index), end: wave(index) + seconds, ..Run::default() };
        let around = RecordingMeta { asked: asked.cloned(), ..RecordingMeta::default() };
        let recording = Recording { runs: (0..step.runs).map(run).collect(), around };
        LevelMetrics::of(step.concurrency, &recording, 0.0)
    }

    /// Measures what a search asks for beside what is known, and says what that was.
    fn go_on(search: &Search, known: &mut Vec<LevelMetrics>) -> Vec<Step> {
        let mut steps = Vec::new();
        while let Some(step) = search.next(&of_levels(known), false) {
            let mut turned = known.clone();
            turned.reverse();
            assert_eq!(
                search.next(&of_levels(&turned), false),
                Some(step),
                "the order does not matter"
            );
            known.retain(|level| level.concurrency != step.level.concurrency);
            known.push(level(step.level, Some(&search.asked)));
            steps.push(step);
            assert!(steps.len() < 100, "no end");
        }
        steps
    }

    fn compared(steps: &[Step]) -> usize {
        steps.iter().filter(|step| step.again == Some(RemeasureReason::Compared)).count()
    }

    const BUDGETS: [Option<SweepBudget>; 3] =
        [None, Some(SweepBudget::Runs(3000.0)), Some(SweepBudget::Seconds(400.0))];

    #[test]
    fn with_nothing_known_the_plan_is_the_plain_one() {
        for budget in BUDGETS {
            let search = search(10.0, budget);
            let steps = go_on(&search, &mut Vec::new());
            let mut measured = Vec::new();
            for step in &steps {
                assert_eq!(next_level(&search.plan, &of_levels(&measured)), Some(step.level));
                assert_eq!(step.again, None);
                measured.push(level(step.level, None));
            }
            assert_eq!(next_level(&search.plan, &of_levels(&measured)), None);
        }
    }

    #[test]
    fn another_limit_measures_what_is_missing_and_compares_once() {
        for budget in BUDGETS {
            let mut known = Vec::new();
            go_on(&search(10.0, budget), &mut known);
            // The last has levels of its own already.
            for (limit, is_new) in
                [(9.9, true), (3.0, true), (5.0, true), (18.0, true), (2.5, true), (10.0, false)]
            {
                let search = search(limit, budget);
                let steps = go_on(&search, &mut known);
                assert!(steps.len() <= 7, "{limit} {budget:?}: {steps:?}");
                let once = compared(&steps) == usize::from(is_new);
                assert!(steps.is_empty() || once, "{limit}: {steps:?}");
                let crossing = limit / 2.0 * 14.4;
                let far = steps.iter().filter(|it| !is_near(it.level.concurrency, crossing));
                assert!(far.count() <= 1, "{limit}: {steps:?}");
                // What is enough for an answer is enough for the next run.
                assert_eq!(search.next(&of_levels(&known), false), None);
            }
        }
    }

    #[test]
    fn a_little_more_budget_is_a_level_at_most() {
        for (before, now) in [(20.0, 21.0), (400.0, 420.0), (400.0, 380.0), (1000.0, 1049.0)] {
            for spend in [SweepBudget::Seconds, SweepBudget::Runs] {
                let mut known = Vec::new();
                go_on(&search(10.0, Some(spend(before))), &mut known);
                let steps = go_on(&search(10.0, Some(spend(now))), &mut known);
                assert!(steps.len() <= 1 && compared(&steps) == 0, "{before} → {now}: {steps:?}");
            }
        }
    }

    #[test]
    fn levels_of_earlier_limits_do_not_starve_a_new_one() {
        let budget = Some(SweepBudget::Seconds(400.0));
        let mut known = Vec::new();
        for limit in [20.0, 14.0, 10.0, 7.0] {
            go_on(&search(limit, budget), &mut known);
        }
        let steps = go_on(&search(4.0, budget), &mut known);
        let near: usize = steps
            .iter()
            .filter(|it| is_near(it.level.concurrency, 28.8))
            .map(|it| it.level.runs)
            .sum();
        assert!(near > 500, "{steps:?}");
    }

    #[test]
    fn about_as_many_runs_are_as_good() {
        let of = |runs, concurrency| level(NextLevel { concurrency, runs }, None);
        let wants = |runs| Search { wanted: WindowSize::Runs(runs), ..search(10.0, None) };
        let known = vec![of(90, 1), of(90, 2)];
        let next = wants(100.0).next(&of_levels(&known), true).unwrap();
        assert_eq!((next.level.concurrency, next.again), (4, None));
        let next = wants(101.0).next(&of_levels(&known), true).unwrap();
        assert_eq!((next.level.concurrency, next.again), (1, Some(RemeasureReason::FewRuns)));
        // A wave and five runs are the least that is ever planned.
        let next = search(10.0, None).next(&of_levels(&[of(3, 1), of(2, 2)]), true).unwrap();
        assert_eq!((next.level.concurrency, next.again), (1, Some(RemeasureReason::FewRuns)));
    }

    #[test]
    fn a_list_of_levels_is_a_way_up() {
        let mut known: Vec<LevelMetrics> = [1, 2, 4, 8, 16, 32, 64, 128]
            .map(|concurrency| {
                level(NextLevel { concurrency, runs: 8 * concurrency as usize }, None)
            })
            .into();
        let steps = go_on(&search(10.0, None), &mut known);
        assert_eq!(
            (steps[0].level.concurrency, steps[0].again),
            (64, Some(RemeasureReason::Compared))
        );
        assert!(steps.len() <= 4 && steps[0].level.runs >= 512, "{steps:?}");
    }
}
