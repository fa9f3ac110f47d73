//! Runs and LLM calls as the pooled estimate needs them: the time of each, and the load that it
//! met.

use super::unfinished::LastMoments;
use crate::measure::{
    CallColumn, FailureKind, Metric, Phase, RecordingMeta, RunColumns, first_wave_spread,
    starts_together,
};
use std::collections::BTreeMap;
use std::ops::Range;

/// Most runs that are kept of a level, evenly thinned out; more would tell nothing new.
const MOST_PER_LEVEL: usize = 20_000;

/// Most runs of all levels together whose tokens tell more than they do as they are: the chance of more is
/// smaller than what a regression on tokens misses.
pub(super) const MOST_COUNTED: usize = 800;

/// A run with the load that it met.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ObservedRun {
    /// Runs in flight while it lasted, itself included: the level's concurrency under steady load,
    /// otherwise the average over its own time.
    pub concurrency: f64,
    /// Runtime in seconds.
    pub runtime: f64,
    /// Total time of its LLM calls, in seconds.
    pub llm_time: f64,
    /// Number of its LLM calls.
    pub llm_calls: f64,
    /// Prompt tokens of all its calls, if each reports them.
    pub prompt_tokens: Option<f64>,
    /// Generated tokens of all its calls, if each reports them.
    pub completion_tokens: Option<f64>,
    /// Total time up to the first tokens of its calls, in seconds, if each was streamed.
    pub first_tokens: Option<f64>,
}

impl ObservedRun {
    /// Returns true if some of its LLM calls were made at once, so that together they take longer than it.
    pub(super) fn calls_overlap(&self) -> bool {
        /// Share of the runtime that clocks may disagree by.
        const ROUNDING: f64 = 1e-3;
        self.llm_time > self.runtime * (1.0 + ROUNDING)
    }
}

/// Times in seconds, each with the concurrency of its run (concurrency first).
pub(super) type Observations = Vec<(f64, f64)>;

/// A run that was given up because it took too long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct GivenUp {
    /// Seconds that it took at least.
    pub seconds: f64,
    /// True if it is of the measured window.
    pub measured: bool,
}

/// Runs of a level that count.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ObservedLevel {
    /// Its runs.
    pub runs: Vec<ObservedRun>,
    /// Runs that timed out, of all phases.
    pub(super) given_up: Vec<GivenUp>,
    /// Times of its LLM calls, for each metric of a call.
    pub(super) calls: BTreeMap<Metric, Observations>,
    /// True if the load was never steady: a burst of fewer than three waves.
    pub unsteady: bool,
    /// Ends of its repetitions, where fewer runs were in flight than there should have been.
    pub(crate) last_moments: Vec<LastMoments>,
    /// End of each repetition in the runs, and in the calls of each metric; empty if only one is
    /// known.
    pub(super) ends: Vec<Ends>,
}

/// Numbers of runs and of times of each metric up to the end of a part.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ends {
    runs: usize,
    calls: BTreeMap<Metric, usize>,
}

impl ObservedLevel {
    /// Splits it into its repetitions, each as a level of its own.
    pub(super) fn repetitions(&self) -> Vec<Self> {
        let start = Ends::default();
        let begins = std::iter::once(&start).chain(&self.ends);
        std::iter::zip(begins, &self.ends).map(|(from, to)| self.part(from, to)).collect()
    }

    /// Splits it into its earlier and its later half, by the start of the runs.
    pub(super) fn halves(&self) -> Vec<Self> {
        let up_to = |share: usize| Ends {
            runs: self.runs.len() / share,
            calls: self.calls.iter().map(|(metric, all)| (*metric, all.len() / share)).collect(),
        };
        let middle = up_to(2);
        vec![self.part(&Ends::default(), &middle), self.part(&middle, &up_to(1))]
    }

    /// Returns the times of its LLM calls by a metric of calls, each with the concurrency of its run
    /// (concurrency first); of a rate, the times behind it.
    pub fn calls(&self, metric: Metric) -> &[(f64, f64)] {
        self.calls.get(&metric.time_behind()).map_or(&[], Vec::as_slice)
    }

