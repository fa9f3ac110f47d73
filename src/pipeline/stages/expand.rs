//! `expand`: the dataset's rows as items with unique ids.

use super::Artifacts;
use super::artifacts::push_line;
use super::stage::{Making, Stage, ready};
use crate::dataset::check_kept;
use crate::load::read_foreign;
use crate::pipeline::context::Context;
use crate::pipeline::{PipelineError, StageId};
use serde_json::{Value, json};

/// Which way of reading recordings this is: another one makes other runs of them.
const READER: u32 = 2;

pub(super) struct Expand;

impl Stage for Expand {
    fn version(&self) -> u32 {
        4
    }

    fn reads(&self, context: &Context<'_>) -> Result<Value, PipelineError> {
        if let Some(recorded) = context.spec.workflow.recorded() {
            return Ok(json!({ "recording": {
                "content": context.dataset_digest()?,
                "unit": recorded.unit.unwrap_or_default(),
                "concurrency": recorded.concurrency,
                "reader": READER,
            }}));
        }
        let dataset = &context.spec.dataset;
        // Not the path: a renamed file with the same content is the same dataset.
        let workflow = &context.spec.workflow;
        Ok(json!({ "dataset": {
            "fields": workflow.fields(),
            "instead_of_question": workflow.instead_of_question(),
            "format": dataset.format(),
            "encoding": dataset.encoding,
            "separator": dataset.separator,
            "sheet": dataset.sheet,
            "id_key": dataset.id_key,
            "question_key": dataset.question_key,
            "whole_row": dataset.whole_row,
            "filter": dataset.filter,
            "content": context.dataset_digest()?,
        }}))
    }

    fn run<'a>(&'a self, context: &'a Context<'_>, _: &'a Artifacts<'_>) -> Making<'a> {
        ready(expand(context))
    }
}

fn expand(context: &Context<'_>) -> Result<Vec<u8>, PipelineError> {
    let mut lines = Vec::new();
    if let Some(recorded) = context.spec.workflow.recorded() {
        let recording = read_foreign(recorded, &|path| context.spec.resolve(path))?;
        for foreign in &recording.runs {
            // Two clocks, each of which is a number, can be further apart than any number.
            if !(foreign.run.end - foreign.run.start).is_finite() {
                return Err(PipelineError::Overflow { stage: StageId::Expand });
            }
            push_line(&mut lines, foreign);
        }
        if !recording.unread.is_empty() {
            let keys: Vec<String> = recording.unread.iter().map(|key| format!("`{key}`")).collect();
            let text = format!("the recording has keys that are not read: {}", keys.join(", "));
            context.observer.notice(&text);
        }
        return Ok(lines);
    }
    let path = context.dataset_path().display().to_string();
    context.dataset_rows(&mut |row| {
        push_line(&mut lines, &row);
        check_kept(&path, lines.len())
    })?;
    Ok(lines)
}
