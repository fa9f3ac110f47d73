//! Shares of the steps in the runtimes of a level.

use super::RunColumns;
use super::quantile::{Quantile, quantile_of_sorted};
use super::spans::{covered, without};
use super::step::{Step, StepKind};
use super::step_example::StepExample;
use super::window::Window;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// Most steps of different names that are told apart; the rest are counted together.
const MOST_NAMES: usize = 100;
/// Name of the rest.
const OTHERS: &str = "other steps";
/// Shares are counted in millionths.
const MILLION: f64 = 1e6;

/// Figures of the steps of a level, over the runs that count and that reported any.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct StepMetrics {
    /// Number of those runs.
    pub runs: u64,
    /// The steps by name, those that take most of the runtime first.
    pub steps: Vec<StepFigures>,
    /// Share of the runtime in which no step was under way: before the first one, after the last, and between.
    pub outside: RuntimeShare,
    /// A run whose runtime is nearest the median.
    pub typical: StepExample,
    /// A run whose runtime is nearest the 95th percentile.
    pub slow: StepExample,
}

/// Figures of the steps of one name. Their own time leaves out the steps within them, and counts steps that were under
/// way at the same time once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct StepFigures {
    /// Kind of the steps.
    pub kind: StepKind,
    /// Name of the steps.
    pub name: String,
    /// Mean number of such steps in a run.
    pub per_run: f64,
    /// Share of the runtime that is their own time.
    pub share: RuntimeShare,
    /// Mean of their own time in a run, in seconds.
    pub time: f64,
    /// Mean share of the runtime with the steps within them.
    pub whole_share: f64,
    /// Mean time in a run with the steps within them, in seconds.
    pub whole_time: f64,
}

/// Share of the runtime, 0 to 1, over runs; 0 for a run without such a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct RuntimeShare {
    /// The mean.
    pub mean: f64,
    /// The median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
}

impl RuntimeShare {
    /// Summarises shares in millionths over `runs` runs; those that are missing are 0.
    fn of(mut shares: Vec<u32>, runs: usize) -> Self {
        shares.resize(runs, 0);
        shares.sort_unstable();
        let shares: Vec<f64> = shares.into_iter().map(|it| f64::from(it) / MILLION).collect();
        let at = |quantile: Quantile| quantile_of_sorted(&shares, quantile.share()).unwrap_or(0.0);
        let mean = shares.iter().sum::<f64>() / runs.max(1) as f64;
        Self { mean, p50: at(Quantile::P50), p95: at(Quantile::P95) }
    }
}

/// Sums over runs of the steps of one name.
#[derive(Default)]
struct Sums {
    count: u64,
    /// Share of their own time in each run that has such a step, in millionths.
    shares: Vec<u32>,
    time: f64,
    whole_share: f64,
    whole_time: f64,
}

/// The steps of one name in a run.
#[derive(Default)]
struct InRun {
    count: u64,
    own: Vec<(f64, f64)>,
    whole: Vec<(f64, f64)>,
}

/// Sums over the runs of a level.
#[derive(Default)]
struct Totals {
    names: HashMap<(StepKind, String), usize>,
    sums: Vec<Sums>,
    outside: Vec<u32>,
}

impl StepMetrics {
    /// Aggregates the steps of the runs that count; `None` if there are none.
    pub(super) fn of<S: RunColumns>(source: &S, window: &Window) -> Result<Option<Self>, S::Error> {
        let middle_and_high = || {
            let mut runtimes = window.runtimes();
            runtimes.sort_unstable_by(f64::total_cmp);
            let at =
                |quantile: Quantile| quantile_of_sorted(&runtimes, quantile.share()).unwrap_or(0.0);
            (at(Quantile::P50), at(Quantile::P95))
        };
        // Most recordings have no steps, and millions of runs take long to sort.
        let mut found = None;
        let mut totals = Totals::default();
        let (mut typical, mut slow) = (None, None);
        source.each_steps(&mut |run, steps| {
            let times = window.starts.get(run).zip(window.ends.get(run));
            let runtime = times.map_or(0.0, |(start, end)| end - start);
            if window.counts(run) && runtime > 0.0 {
                let (median, high) = *found.get_or_insert_with(middle_and_high);
                totals.add(steps, runtime);
                StepExample::take_nearer(&mut typical, median, (run, runtime), steps);
                StepExample::take_nearer(&mut slow, high, (run, runtime), steps);
            }
        })?;
        Ok(typical.zip(slow).map(|(typical, slow)| totals.finish(typical, slow)))
    }
}