    fn part(&self, from: &Ends, to: &Ends) -> Self {
        let of_calls = |(metric, all): (&Metric, &Observations)| {
            let end = |ends: &Ends| ends.calls.get(metric).copied().unwrap_or(0);
            (*metric, piece(all, end(from), end(to)))
        };
        Self {
            runs: piece(&self.runs, from.runs, to.runs),
            calls: self.calls.iter().map(of_calls).collect(),
            given_up: self.given_up.clone(),
            unsteady: self.unsteady,
            last_moments: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Returns the highest load that a run met; `None` without runs.
    pub(super) fn highest_met(&self) -> Option<f64> {
        self.runs.iter().map(|run| run.concurrency).reduce(f64::max)
    }

    /// Returns true if all runs met the same load.
    pub(super) fn is_level(&self) -> bool {
        let mut loads = self.runs.iter().map(|run| run.concurrency);
        let first = loads.next().unwrap_or(1.0);
        loads.all(|load| (load / first - 1.0).abs() < 1e-9)
    }

    /// Thins it out evenly to at most `most` runs, with as many calls in proportion.
    pub(super) fn thinned(&self, most: usize) -> Self {
        let step = self.runs.len().div_ceil(most).max(1);
        if step == 1 {
            return self.clone();
        }
        let each = |(metric, of): (&Metric, &Observations)| {
            (*metric, of.iter().step_by(step).copied().collect())
        };
        Self {
            runs: self.runs.iter().step_by(step).copied().collect(),
            calls: self.calls.iter().map(each).collect(),
            given_up: self.given_up.clone(),
            unsteady: self.unsteady,
            last_moments: Vec::new(),
            ends: Vec::new(),
        }
    }
}

struct TimedRun {
    start: f64,
    end: f64,
    counts: bool,
}

/// Times of a level's runs.
#[derive(Default)]
struct RunTimes {
    runs: Vec<TimedRun>,
    /// True if runs were made before or after the measured ones.
    warm: bool,
    given_up: Vec<GivenUp>,
}

impl RunTimes {
    fn of<S: RunColumns>(source: &S) -> Result<Self, S::Error> {
        let mut read = Self::default();
        source.each_run(&mut |head| {
            let measured = head.phase == Phase::Measured;
            read.warm |= !measured;
            let counts = measured && head.failure.is_none();
            if let Some(FailureKind::Timeout | FailureKind::NoFirstByte) = head.failure {
                read.given_up.push(GivenUp { seconds: head.end - head.start, measured });
            }
            read.runs.push(TimedRun { start: head.start, end: head.end, counts });
        })?;
        Ok(read)
    }
}

impl ObservedLevel {
    /// Reads the runs of a level.
    ///
    /// In a burst all runs begin at once and nothing follows the last: its first and its last wave
    /// are left out if there are others, and every run stands for the load that it met. Each
    /// repetition of the level is a burst on its own.
    pub(crate) fn of<S: RunColumns>(
        concurrency: u32,
        source: &S,
        around: &RecordingMeta,
    ) -> Result<Self, S::Error> {
        let RunTimes { mut runs, warm, given_up } = RunTimes::of(source)?;
        let sums = |column| -> Result<Vec<(f64, f64)>, S::Error> {
            let mut of_runs = vec![(0.0, 0.0); runs.len()];
            source.each_call(column, &mut |run, figure| {
                if let Some((sum, count)) = of_runs.get_mut(run) {
                    *sum += figure;
                    *count += 1.0;
                }
            })?;
            Ok(of_runs)
        };
        let llm = sums(CallColumn::Latency)?;
        // Tokens of more runs are not used, and columns that are not used need not be read.
        let of_few = |column| if are_few(&runs) { sums(column) } else { Ok(Vec::new()) };
        let prompt = of_few(CallColumn::PromptTokens)?;
        let completion = of_few(CallColumn::CompletionTokens)?;
        let first = of_few(CallColumn::Ttft)?;
        let wave = concurrency as usize;
        let stretches = stretches(runs.len(), &around.repetitions);
        let all_at_once = || stretches.iter().all(|it| at_once(runs.get(it.clone()), wave));
        let burst = around.burst.unwrap_or_else(all_at_once);
        let mut met = vec![f64::from(concurrency); runs.len()];
        let moments = |stretch: &Range<usize>| {
            let runs = runs.get(stretch.clone()).unwrap_or_default();
            let times: Vec<(f64, f64)> = runs.iter().map(|run| (run.start, run.end)).collect();
            LastMoments::of(&times, wave)
        };
        let last_moments = stretches.iter().filter_map(moments).collect();
        let mut unsteady = false;
        if burst && !warm && concurrency > 1 {
            met = load_met(&runs);
            unsteady = stretches.iter().all(|stretch| stretch.len() < 3 * wave);
            if !unsteady {
                for stretch in stretches.clone() {
                    if let Some(stretch) = runs.get_mut(stretch) {
                        leave_out_the_edges(stretch, wave);
                    }
                }
            }
        }
        let step = runs.len().div_ceil(MOST_PER_LEVEL).max(1);
        let kept =
            |run: usize| run.is_multiple_of(step) && runs.get(run).is_some_and(|it| it.counts);
        let repetitions = if stretches.len() > 1 { stretches.len() } else { 0 };
        let mut ends = vec![Ends::default(); repetitions];
        // What is kept of a run counts in its repetition, and in all that follow.
        let counted = |kept: &mut dyn Iterator<Item = usize>| {
            let mut counts = vec![0; repetitions];
            for run in kept {
                let repetition = stretches.partition_point(|stretch| stretch.end <= run);
                counts.iter_mut().skip(repetition).for_each(|count| *count += 1);
            }
            counts
        };
        let of_runs = counted(&mut (0..runs.len()).filter(|run| kept(*run)));
        std::iter::zip(&mut ends, of_runs).for_each(|(ends, count)| ends.runs = count);
        let mut calls = BTreeMap::new();
        for metric in Metric::ALL.into_iter().filter(|metric| !metric.is_rate()) {
            let Some(column) = metric.call_column() else { continue };
            let (mut seen, mut of): (Observations, Vec<usize>) = (Vec::new(), Vec::new());
            source.each_call(column, &mut |run, seconds| {
                if let Some(met) = met.get(run).filter(|_| kept(run)) {
                    seen.push((*met, seconds));
                    of.push(run);
                }
            })?;
            for (ends, count) in std::iter::zip(&mut ends, counted(&mut of.into_iter())) {
                ends.calls.insert(metric, count);
            }
            calls.insert(metric, seen);
        }
        let observe = |(index, run): (usize, &TimedRun)| {
            let (llm_time, llm_calls) = *llm.get(index).filter(|_| kept(index))?;
            let concurrency = met.get(index)?.max(1.0);
            let whole = |of: &[(f64, f64)]| {
                let (sum, count) = *of.get(index)?;
                (count >= llm_calls).then_some(sum)
            };
            Some(ObservedRun {
                concurrency,
                runtime: run.end - run.start,
                llm_time,
                llm_calls,
                prompt_tokens: whole(&prompt),
                completion_tokens: whole(&completion),
                first_tokens: whole(&first),
            })
        };
        Ok(Self {
            runs: runs.iter().enumerate().filter_map(observe).collect(),
            calls,
            given_up,
            unsteady,
            last_moments,
            ends,
        })
    }
}

/// Returns true if no more runs count than those whose tokens are used.
fn are_few(runs: &[TimedRun]) -> bool {
    runs.iter().filter(|run| run.counts).count() <= MOST_COUNTED
}

/// Returns the items from one end to another.
fn piece<T: Copy>(all: &[T], from: usize, to: usize) -> Vec<T> {
    all.get(from..to.max(from)).map_or_else(Vec::new, <[_]>::to_vec)
}

/// Returns the ranges of runs of each repetition; a single range if the counts do not add up to the
/// runs.
fn stretches(runs: usize, counts: &[u64]) -> Vec<Range<usize>> {
    let mut end = 0_usize;
    let mut ranges = Vec::with_capacity(counts.len());
    for count in counts {
        let begins = end;
        end = end.saturating_add(usize::try_from(*count).unwrap_or(usize::MAX));
        ranges.push(begins..end);
    }
    if end == runs && !ranges.is_empty() { ranges } else { std::iter::once(0..runs).collect() }
}

/// Returns true if the first wave of runs began at once.
fn at_once(runs: Option<&[TimedRun]>, wave: usize) -> bool {
    let times: Vec<(f64, f64)> =
        runs.into_iter().flatten().map(|run| (run.start, run.end)).collect();
    first_wave_spread(&times, wave).is_some_and(starts_together)
}

/// Returns the number of runs in flight, averaged over the time of each run.
fn load_met(runs: &[TimedRun]) -> Vec<f64> {
    let mut edges: Vec<(f64, f64)> =
        runs.iter().flat_map(|run| [(run.start, 1.0), (run.end, -1.0)]).collect();
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
    // Run-seconds up to each edge.
    let mut areas = Vec::with_capacity(edges.len());
    let (mut area, mut now, mut last) = (0.0, 0.0, 0.0);
    for (at, change) in edges {
        area += now * (at - last);
        areas.push((at, area, now + change));
        (now, last) = (now + change, at);
    }
    let up_to = |at: f64| {
        let after = areas.partition_point(|(edge, ..)| *edge <= at);
        let before = after.checked_sub(1).and_then(|index| areas.get(index));
        before.map_or(0.0, |(edge, area, now)| area + now * (at - edge))
    };
    let mean = |run: &TimedRun| {
        let length = run.end - run.start;
        if length > 0.0 { (up_to(run.end) - up_to(run.start)) / length } else { 1.0 }
    };
    runs.iter().map(mean).collect()
}

/// Excludes the first wave, which met an idle server, and the last, which nothing followed. They
/// are told by their start: excluding by end would exclude the long runs.
fn leave_out_the_edges(runs: &mut [TimedRun], wave: usize) {
    let mut order: Vec<usize> = (0..runs.len()).collect();
    order.sort_by(|a, b| {
        let start = |index: &usize| runs.get(*index).map_or(0.0, |run| run.start);
        start(a).total_cmp(&start(b))
    });
    let last = order.len().saturating_sub(wave);
    let edges = order.iter().enumerate().filter(|(at, _)| *at < wave || *at >= last);
    let edges: Vec<usize> = edges.map(|(_, index)| *index).collect();
    for index in edges {
        if let Some(run) = runs.get_mut(index) {
            run.counts = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Recording, Run};

    fn run(start: f64, end: f64, phase: Phase) -> Run {
        Run { start, end, phase, ..Run::default() }
    }

    fn observed(concurrency: u32, runs: Vec<Run>) -> ObservedLevel {
        let Ok(level) = ObservedLevel::of(
            concurrency,
            &Recording { runs, ..Recording::default() },
            &RecordingMeta::default(),
        );
        level
    }

    #[test]
    fn a_burst_stands_for_the_load_that_its_runs_met() {
        // Two at once; the second is alone for half of its time.
        let runs = vec![run(0.0, 2.0, Phase::Measured), run(0.0, 4.0, Phase::Measured)];
        let level = observed(2, runs);
        assert!(level.unsteady);
        let met: Vec<f64> = level.runs.iter().map(|run| run.concurrency).collect();
        assert_eq!(met, [2.0, 1.5]);
    }

    #[test]
    fn a_long_burst_loses_its_first_and_last_wave() {
        let waves = (0..8).map(|index| {
            let start = f64::from(index / 2) * 3.0;
            run(start, start + 3.0, Phase::Measured)
        });
        let level = observed(2, waves.collect());
        assert!(!level.unsteady);
        assert_eq!(level.runs.len(), 4);
        assert!(level.runs.iter().all(|run| (run.concurrency - 2.0).abs() < 1e-12));
    }

    #[test]
    fn every_repetition_is_a_burst_by_itself() {
        let waves = |from: f64| (0..8).map(move |it| (from + f64::from(it / 2) * 3.0, it));
        let of = |(start, _)| run(start, start + 3.0, Phase::Measured);
        let runs: Vec<Run> = waves(7.0).chain(waves(19.0)).map(of).collect();
        let around = RecordingMeta {
            burst: Some(true),
            repetitions: vec![8, 8],
            ..RecordingMeta::default()
        };
        let Ok(level) = ObservedLevel::of(2, &Recording { runs, ..Recording::default() }, &around);
        assert_eq!((level.runs.len(), level.unsteady), (8, false));
    }

    #[test]
    fn a_steady_level_is_what_it_says() {
        let mut runs = vec![run(0.0, 1.0, Phase::WarmUp); 3];
        runs.extend((0..9).map(|index| run(1.0, 2.0 + f64::from(index), Phase::Measured)));
        let level = observed(3, runs);
        assert_eq!((level.runs.len(), level.unsteady), (9, false));
        assert!(level.runs.iter().all(|run| (run.concurrency - 3.0).abs() < 1e-12));
    }
}
