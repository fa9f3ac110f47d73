//! Recordings of other load generators: JSON lines, CSV, or Parquet as sizer writes it.

use super::from_parquet;
use crate::measure::{Failure, FailureKind, LlmCall, Outcome, Phase, Run};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// A run with the level that it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForeignRun {
    /// Runs in flight.
    pub concurrency: u32,
    /// The run.
    #[serde(flatten)]
    pub run: Run,
}

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    /// The file cannot be read.
    #[error("the recording {path} cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// The extension says nothing.
    #[error("{path} is no recording by its name: name it .jsonl, .csv or .parquet")]
    UnknownFormat {
        /// The file.
        path: String,
    },
    /// A row is not a run.
    #[error("{path}:{line}: {message}")]
    Malformed {
        /// The file.
        path: String,
        /// One-based line.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// A Parquet file is not one of sizer's.
    #[error("{path} is no recording of sizer's: {message}")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong.
        message: String,
    },
}

/// A row as others write it.
#[derive(Deserialize)]
struct Row {
    concurrency: u32,
    #[serde(default)]
    id: Option<serde_json::Value>,
    start: f64,
    end: f64,
    #[serde(default)]
    llm_calls: Vec<Call>,
    #[serde(default)]
    llm_latencies: Vec<f64>,
    #[serde(default)]
    phase: Phase,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Deserialize)]
struct Call {
    start: f64,
    end: f64,
    #[serde(default)]
    ttft: Option<f64>,
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
}

/// A row of CSV, where lists are texts: `0.4;1.2`.
#[derive(Deserialize)]
struct CsvRow {
    concurrency: u32,
    #[serde(default)]
    id: String,
    start: f64,
    end: f64,
    #[serde(default)]
    llm_latencies: String,
    #[serde(default)]
    phase: Option<Phase>,
    #[serde(default)]
    error: String,
}

/// One line of a recording is no longer.
const LONGEST_LINE: u64 = 16 << 20;

/// Hands over every run of a recording, in the order of the file.
pub fn each_foreign_run(path: &Path, each: &mut dyn FnMut(ForeignRun)) -> Result<(), ForeignError> {
    let shown = path.display().to_string();
    let unreadable = |error| ForeignError::Unreadable { path: shown.clone(), error };
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(unreadable(std::io::ErrorKind::IsADirectory.into()));
    }
    match path.extension().and_then(|it| it.to_str()) {
        Some("jsonl" | "ndjson") => json_lines(&shown, file, each),
        Some("csv") => csv(&shown, file, each),
        Some("parquet" | "pq") => parquet(&shown, file, each),
        _ => Err(ForeignError::UnknownFormat { path: shown }),
    }
}

fn json_lines(
    path: &str,
    file: File,
    each: &mut dyn FnMut(ForeignRun),
) -> Result<(), ForeignError> {
    let mut reader = BufReader::new(file);
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let read = (&mut reader).take(LONGEST_LINE + 1).read_until(b'\n', &mut bytes);
        let read =
            read.map_err(|error| ForeignError::Unreadable { path: path.to_owned(), error })?;
        if read == 0 {
            break;
        }
        let malformed =
            |message: String| ForeignError::Malformed { path: path.to_owned(), line, message };
        if read as u64 > LONGEST_LINE {
            return Err(malformed(format!("a line of more than {} MiB", LONGEST_LINE >> 20)));
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let row: Row = serde_json::from_slice(&bytes).map_err(|error| {
            let message = error.to_string();
            malformed(message.split(" at line ").next().unwrap_or(&message).to_owned())
        })?;
        each(run_of(row).map_err(malformed)?);
    }
    Ok(())
}

fn csv(path: &str, file: File, each: &mut dyn FnMut(ForeignRun)) -> Result<(), ForeignError> {
    let mut reader = csv::Reader::from_reader(file);
    for row in reader.deserialize::<CsvRow>() {
        let malformed = |line: u64, message: String| ForeignError::Malformed {
            path: path.to_owned(),
            line: usize::try_from(line).unwrap_or(usize::MAX),
            message,
        };
        let row = row.map_err(|error| {
            let line = error.position().map_or(1, csv::Position::line);
            malformed(line, error.to_string())
        })?;
        let latencies = row.llm_latencies.split(';').map(str::trim).filter(|it| !it.is_empty());
        let latencies: Result<Vec<f64>, _> = latencies.map(str::parse).collect();
        let wrong = |message: String| malformed(0, format!("run {}: {message}", row.id));
        let row = Row {
            concurrency: row.concurrency,
            id: Some(row.id.clone().into()),
            start: row.start,
            end: row.end,
            llm_calls: Vec::new(),
            llm_latencies: latencies.map_err(|_| {
                wrong("llm_latencies is a list of seconds such as 0.4;1.2".to_owned())
            })?,
            phase: row.phase.unwrap_or_default(),
            error: Some(row.error.clone()).filter(|error| !error.is_empty()),
        };
        each(run_of(row).map_err(wrong)?);
    }
    Ok(())
}

fn parquet(
    path: &str,
    mut file: File,
    each: &mut dyn FnMut(ForeignRun),
) -> Result<(), ForeignError> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .map_err(|error| ForeignError::Unreadable { path: path.to_owned(), error })?;
    let damaged = |message: String| ForeignError::Damaged { path: path.to_owned(), message };
    // The crate answers some damaged files with a panic; a hostile file must not end the process.
    let read = std::panic::catch_unwind(|| from_parquet(bytes));
    let read = read.map_err(|_| damaged("its content is damaged".to_owned()))?;
    let recording = read.map_err(|error| damaged(error.to_string()))?;
    let concurrency = recording.around.concurrency;
    let concurrency =
        concurrency.ok_or_else(|| damaged("it does not say at which concurrency".to_owned()))?;
    recording.runs.into_iter().for_each(|run| each(ForeignRun { concurrency, run }));
    Ok(())
}

/// A row as a run; the error says what makes no sense.
fn run_of(row: Row) -> Result<ForeignRun, String> {
    let Row { concurrency, id, start, end, llm_calls, llm_latencies, phase, error } = row;
    if concurrency == 0 {
        return Err("concurrency is at least 1".to_owned());
    }
    let times = start.is_finite() && end.is_finite() && end >= start;
    let latencies = llm_latencies.iter().all(|it| it.is_finite() && *it >= 0.0);
    let calls = llm_calls.iter().all(|call| call.end >= call.start);
    if !(times && latencies && calls) {
        return Err(
            "a run and its calls end no earlier than they start, and last a finite time".to_owned()
        );
    }
    let mut calls: Vec<LlmCall> = llm_calls
        .into_iter()
        .map(|call| LlmCall {
            start: call.start,
            end: call.end,
            ttft: call.ttft,
            prompt_tokens: call.prompt_tokens,
            completion_tokens: call.completion_tokens,
            ..LlmCall::default()
        })
        .collect();
    // Only how long they took is known: as if one had begun when the run did, like the others.
    let known = llm_latencies.into_iter();
    calls.extend(known.map(|it| LlmCall { start, end: start + it, ..LlmCall::default() }));
    let id = id.map(|id| match id {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    });
    let failed = |message: String| Outcome::Failed(Failure::new(FailureKind::Reported, message));
    let run = Run {
        id: id.unwrap_or_default(),
        start,
        end,
        outcome: error.map_or(Outcome::Ok, failed),
        llm_calls: calls,
        phase,
        ..Run::default()
    };
    Ok(ForeignRun { concurrency, run })
}
