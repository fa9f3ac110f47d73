//! The metrics of one level.

use super::{FailureKind, Metric, Outcome, Run, Summary};
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
    /// Runs that were started.
    pub runs: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Whether a failure stopped the level: it is then left out of every fit.
    pub interrupted: bool,
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
    /// Runtime as the server itself reports it; null when it does not.
    pub server_runtime: Option<Summary>,
    /// From the start of the first run to the end of the last.
    pub total_runtime: f64,
    /// Successful runs per second.
    pub throughput: f64,
    /// Generated tokens per second over the level; null when the server does not count them.
    pub tokens_per_second: Option<f64>,
}

impl LevelMetrics {
    /// Aggregates the runs of a level, in any order.
    pub fn of(concurrency: u32, runs: &[Run]) -> Self {
        let ok = || runs.iter().filter(|run| run.is_ok());
        let calls = || ok().flat_map(|run| &run.llm_calls);
        let first = runs.iter().map(|run| run.start).fold(f64::INFINITY, f64::min);
        let last = runs.iter().map(|run| run.end).fold(f64::NEG_INFINITY, f64::max);
        let total_runtime = if runs.is_empty() { 0.0 } else { last - first };
        let per_second = |count: f64| if total_runtime > 0.0 { count / total_runtime } else { 0.0 };
        let tokens: Option<u64> = calls().map(|call| call.completion_tokens).sum();
        let failures = count_failures(runs);
        let failed = failures.iter().map(|failure| failure.count).sum();
        Self {
            concurrency,
            runs: runs.len() as u64,
            failed,
            interrupted: failed > 0,
            reconnected: runs.iter().filter(|run| run.reconnected).count() as u64,
            failures,
            workflow_runtime: Summary::of(ok().map(Run::runtime).collect()),
            llm_latency: Summary::of(calls().map(super::LlmCall::latency).collect()),
            ttft: Summary::of(calls().filter_map(|call| call.ttft).collect()),
            server_runtime: Summary::of(ok().filter_map(|run| run.server_runtime).collect()),
            total_runtime,
            throughput: per_second(ok().count() as f64),
            tokens_per_second: tokens.filter(|&sum| sum > 0).map(|sum| per_second(sum as f64)),
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
            Metric::LlmLatency => {
                Summary::of(run.llm_calls.iter().map(super::LlmCall::latency).collect())
                    .is_some_and(|summary| summary.p95 > limit)
            }
        };
        runs.iter().filter(|run| run.is_ok()).filter(over).count() as u64
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
    use crate::measure::{Failure, LlmCall};

    fn run(start: f64, end: f64, outcome: Outcome) -> Run {
        let call = LlmCall {
            start,
            end: end - 0.5,
            ttft: None,
            prompt_tokens: None,
            completion_tokens: Some(10),
        };
        Run {
            id: "1".into(),
            start,
            end,
            outcome,
            llm_calls: vec![call],
            server_runtime: None,
            reconnected: false,
        }
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
        let level = LevelMetrics::of(2, &runs);
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
        let level = LevelMetrics::of(1, &[]);
        assert!(level.workflow_runtime.is_none() && level.llm_latency.is_none());
        assert!(level.throughput.abs() < f64::EPSILON);
    }
}
