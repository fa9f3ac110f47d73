//! A row of a recording as a run.

use super::ForeignError;
use super::calls::{CALL_KEYS, calls};
use super::clock::Clock;
use super::error::Place;
use super::failure::{FAILURE_KEYS, failure_of_row};
use super::steps::steps;
use super::value::{Fields, brief, shown};
use crate::measure::{Outcome, Phase, Run};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Keys that are not read and yet named; a hostile file has any number.
const MOST_UNREAD: usize = 10;

/// So much of a key that is not read is shown.
const LONGEST_KEY: usize = 100;
const HIGHEST_LEVEL: u64 = 1_000_000;
const REPETITION: [&str; 3] = ["repetition", "rep", "repeat"];
/// `outcome`, `http_status` and what follows are what `sizer show` prints.
const KEYS: [&str; 13] = [
    "concurrency",
    "id",
    "start",
    "end",
    "llm_calls",
    "llm_latencies",
    "phase",
    "outcome",
    "http_status",
    "server_runtime",
    "retries",
    "failed_calls",
    "steps",
];

/// A run as a file has it, with its times in the file's unit and on the file's clock.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// The level that it claims.
    pub concurrency: Option<u32>,
    /// The position of its file.
    pub source: usize,
    /// The repetition of the level that it says it belongs to.
    pub repetition: String,
    /// The repetition in which sizer itself laid it.
    pub part: usize,
    /// True if sizer itself kept up the load.
    pub trusted: bool,
    pub run: Run,
}

impl Entry {
    /// Approximate size in bytes.
    pub fn weight(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let calls = self.run.llm_calls.iter().map(|call| {
            let texts = text(&call.finish_reason) + text(&call.model) + text(&call.upstream);
            size_of_val(call) + texts
        });
        let failure = match &self.run.outcome {
            Outcome::Failed(failure) => failure.message.len(),
            Outcome::Ok => 0,
        };
        let texts = self.run.id.len() + self.repetition.len() + failure;
        let steps = self.run.steps.iter().map(|step| size_of_val(step) + step.name.len());
        size_of_val(self) + texts + calls.sum::<usize>() + steps.sum::<usize>()
    }
}

/// Destination of the rows of all files.
pub(super) struct Rows<'a> {
    pub clock: &'a Clock,
    /// True if the concurrency is measured, and need not be claimed.
    pub measured: bool,
    pub unread: &'a mut BTreeSet<String>,
    pub each: &'a mut dyn FnMut(&Place<'_>, Entry) -> Result<(), ForeignError>,
}

