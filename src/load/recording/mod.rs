//! Recordings as Apache Parquet, which pandas, `DuckDB` and Polars read. One row per run;
//! the schema is part of the documentation.

mod column;
mod columns;
mod group;
mod lists;
mod pieces;
mod read;
mod schema;
mod steps;

pub use columns::RecordedRuns;
pub(super) use pieces::Pieces;
pub use read::{from_parquet, is_own_parquet};

use crate::measure::Recording;
use parquet::errors::Result;
use schema::{Col, OFTEN_EMPTY};

/// A row group is held whole by writer and reader.
const ROWS_PER_GROUP: usize = 250_000;

/// Writes a recording.
pub fn to_parquet(recording: &Recording) -> Result<Vec<u8>> {
    let mut pieces = Pieces::with_columns(Vec::new(), left_out(recording))?;
    for runs in recording.runs.chunks(ROWS_PER_GROUP) {
        pieces.write(runs)?;
    }
    pieces.end(&recording.around)
}

/// The columns that no run has anything for.
fn left_out(recording: &Recording) -> Vec<Col> {
    let mut left = OFTEN_EMPTY.to_vec();
    if recording.runs.iter().any(|run| !run.notes.is_empty()) {
        left.retain(|column| *column != Col::Notes);
    }
    if recording.runs.iter().any(|run| !run.steps.is_empty()) {
        left.retain(|column| *column != Col::StepName);
    }
    for call in recording.runs.iter().flat_map(|run| &run.llm_calls) {
        left.retain(|column| match column {
            Col::AnswerTtft => call.answer_ttft.is_none(),
            Col::Chunks => call.chunks.is_none(),
            Col::CachedTokens => call.cached_tokens.is_none(),
            Col::SharedPrefix => call.shared_prefix.is_none(),
            Col::Notes | Col::StepName => true,
            _ => call.chunk_gaps.is_none(),
        });
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{
        ClientHealth, CpuTime, Failure, FailureKind, Gaps, HostHealth, LevelMetrics, LlmCall,
        MachineHealth, Note, Outcome, Part, Phase, PreviousFigures, RecordingMeta, Run, SearchGoal,
        Step, StepKind,
    };
    use std::fs::File;
    use std::io::{Seek, SeekFrom, Write};

    fn recording() -> Recording {
        let call = |start: f64| LlmCall {
            start,
            end: start + 0.1,
            ttft: Some(0.01),
            prompt_tokens: Some(7),
            cached_tokens: Some(4),
            shared_prefix: Some(0.1 + 0.2),
            completion_tokens: None,
            itl: Some(Gaps { mean: 0.001, p95: Some(0.002), max: Some(0.1 + 0.2) }),
            finish_reason: Some("stop".into()),
            model: Some("m".into()),
            upstream: Some("llm".into()),
            http_status: Some(200),
            answer_ttft: Some(0.02),
            chunks: Some(3),
            chunk_gaps: Some(Gaps { mean: 0.005, p95: None, max: Some(0.25) }),
        };
        let run = |id: &str, llm_calls: Vec<LlmCall>| Run {
            id: id.into(),
            start: 0.1 + 0.2,
            end: 3.0,
            outcome: Outcome::Ok,
            llm_calls,
            server_runtime: Some(1.0 / 3.0),
            phase: Phase::Measured,
            http_status: Some(200),
            reconnected: true,
            retries: 2,
            failed_calls: 4,
            notes: vec![Note::HeldOpen, Note::MaxCompletionTokens],
            steps: Vec::new(),
        };
        let step = |kind, name: &str, start: f64, parent| Step {
            kind,
            name: name.into(),
            start,
            end: start + 0.1,
            parent,
        };
        let steps = vec![
            step(StepKind::Workflow, "agent", 0.0, None),
            step(StepKind::Llm, "", 0.1, Some(0)),
            step(StepKind::Other, "é\u{1b}[2J", 0.2, Some(0)),
        ];
        let bare = LlmCall { end: 1.0, ..LlmCall::default() };
        let failure = Failure::new(FailureKind::RateLimited, "é \"quoted\"");
        Recording {
            runs: vec![
                run("none", Vec::new()),
                run("three", vec![call(0.0), bare.clone(), call(2.0)]),
                Run {
                    outcome: Outcome::Failed(failure),
                    server_runtime: None,
                    phase: Phase::CoolDown,
                    http_status: Some(429),
                    notes: Vec::new(),
                    reconnected: false,
                    ..run("failed", Vec::new())
                },
                Run { phase: Phase::WarmUp, http_status: None, steps, ..run("one", vec![bare]) },
                Run {
                    steps: vec![step(StepKind::Tool, "search", 0.5, None)],
                    ..run("more", Vec::new())
                },
                run("last", Vec::new()),
            ],
            around: RecordingMeta {
                concurrency: Some(3),
                client: Some(ClientHealth { cpu_share: 0.25, lag_p95: 1e-4, lag_max: 2e-3 }),
                host: HostHealth::between(
                    &[CpuTime { used: 1.0, waited: 0.5 }],
                    &[CpuTime { used: 2.0, waited: 0.75 }],
                    2.0,
                ),
                scraped: [("running".to_owned(), vec![(0.5, 3.0), (1.5, 5.0)])].into(),
                scrape_error: Some("once it was not there".to_owned()),
                burst: Some(false),
                repetitions: vec![1, 2],
                asked: Some(SearchGoal { targets: "p95".into(), ..SearchGoal::default() }),
                before: Some(PreviousFigures { runs: 7, mean: 1.5, p95: 2.0, sd: 0.1 }),
                server_gone: Some("connection failed: refused".into()),
                replaced: vec!["ab12".into()],
                part: Some(Part {
                    plan: "cd34".into(),
                    index: 1,
                    of: 3,
                    machine: "node7".into(),
                    began: 1.7e9 + 0.123_456,
                }),
                machines: vec![MachineHealth {
                    machine: "node7".into(),
                    share: 1,
                    health: ClientHealth::default(),
                }],
            },
        }
    }

    #[test]
    fn another_file_is_no_recording() {
        // Its column `id` holds numbers.
        let other = include_bytes!("../../../tests/data/datasets/brotli.parquet");
        assert!(from_parquet(other.to_vec()).is_err());
    }

    #[test]
    fn a_file_on_which_the_reader_panics_is_damaged() {
        // A page that refers to a dictionary which is not there.
        let without = include_bytes!("../../../tests/data/hostile/no-dictionary.parquet");
        assert!(from_parquet(without.to_vec()).is_err());
    }

    #[test]
    fn a_recording_comes_back_as_it_was() {
        let recording = recording();
        let bytes = to_parquet(&recording).unwrap();
        assert_eq!(bytes, to_parquet(&recording).unwrap(), "equal content, equal bytes");
        assert_eq!(from_parquet(bytes).unwrap(), recording);
        let mut plain = recording.clone();
        for run in &mut plain.runs {
            run.steps.clear();
            for call in &mut run.llm_calls {
                (call.answer_ttft, call.chunk_gaps, call.chunks) = (None, None, None);
                (call.cached_tokens, call.shared_prefix) = (None, None);
            }
        }
        let written = to_parquet(&plain).unwrap();
        assert!(
            !written.windows(10).any(|bytes| bytes == b"chunk_gap_"),
            "a column without a value"
        );
        for name in ["steps", "cached_tokens", "shared_prefix"] {
            assert!(!written.windows(name.len()).any(|bytes| bytes == name.as_bytes()), "{name}");
        }
        assert_eq!(from_parquet(written).unwrap(), plain);
        let empty = Recording::default();
        assert_eq!(from_parquet(to_parquet(&empty).unwrap()).unwrap(), empty);
    }

    fn file(recording: &Recording) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&to_parquet(recording).unwrap()).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        file
    }

    #[test]
    fn columns_give_the_same_metrics_as_the_runs() {
        let call = |start: f64, tokens: u64| LlmCall {
            start,
            end: start + 0.1 * tokens as f64,
            ttft: (tokens > 2).then_some(0.01 * tokens as f64),
            prompt_tokens: Some(tokens + 7),
            cached_tokens: (tokens > 1).then_some(tokens),
            shared_prefix: (tokens > 2).then_some(0.5),
            completion_tokens: (tokens != 3).then_some(tokens),
            itl: (tokens > 4).then_some(Gaps {
                mean: 0.1,
                p95: Some(0.2),
                max: Some(0.3 * tokens as f64),
            }),
            answer_ttft: (tokens > 3).then_some(0.02 * tokens as f64),
            chunks: tokens.is_multiple_of(3).then_some(2),
            chunk_gaps: (tokens > 4).then_some(Gaps { mean: 0.3, p95: None, max: Some(0.4) }),
            finish_reason: tokens.is_multiple_of(2).then(|| "stop".to_owned()),
            model: (tokens > 3).then(|| "m".to_owned()),
            ..LlmCall::default()
        };
        let step = |nth: u64| Step {
            kind: if nth == 2 { StepKind::Tool } else { StepKind::Function },
            name: format!("s{nth}"),
            start: 0.1 * nth as f64,
            end: 1.0 - 0.1 * nth as f64,
            parent: u32::try_from(nth).unwrap().checked_sub(1),
        };
        let mut runs = Vec::new();
        for index in 0..40_u64 {
            let start = index as f64 * 0.3;
            let failed =
                Outcome::Failed(Failure::new(FailureKind::Timeout, format!("run {index}")));
            runs.push(Run {
                id: index.to_string(),
                start,
                end: start + 1.0 + (index % 7) as f64,
                outcome: if index % 9 == 4 { failed } else { Outcome::Ok },
                llm_calls: (0..index % 4).map(|nth| call(start, index % 5 + nth)).collect(),
                server_runtime: (index % 3 == 0).then_some(0.5),
                phase: match index {
                    0..5 => Phase::WarmUp,
                    5..33 => Phase::Measured,
                    _ => Phase::CoolDown,
                },
                http_status: (index % 2 == 0).then_some(200),
                reconnected: index % 11 == 0,
                retries: u32::from(index % 13 == 0),
                failed_calls: u32::from(index % 8 == 0),
                notes: if index % 6 == 1 { vec![Note::HeldOpen] } else { Vec::new() },
                steps: (0..index % 5).map(step).collect(),
            });
        }
        let recording = Recording { runs, around: recording().around };
        let recorded = RecordedRuns::open(file(&recording)).unwrap();
        assert_eq!(*recorded.around(), recording.around);
        let from_columns = LevelMetrics::of_columns(3, &recorded, recorded.around(), 0.2).unwrap();
        assert_eq!(from_columns, LevelMetrics::of(3, &recording, 0.2));
        assert!(from_columns.ttft.is_some() && from_columns.itl_max.is_some());
        assert_eq!(from_columns.failures[0].first_message, "run 4");
    }
}
