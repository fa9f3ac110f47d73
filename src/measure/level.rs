//! Metrics of one level.

use super::call_figures::{
    CallTimes, finish_reasons, notes, summaries_of_calls, summary_of_calls, tokens_per_second,
};
use super::tally::Tally;
use super::window::Window;
use super::{
    CallColumn, ClientHealth, FailureCount, HostHealth, Note, PreviousFigures, Recording,
    RecordingMeta, RunColumns, ScrapedMetric, SearchGoal, StepMetrics, Summary,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Aggregated measurements of one level. Times in seconds; failed runs are counted, never timed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct LevelMetrics {
    /// Runs in flight, or users if they pause between runs.
    pub concurrency: u32,
    /// Runs that were started, warm-up and cool-down included.
    pub runs: u64,
    /// Runs of the measured window.
    pub measured: u64,
    /// Failed runs, in any phase.
    pub failed: u64,
    /// True if too many runs failed; the level is then left out of every fit.
    pub interrupted: bool,
    /// Description of the server's failure, if it stopped answering before the level was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_gone: Option<String>,
    /// True if the client was too busy for its times to be the server's.
    pub client_limited: bool,
    /// Runs whose request met a kept connection that the server had closed, and was sent again.
    pub reconnected: u64,
    /// Requests that failed and were retried, as the spec allows.
    pub retries: u64,
    /// LLM calls that failed within runs, whatever the outcome of those runs; no other figure
    /// counts them.
    #[serde(default)]
    pub failed_calls: u64,
    /// Failures by kind, with their counts.
    pub failures: Vec<FailureCount>,
    /// HTTP statuses of all answers, with their counts.
    pub http_statuses: BTreeMap<u16, u64>,
    /// Finish reasons of the calls, with their counts.
    pub finish_reasons: BTreeMap<String, u64>,
    /// Notes on the server's answers, with the number of runs in which each was made.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<Note, u64>,
    /// End-to-end times of the runs that succeeded; null if none did.
    pub workflow_runtime: Option<Summary>,
    /// LLM calls of each run that succeeded; null if none was seen.
    #[serde(default)]
    pub llm_calls: Option<Summary>,
    /// Times of all LLM calls of the runs that succeeded; null if none was seen.
    pub llm_latency: Option<Summary>,
    /// Time to first token of those calls; null if nothing was streamed.
    pub ttft: Option<Summary>,
    /// Time to the first token of the answer itself, reasoning excluded; null if nothing was streamed.
    #[serde(default)]
    pub answer_ttft: Option<Summary>,
    /// Mean times between tokens of those calls; null if nothing was streamed.
    pub itl: Option<Summary>,
    /// Each call's 95th percentile of the times between tokens.
    pub itl_p95: Option<Summary>,
    /// Each call's longest time between tokens.
    pub itl_max: Option<Summary>,
    /// Mean times between the chunks of calls whose chunks carry several tokens each; null if there
    /// are none, as the time between chunks is then that between tokens.
    #[serde(default)]
    pub chunk_gap: Option<Summary>,
    /// The longest time between chunks of each such call.
    #[serde(default)]
    pub chunk_gap_max: Option<Summary>,
    /// Mean number of tokens in a chunk of each such call.
    #[serde(default)]
    pub tokens_per_chunk: Option<Summary>,
    /// Prompt tokens of each call; null if the server does not count them.
    pub prompt_tokens: Option<Summary>,
    /// Prompt tokens of each call that the server took from its cache; absent if it reports none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_tokens: Option<Summary>,
    /// Share of the prompt tokens that were in the cache, 0 to 1; absent if the server reports none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_share: Option<f64>,
    /// Share of each prompt, 0 to 1, that an earlier prompt of its run began with as well, first calls left out: what a
    /// cache of prefixes can save; absent if no prompts are seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_prefix: Option<Summary>,
    /// Generated tokens of each call; null if the server does not count them.
    pub completion_tokens: Option<Summary>,
    /// Generated tokens per second of each call.
    pub call_tokens_per_second: Option<Summary>,
    /// Runtime as the server itself reports it; null if it does not.
    pub server_runtime: Option<Summary>,
    /// Time from the start of the first measured run to the end of the last. A window with pauses
    /// between runs begins with the end of the run before it.
    pub total_runtime: f64,
    /// Time from the start of the level to the end of its last run, warm-up and cool-down included.
    #[serde(default)]
    pub elapsed: f64,
    /// Successful runs per second.
    pub throughput: f64,
    /// Generated tokens per second over the level; null if the server does not count them.
    pub tokens_per_second: Option<f64>,
    /// Mean number of runs in flight over the window.
    pub mean_in_flight: f64,
    /// Mean number of runs in flight over each of twenty equal parts of the window.
    pub in_flight: Vec<f64>,
    /// Mean number of LLM calls in flight over the window; null if none was seen. Calls of failed runs are not known.
    #[serde(default)]
    pub llm_in_flight: Option<f64>,
    /// Steps of the workflow, with their shares of the runtime; absent if it reports none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Box<StepMetrics>>,
    /// Health of the client; null if the runs were recorded elsewhere.
    pub client: Option<ClientHealth>,
    /// Load of the processes that ran the workflow on this machine; absent if none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostHealth>,
    /// The server's own metrics during the window, by name.
    pub scraped: BTreeMap<String, ScrapedMetric>,
    /// Reason why some of them are missing; null if none are.
    pub scrape_error: Option<String>,
    /// Figures of the level's previous measurement, if it was measured again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<PreviousFigures>,
    /// Standard deviation of the runtimes, if there is a previous measurement to compare with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_sd: Option<f64>,
    /// Search of the adaptive sweep that measured the level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<SearchGoal>,
}

impl LevelMetrics {
    /// Aggregates the recording of a level. `tolerated` is the share of runs (0 to 1) that may fail
    /// without interrupting the level.
    ///
    /// Times are those of the runs in the measured window that succeeded. The window lasts from the
    /// start of its first run to the end of its last; rates count the share of each run that lies
    /// within it, warm-up and cool-down included, since all of it was load.
    pub fn of(concurrency: u32, recording: &Recording, tolerated: f64) -> Self {
        let Ok(level) = Self::of_columns(concurrency, recording, &recording.around, tolerated);
        level
    }

    /// Returns true if the processes that ran the workflow on this machine were busy all the time.
    pub fn host_limited(&self) -> bool {
        self.host.is_some_and(HostHealth::limits)
    }

    /// Like [`LevelMetrics::of`], for runs that are read one column at a time.
    pub fn of_columns<S: RunColumns>(
        concurrency: u32,
        source: &S,
        around: &RecordingMeta,
        tolerated: f64,
    ) -> Result<Self, S::Error> {
        const PARTS: usize = 20;
        let mut server_runtimes = Vec::new();
        let mut tally = Tally::default();
        let window = Window::of(source, |head| {
            tally.add(head);
            if head.failure.is_none() && head.phase.is_measured() {
                server_runtimes.extend(head.server_runtime);
            }
        })?;
        let runs = window.runs();
        let failures = tally.failures(source, &window)?;
        let failed: u64 = failures.iter().map(|failure| failure.count).sum();
        let workflow_runtime = Summary::of(window.runtimes());
        let typical = workflow_runtime.map_or(0.0, |summary| summary.p50);
        let call_times = CallTimes::of(source, &window)?;
        let calls = |column| summary_of_calls(source, &window, column);
        let first_tokens = (CallColumn::Ttft, CallColumn::AnswerTtft);
        let [ttft, answer_ttft] = summaries_of_calls(source, &window, first_tokens)?;
        let client = around.client;
        let in_flight = window.in_flight(PARTS);
        let prompt_tokens = calls(CallColumn::PromptTokens)?;
        // Where a server says nothing, the reference's toolkit says 0.
        let cached_tokens = calls(CallColumn::CachedTokens)?.filter(|cached| cached.mean > 0.0);
        let cached_share = cached_tokens.zip(prompt_tokens).map(|(cached, prompt)| {
            let tokens = |of: Summary| of.mean * of.count as f64;
            (tokens(cached) / tokens(prompt).max(1.0)).min(1.0)
        });
        Ok(Self {
            concurrency,
            runs: runs as u64,
            measured: window.measured() as u64,
            failed,
            interrupted: failed as f64 > tolerated * runs as f64 || around.server_gone.is_some(),
            server_gone: around.server_gone.clone(),
            client_limited: client.is_some_and(|client| client.limits(typical)),
            reconnected: tally.reconnected,
            retries: tally.retries,
            failed_calls: tally.failed_calls,
            failures,
            http_statuses: tally.statuses,
            finish_reasons: finish_reasons(source, &window)?,
            notes: notes(source)?,
            workflow_runtime,
            llm_calls: call_times.per_run,
            llm_latency: call_times.latency,
            ttft,
            answer_ttft,
            itl: calls(CallColumn::ItlMean)?,
            itl_p95: calls(CallColumn::ItlP95)?,
            itl_max: calls(CallColumn::ItlMax)?,
            chunk_gap: calls(CallColumn::ChunkGapMean)?,
            chunk_gap_max: calls(CallColumn::ChunkGapMax)?,
            tokens_per_chunk: calls(CallColumn::TokensPerChunk)?,
            prompt_tokens,
            cached_tokens,
            cached_share,
            shared_prefix: calls(CallColumn::SharedPrefix)?,
            completion_tokens: calls(CallColumn::CompletionTokens)?,
            call_tokens_per_second: calls(CallColumn::TokensPerSecond)?,
            server_runtime: Summary::of(server_runtimes),
            total_runtime: window.seconds(),
            elapsed: window.elapsed(),
            throughput: window.per_second((0..runs).map(|run| window.share_within(run)).sum()),
            tokens_per_second: tokens_per_second(source, &window)?,
            mean_in_flight: in_flight.iter().sum::<f64>() / in_flight.len().max(1) as f64,
            in_flight,
            llm_in_flight: call_times.in_flight,
            steps: StepMetrics::of(source, &window)?.map(Box::new),
            client,
            host: around.host,
            scraped: around
                .scraped
                .iter()
                .filter_map(|(name, series)| {
                    let metric = ScrapedMetric::between(series, window.from, window.to)?;
                    Some((name.clone(), metric))
                })
                .collect(),
            scrape_error: around.scrape_error.clone(),
            before: around.before,
            runtime_sd: around
                .before
                .and_then(|_| Some(PreviousFigures::of_times(window.runtimes())?.sd)),
            asked: around.asked.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{
        Failure, FailureKind, LimitComparison, LlmCall, Metric, Outcome, Phase, Run,
    };

    fn run(start: f64, end: f64, outcome: Outcome) -> Run {
        let call =
            LlmCall { start, end: end - 0.5, completion_tokens: Some(10), ..LlmCall::default() };
        Run { id: "1".into(), start, end, outcome, llm_calls: vec![call], ..Run::default() }
    }

    fn recording(runs: &[Run]) -> Recording {
        Recording { runs: runs.to_vec(), ..Recording::default() }
    }

    fn level(runs: &[Run], tolerated: f64) -> LevelMetrics {
        LevelMetrics::of(2, &recording(runs), tolerated)
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
        // From 3 s to 11 s: two measured runs, two thirds of one of the warm-up, 2 s of 21.
        let done = 2.0 + 6.0 / 9.0 + 2.0 / 21.0;
        assert!((level.total_runtime - 8.0).abs() < 1e-12);
        assert!(level.elapsed >= level.total_runtime);
        assert!((level.throughput - done / 8.0).abs() < 1e-12);
        assert!((level.tokens_per_second.unwrap() - 10.0 * done / 8.0).abs() < 1e-12);
        // 6 s and 4 s and 4 s and 2 s of runs within 8 s.
        assert!((level.mean_in_flight - 16.0 / 8.0).abs() < 1e-12);
        // Two until 9 s and then three, but for one that began at 30 - 21 s; parts are of 0.4 s.
        assert_eq!(level.in_flight.len(), 20);
        assert!((level.in_flight[0] - 2.0).abs() < 1e-12, "{:?}", level.in_flight);
        assert!((level.in_flight[19] - 2.0).abs() < 1e-12, "{:?}", level.in_flight);
    }

    #[test]
    fn waves_in_step_are_not_counted_at_both_edges() {
        let mut runs = Vec::new();
        for (wave, phase) in [Phase::WarmUp, Phase::Measured, Phase::CoolDown].iter().enumerate() {
            let start = wave as f64 * 2.0;
            let of_wave = Run { phase: *phase, ..run(start, start + 2.0, Outcome::Ok) };
            runs.extend(vec![of_wave; 4]);
        }
        // The first of a wave ends a moment earlier, and the next begins then.
        runs[0].end -= 1e-6;
        runs[4].start -= 1e-6;
        let level = level(&runs, 0.0);
        assert!((level.throughput - 4.0 / 2.0).abs() < 1e-4, "{}", level.throughput);
        let Ok(against) = LimitComparison::of(&recording(&runs), &[(Metric::WorkflowRuntime, 3.0)]);
        assert!((against.goodput - level.throughput).abs() < 1e-12);
    }

    /// Two users, each of whom takes 1 s for a run and thinks for 3 s, can do 0.5 runs per second.
    #[test]
    fn users_who_think_do_no_more_than_they_can() {
        for apart in [0.0, 0.5, 2.0] {
            let mut runs = Vec::new();
            for number in 0..40 {
                let phase = if number < 4 { Phase::WarmUp } else { Phase::Measured };
                let start = f64::from(number / 2) * 4.0 + f64::from(number % 2) * apart;
                runs.push(Run { phase, ..run(start, start + 1.0, Outcome::Ok) });
            }
            let level = level(&runs, 0.0);
            // Half a run at the edges of 36, where the users are not in step.
            assert!(
                (level.throughput - 0.5).abs() < 0.5 * 0.5 / 36.0 + 1e-9,
                "{}",
                level.throughput
            );
            assert!((level.mean_in_flight - level.throughput).abs() < 0.02);
        }
        // What ended long before has nothing to do with it.
        let warm_up = Run { phase: Phase::WarmUp, ..run(0.0, 1.0, Outcome::Ok) };
        let runs = [warm_up, run(1000.0, 1001.0, Outcome::Ok), run(1001.0, 1002.0, Outcome::Ok)];
        assert!((level(&runs, 0.0).throughput - 1.0).abs() < 1e-9);
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
        assert!((level.failures[0].share - 0.5).abs() < 1e-12);
        let limits = [(Metric::WorkflowRuntime, 3.0), (Metric::LlmLatency, 1.0)];
        let Ok(against) = LimitComparison::of(&recording(&runs), &limits);
        assert_eq!((against.over, against.goodput), (vec![1, 2], 0.0));
        let Ok(against) = LimitComparison::of(&recording(&runs), &limits[..1]);
        // One of the four is within the limit and did not fail, in nine seconds.
        assert!((against.goodput - 1.0 / 9.0).abs() < 1e-12);
    }

    #[test]
    fn a_level_without_a_success_has_no_times() {
        let level = level(&[], 0.0);
        assert!(level.workflow_runtime.is_none() && level.llm_latency.is_none());
        assert!(level.throughput.abs() < f64::EPSILON);
    }
}