impl Totals {
    fn add(&mut self, steps: &[Step], runtime: f64) {
        let within = |step: &Step| (step.start.clamp(0.0, runtime), step.end.clamp(0.0, runtime));
        let mut inner: Vec<Vec<(f64, f64)>> = vec![Vec::new(); steps.len()];
        for (position, step) in steps.iter().enumerate() {
            let parent = step.parent.and_then(|parent| usize::try_from(parent).ok());
            // A step is part of one that began before it.
            if let Some(parent) = parent.filter(|parent| *parent < position)
                && let Some(inner) = inner.get_mut(parent)
            {
                inner.push(within(step));
            }
        }
        let mut all = Vec::with_capacity(steps.len());
        let mut by_name: BTreeMap<usize, InRun> = BTreeMap::new();
        for (step, inner) in steps.iter().zip(&mut inner) {
            let whole = within(step);
            let of_name = by_name.entry(self.position(step)).or_default();
            of_name.count += 1;
            of_name.own.extend(without(whole, inner));
            of_name.whole.push(whole);
            all.push(whole);
        }
        for (position, mut of_run) in by_name {
            let (own, whole) = (covered(&mut of_run.own), covered(&mut of_run.whole));
            if let Some(sums) = self.sums.get_mut(position) {
                sums.count += of_run.count;
                sums.shares.push(millionths(own / runtime));
                sums.time += own;
                sums.whole_share += whole / runtime;
                sums.whole_time += whole;
            }
        }
        self.outside.push(millionths(1.0 - covered(&mut all) / runtime));
    }

    /// Position of the sums of a step's name.
    fn position(&mut self, step: &Step) -> usize {
        let mut key = (step.kind, step.name.clone());
        if let Some(known) = self.names.get(&key) {
            return *known;
        }
        if self.names.len() >= MOST_NAMES {
            key = (StepKind::Other, OTHERS.to_owned());
        }
        *self.names.entry(key).or_insert_with(|| {
            self.sums.push(Sums::default());
            self.sums.len() - 1
        })
    }

    fn finish(mut self, typical: StepExample, slow: StepExample) -> StepMetrics {
        let runs = self.outside.len();
        let mean = |sum: f64| sum / runs.max(1) as f64;
        let mut steps: Vec<StepFigures> = Vec::with_capacity(self.names.len());
        for ((kind, name), position) in self.names {
            let Some(sums) = self.sums.get_mut(position).map(std::mem::take) else { continue };
            steps.push(StepFigures {
                kind,
                name,
                per_run: mean(sums.count as f64),
                share: RuntimeShare::of(sums.shares, runs),
                time: mean(sums.time),
                whole_share: mean(sums.whole_share),
                whole_time: mean(sums.whole_time),
            });
        }
        steps.sort_by(|a, b| {
            let by_share = b.share.mean.total_cmp(&a.share.mean);
            by_share.then_with(|| (a.kind, &a.name).cmp(&(b.kind, &b.name)))
        });
        let outside = RuntimeShare::of(self.outside, runs);
        StepMetrics { runs: runs as u64, steps, outside, typical, slow }
    }
}

