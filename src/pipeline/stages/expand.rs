//! `expand`: the dataset's rows as items with unique ids.

use super::artifacts::to_lines;
use super::{Artifacts, Context, Stage, ready};
use crate::dataset;
use crate::pipeline::{PipelineError, StageId};
use crate::workflow::Pending;
use serde_json::{Value, json};

pub(super) struct Expand;

impl Stage for Expand {
    fn version(&self) -> u32 {
        1
    }

    fn reads(&self, context: &Context<'_>) -> Result<Value, PipelineError> {
        let dataset = &context.spec.dataset;
        let (_, digest) = context.dataset()?;
        // Not the path: a renamed file with the same content is the same dataset.
        Ok(json!({ "dataset": {
            "format": dataset.format(),
            "id_key": dataset.id_key,
            "question_key": dataset.question_key,
            "content": digest,
        }}))
    }

    fn run<'a>(
        &'a self,
        context: &'a Context<'_>,
        _: &'a Artifacts<'_>,
    ) -> Pending<'a, Result<Vec<u8>, PipelineError>> {
        ready(expand(context))
    }
}

fn expand(context: &Context<'_>) -> Result<Vec<u8>, PipelineError> {
    let spec = &context.spec.dataset;
    let (content, _) = context.dataset()?;
    let path = context.spec.resolve(&spec.path);
    to_lines(&StageId::Expand, &dataset::parse(spec, &path, content)?)
}
