//! The metrics of one level.

use super::{ClientHealth, FailureKind, LlmCall, Metric, Outcome, Recording, Run, Summary};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How often one kind of failure happened in a level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailureCount {
    /// The kind.
    pub kind: FailureKind,
    /// Runs that failed so.
    pub count: u64,
    /// The message of the first one.
    pub first_message: String,
}

/// What one concurrency level showed. Times in seconds; failed runs are counted, never timed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LevelMetrics {
    /// Runs in flight.
    pub concurrency: u32,
    /// Runs that were started, warm-up and cool-down included.
    pub runs: u64,
    /// Runs of the measured window.
    pub measured: u64,
    /// Runs that failed, in whatever part of the level.
    pub failed: u64,
    /// Whether too many runs failed: the level is then left out of every fit.
    pub interrupted: bool,
    /// Whether the client was too busy for its times to be the server's.
    pub client_limited: bool,
    /// Runs whose request met a kept connection that the server had closed, and was sent again.
    pub reconnected: u64,
    /// What failed and how often, by kind.
    pub failures: Vec<FailureCount>,
    /// End-to-end times of the runs that succeeded; null when none did.
    pub workflow_runtime: Option<Summary>,
    /// Times of all LLM calls of the runs that succeeded; null when none was seen.
    pub llm_latency: Option<Summary>,
    /// Time to first token of those calls; null when nothing was streamed.
    pub ttft: Option<Summary>,
    /// Mean times between tokens of those calls; null when nothing was streamed.
    pub itl: Option<Summary>,
    /// Runtime as the server itself reports it; null when it does not.
    pub server_runtime: Option<Summary>,
    /// From the start of the first measured run to the end of the last.
    pub total_runtime: f64,
    /// Successful runs per second.
    pub throughput: f64,
    /// Generated tokens per second over the level; null when the server does not count them.
    pub tokens_per_second: Option<f64>,
    /// Runs in flight, on average over the window.
    pub mean_in_flight: f64,
    /// How the client fared; null where the runs came from elsewhere.
    pub client: Option<ClientHealth>,
}

impl LevelMetrics {
    /// Aggregates what was recorded at a level. `tolerated` is the share of runs that may fail
    /// without making the level useless.
    ///
    /// Times are those of the runs in the measured window that succeeded. The window lasts from
    /// the start of its first run to the end of its last; what is done per second is whatever ended
    /// within it, warm-up and cool-down included, since all of it was load.
    pub fn of(concurrency: u32, recording: &Recording, tolerated: f64) -> Self {
        let runs = &recording.runs;
        let measured = || runs.iter().filter(|run| run.phase.is_measured());
        let counted = || runs.iter().filter(|run| run.counts());
        let calls = || counted().flat_map(|run| &run.llm_calls);
        let from = measured().map(|run| run.start).fold(f64::INFINITY, f64::min);
        let to = measured().map(|run| run.end).fold(f64::NEG_INFINITY, f64::max);
        let total_runtime = if to > from { to - from } else { 0.0 };
        let per_second = |count: f64| if total_runtime > 0.0 { count / total_runtime } else { 0.0 };
        let within = || runs.iter().filter(|run| run.is_ok() && run.end > from && run.end <= to);
        let ended_calls = || within().flat_map(|run| &run.llm_calls);
        let tokens: Option<u64> = ended_calls().map(|call| call.completion_tokens).sum();
        let overlap = |run: &Run| (run.end.min(to) - run.start.max(from)).max(0.0);
        let busy: f64 = runs.iter().map(overlap).sum();
        let failures = count_failures(runs);
        let failed: u64 = failures.iter().map(|failure| failure.count).sum();
        let workflow_runtime = Summary::of(counted().map(Run::runtime).collect());
        let typical = workflow_runtime.map_or(0.0, |summary| summary.p50);
        Self {
            concurrency,
            runs: runs.len() as u64,
            measured: measured().count() as u64,
            failed,
            interrupted: failed as f64 > tolerated * runs.len() as f64,
            client_limited: recording.client.is_some_and(|client| client.limits(typical)),
            reconnected: runs.iter().filter(|run| run.reconnected).count() as u64,
            failures,
            workflow_runtime,
            llm_latency: Summary::of(calls().map(LlmCall::latency).collect()),
            ttft: Summary::of(calls().filter_map(|call| call.ttft).collect()),
            itl: Summary::of(calls().filter_map(|call| Some(call.itl?.mean)).collect()),
            server_runtime: Summary::of(counted().filter_map(|run| run.server_runtime).collect()),
            total_runtime,
            throughput: per_second(within().count() as f64),
            tokens_per_second: tokens.filter(|&sum| sum > 0).map(|sum| per_second(sum as f64)),
            mean_in_flight: per_second(busy),
            client: recording.client,
        }
    }

    /// The summary of one metric.
    pub fn metric(&self, metric: Metric) -> Option<&Summary> {
        match metric {
            Metric::WorkflowRuntime => self.workflow_runtime.as_ref(),
            Metric::LlmLatency => self.llm_latency.as_ref(),
        }
    }