fn millionths(share: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to a million")]
    let millionths = (share.clamp(0.0, 1.0) * MILLION).round() as u32;
    millionths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Failure, FailureKind, LevelMetrics, Outcome, Phase, Recording, Run};

    fn step(kind: StepKind, name: &str, times: (f64, f64), parent: Option<u32>) -> Step {
        Step { kind, name: name.to_owned(), start: times.0, end: times.1, parent }
    }

    /// An agent that thinks, searches twice at the same time, and answers.
    fn run(start: f64, search: f64) -> Run {
        let end = 3.0 + search;
        let steps = vec![
            step(StepKind::Workflow, "agent", (0.5, end), None),
            step(StepKind::Llm, "m", (0.5, 1.5), Some(0)),
            step(StepKind::Tool, "search", (1.5, 1.5 + search), Some(0)),
            step(StepKind::Tool, "search", (1.5, 1.5 + search / 2.0), Some(0)),
            step(StepKind::Function, "reply", (1.5 + search, end), Some(0)),
            step(StepKind::Llm, "m", (1.5 + search, 2.5 + search), Some(4)),
        ];
        Run { start, end: start + end + 1.0, steps, ..Run::default() }
    }

    fn level(runs: Vec<Run>) -> LevelMetrics {
        LevelMetrics::of(2, &Recording { runs, ..Recording::default() }, 1.0)
    }

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 2e-6, "{a} is not {b}");
    }

    #[test]
    fn shares_are_those_of_the_time_in_no_inner_step() {
        let steps = level(vec![run(0.0, 1.0)]).steps.unwrap();
        assert_eq!(steps.runs, 1);
        let shown: Vec<(&str, f64)> =
            steps.steps.iter().map(|it| (it.name.as_str(), it.time)).collect();
        assert_eq!(shown, [("m", 2.0), ("search", 1.0), ("reply", 0.5), ("agent", 0.0)]);
        let [llm, search, reply, agent] = steps.steps.as_slice() else { panic!() };
        for share in [llm.share.mean, llm.share.p50, llm.share.p95] {
            close(share, 2.0 / 5.0);
        }
        close(reply.whole_time, 1.5);
        close(agent.whole_share, 3.5 / 5.0);
        close(steps.outside.mean, 1.5 / 5.0);
        close(llm.per_run + search.per_run, 4.0);
        let shares: f64 = steps.steps.iter().map(|it| it.share.mean).sum();
        close(shares + steps.outside.mean, 1.0);
    }

    #[test]
    fn runs_without_a_step_have_none_of_it_and_those_that_do_not_count_are_left_out() {
        let mut runs: Vec<Run> = (0..20_u32).map(|it| run(f64::from(it), 0.0)).collect();
        for run in runs.iter_mut().skip(2) {
            run.steps.retain(|step| step.kind != StepKind::Tool);
        }
        runs.push(Run { phase: Phase::WarmUp, ..run(0.0, 50.0) });
        let failure = Failure::new(FailureKind::Timeout, "late");
        runs.push(Run { outcome: Outcome::Failed(failure), ..run(0.0, 50.0) });
        runs.push(Run { steps: Vec::new(), ..run(0.0, 50.0) });
        runs[0] = run(0.0, 4.0);
        let steps = level(runs).steps.unwrap();
        assert_eq!(steps.runs, 20);
        let search = steps.steps.iter().find(|it| it.name == "search").unwrap();
        close(search.share.mean, 0.5 / 20.0);
        close(search.share.p50, 0.0);
        close(search.per_run, 4.0 / 20.0);
        assert_eq!((steps.typical.runtime, steps.slow.run), (4.0, 0));
        assert!(level(vec![Run { end: 1.0, ..Run::default() }]).steps.is_none());
    }

    #[test]
    fn names_without_end_are_counted_together() {
        let runs = (0..300_u32).map(|it| {
            let at = f64::from(it);
            let steps = vec![step(StepKind::Tool, &format!("t{it}"), (0.0, 1.0), Some(7))];
            Run { start: at, end: at + 1.0, steps, ..Run::default() }
        });
        let steps = level(runs.collect()).steps.unwrap();
        assert_eq!(steps.steps.len(), MOST_NAMES + 1);
        assert_eq!((steps.steps[0].name.as_str(), steps.steps[0].kind), (OTHERS, StepKind::Other));
        close(steps.steps[0].share.mean, 200.0 / 300.0);
    }
}