impl Rows<'_> {
    /// Says what a table lacks before its first row is read.
    pub fn has_columns(
        &self,
        place: &Place<'_>,
        has: impl Fn(&str) -> bool,
    ) -> Result<(), ForeignError> {
        let needed: &[&str] =
            if self.measured { &["start", "end"] } else { &["concurrency", "start", "end"] };
        let lacks: Vec<String> =
            needed.iter().filter(|it| !has(it)).map(|it| format!("`{it}`")).collect();
        if lacks.is_empty() {
            return Ok(());
        }
        let error = ForeignError::file(
            place.path,
            format!("it has no column {}", lacks.join(" and no column ")),
        );
        Err(error.help(
            "each row is a run: concurrency, start, end, and the optional columns in docs/runs.md; with \
             `concurrency: measured` in the workflow, concurrency may be missing",
        ))
    }

    /// Takes a row.
    pub fn take(
        &mut self,
        place: &Place<'_>,
        row: &Map<String, Value>,
    ) -> Result<(), ForeignError> {
        for key in row.keys() {
            let known = KEYS.contains(&key.as_str())
                || FAILURE_KEYS.contains(&key.as_str())
                || CALL_KEYS.contains(&key.as_str())
                || REPETITION.contains(&key.as_str());
            if !known && self.unread.len() < MOST_UNREAD && !self.unread.contains(key) {
                self.unread.insert(key.chars().take(LONGEST_KEY).collect());
            }
        }
        let fields = Fields { place, map: row, within: String::new() };
        let concurrency = self.level(&fields)?;
        let run = run(&fields, self.clock)?;
        let label = REPETITION.iter().find_map(|key| fields.get(key)).map(|value| match value {
            Value::String(text) => text.trim().to_owned(),
            other => other.to_string(),
        });
        let repetition = label.unwrap_or_default();
        (self.each)(place, Entry { concurrency, repetition, run, ..Entry::default() })
    }

    /// Takes a run of a file that sizer wrote.
    pub fn take_own(&mut self, place: &Place<'_>, mut entry: Entry) -> Result<(), ForeignError> {
        let run = &entry.run;
        let calls = run.llm_calls.iter().flat_map(|call| [call.start, call.end]);
        let steps = run.steps.iter().flat_map(|step| [step.start, step.end]);
        let times = [run.start, run.end].into_iter().chain(calls).chain(steps);
        let backwards = run.end < run.start
            || run.llm_calls.iter().any(|it| it.end < it.start)
            || run.steps.iter().any(|it| it.end < it.start);
        if backwards || !times.into_iter().all(f64::is_finite) {
            return Err(
                place.wrong("a run must end at a finite time, and no earlier than it starts")
            );
        }
        if entry.concurrency.is_none_or(|it| it == 0) && !self.measured {
            let message = "it does not say at which concurrency it was recorded";
            let error = ForeignError::file(place.path, message);
            return Err(error.help("set `concurrency: measured` in the workflow"));
        }
        self.clock.unscale(&mut entry.run);
        (self.each)(place, entry)
    }

    fn level(&self, fields: &Fields<'_>) -> Result<Option<u32>, ForeignError> {
        let wrong = |value: &Value| {
            let message = format!(
                "{} is not a level: expected a whole number from 1 to 1000000",
                brief(value)
            );
            fields.wrong("concurrency", message)
        };
        let Some(value) = fields.get("concurrency") else {
            return if self.measured {
                Ok(None)
            } else {
                let error =
                    fields.wrong("concurrency", "it is missing: the level that the run belongs to");
                Err(error.help("with `concurrency: measured` in the workflow, it may be missing"))
            };
        };
        let level = fields.whole("concurrency").map_err(|_| wrong(value))?;
        let level = level.filter(|level| (1..=HIGHEST_LEVEL).contains(level));
        level.and_then(|level| u32::try_from(level).ok()).map(Some).ok_or_else(|| wrong(value))
    }
}

fn run(fields: &Fields<'_>, clock: &Clock) -> Result<Run, ForeignError> {
    let (start, end) = (fields.needed("start")?, fields.needed("end")?);
    clock.check_epoch(fields, start.abs().max(end.abs()))?;
    if end < start {
        return Err(fields.wrong(
            "end",
            format!("the run ends at {}, before it starts at {}", shown(end), shown(start)),
        ));
    }
    let llm_calls = calls(fields, (start, end), clock)?;
    let id = fields.get("id").map(|id| match id {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    let named = |key: &str| -> Result<Option<u32>, ForeignError> {
        Ok(fields.whole(key)?.and_then(|it| u32::try_from(it).ok()))
    };
    let mut http_status = named("http_status")?.and_then(|it| u16::try_from(it).ok());
    let mut outcome = Outcome::Ok;
    if let Some((failure, status)) = failure_of_row(fields, http_status) {
        outcome = Outcome::Failed(failure);
        http_status = http_status.or(status);
    }
    // As sizer's own lines have it.
    if let Some(own) = fields.get("outcome") {
        outcome = serde_json::from_value(own.clone())
            .map_err(|_| fields.wrong("outcome", "this is not as sizer writes it: use `error`"))?;
    }
    Ok(Run {
        id: id.unwrap_or_default(),
        start,
        end,
        outcome,
        llm_calls,
        server_runtime: fields.seconds("server_runtime")?,
        phase: phase(fields)?,
        http_status,
        retries: named("retries")?.unwrap_or_default(),
        failed_calls: named("failed_calls")?.unwrap_or_default(),
        steps: steps(fields)?,
        ..Run::default()
    })
}

fn phase(fields: &Fields<'_>) -> Result<Phase, ForeignError> {
    let Some(value) = fields.get("phase") else { return Ok(Phase::default()) };
    let wrong = || {
        let message = format!("{} is not one of warm_up, measured, cool_down", brief(value));
        fields.wrong("phase", message)
    };
    let text = value.as_str().ok_or_else(wrong)?.trim();
    serde_json::from_value(text.into()).map_err(|_| wrong())
}