    /// Runs over a limit in seconds, as the reference counts them: by runtime, or by the p95 of a
    /// run's own LLM calls. Failed runs are not counted.
    pub fn over_limit(runs: &[Run], metric: Metric, limit: f64) -> u64 {
        let over = |run: &&Run| match metric {
            Metric::WorkflowRuntime => run.runtime() > limit,
            Metric::LlmLatency => Summary::of(run.llm_calls.iter().map(LlmCall::latency).collect())
                .is_some_and(|summary| summary.p95 > limit),
        };
        runs.iter().filter(|run| run.counts()).filter(over).count() as u64
    }
}

fn count_failures(runs: &[Run]) -> Vec<FailureCount> {
    let mut kinds: BTreeMap<FailureKind, (f64, FailureCount)> = BTreeMap::new();
    for run in runs {
        let Outcome::Failed(failure) = &run.outcome else { continue };
        let (first_end, entry) = kinds.entry(failure.kind).or_insert_with(|| {
            let first_message = failure.message.clone();
            (run.end, FailureCount { kind: failure.kind, count: 0, first_message })
        });
        entry.count += 1;
        if run.end < *first_end {
            *first_end = run.end;
            entry.first_message.clone_from(&failure.message);
        }
    }
    kinds.into_values().map(|(_, entry)| entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Failure, Phase};

    fn run(start: f64, end: f64, outcome: Outcome) -> Run {
        let call =
            LlmCall { start, end: end - 0.5, completion_tokens: Some(10), ..LlmCall::default() };
        Run {
            id: "1".into(),
            start,
            end,
            outcome,
            llm_calls: vec![call],
            server_runtime: None,
            phase: Phase::Measured,
            http_status: None,
            reconnected: false,
        }
    }

    fn level(runs: &[Run], tolerated: f64) -> LevelMetrics {
        LevelMetrics::of(2, &Recording { runs: runs.to_vec(), client: None }, tolerated)
    }

    #[test]
    fn only_the_window_is_timed_and_everything_in_it_is_load() {
        let of = |phase, start, end| Run { phase, ..run(start, end, Outcome::Ok) };
        let runs = [
            of(Phase::WarmUp, 0.0, 9.0),
            of(Phase::WarmUp, 0.0, 3.0),
            of(Phase::Measured, 3.0, 7.0),
            of(Phase::Measured, 7.0, 11.0),
            of(Phase::CoolDown, 9.0, 30.0),
        ];
        let level = level(&runs, 0.0);
        assert_eq!((level.runs, level.measured), (5, 2));
        let runtime = level.workflow_runtime.unwrap();
        assert!((runtime.mean - 4.0).abs() < 1e-12 && (runtime.p99 - 4.0).abs() < 1e-12);
        // From 3 s to 11 s: two measured runs and one of the warm-up ended.
        assert!((level.total_runtime - 8.0).abs() < 1e-12);
        assert!((level.throughput - 3.0 / 8.0).abs() < 1e-12);
        assert!((level.tokens_per_second.unwrap() - 30.0 / 8.0).abs() < 1e-12);
        // 6 s and 4 s and 4 s and 2 s of runs within 8 s.
        assert!((level.mean_in_flight - 16.0 / 8.0).abs() < 1e-12);
    }

    #[test]
    fn a_share_of_failures_can_be_tolerated() {
        let failed = Outcome::Failed(Failure::new(FailureKind::Timeout, "late"));
        let mut runs = vec![run(0.0, 1.0, Outcome::Ok); 99];
        runs.push(run(0.0, 50.0, failed));
        assert!(level(&runs, 0.0).interrupted && !level(&runs, 0.01).interrupted);
        assert!((level(&runs, 0.01).workflow_runtime.unwrap().p99 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn failed_runs_are_counted_but_never_timed() {
        let failed = |message: &str| Outcome::Failed(Failure::new(FailureKind::Timeout, message));
        let runs = [
            run(0.0, 2.0, Outcome::Ok),
            run(0.0, 4.0, Outcome::Ok),
            run(2.0, 9.0, failed("second")),
            run(2.0, 8.0, failed("first")),
        ];
        let level = level(&runs, 0.0);
        assert_eq!((level.runs, level.failed, level.interrupted), (4, 2, true));
        assert_eq!(level.failures.len(), 1);
        assert_eq!(
            (level.failures[0].count, level.failures[0].first_message.as_str()),
            (2, "first")
        );
        assert!((level.workflow_runtime.unwrap().mean - 3.0).abs() < 1e-12);
        assert!((level.llm_latency.unwrap().p50 - 2.5).abs() < 1e-12);
        assert!((level.total_runtime - 9.0).abs() < 1e-12);
        assert!((level.throughput - 2.0 / 9.0).abs() < 1e-12);
        assert!((level.tokens_per_second.unwrap() - 20.0 / 9.0).abs() < 1e-12);
        assert_eq!(LevelMetrics::over_limit(&runs, Metric::WorkflowRuntime, 3.0), 1);
        assert_eq!(LevelMetrics::over_limit(&runs, Metric::LlmLatency, 1.0), 2);
    }

    #[test]
    fn a_level_without_a_success_has_no_times() {
        let level = level(&[], 0.0);
        assert!(level.workflow_runtime.is_none() && level.llm_latency.is_none());
        assert!(level.throughput.abs() < f64::EPSILON);
    }
}
