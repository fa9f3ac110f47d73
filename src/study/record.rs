//! The record of a run.

use super::context::Context;
use super::outcome::StageOutcome;
use super::slices::slices;
use super::stage_id::StageId;
use super::stages::identity;
use super::{Outcome, PipelineError};
use crate::engine::{LoggedRun, RunLog};
use crate::store::{Exit, Invocation, Manifest, RunRecord};
use serde_json::Value;
use std::collections::BTreeMap;

/// Writes down what was run, and how it ended.
pub(super) fn record(
    log: RunLog,
    context: &Context,
    asked: Invocation,
    manifests: &BTreeMap<StageId, Manifest>,
    stages: &[StageOutcome],
    outcome: &Result<Outcome, PipelineError>,
) -> Result<(), PipelineError> {
    let exit = match outcome {
        Ok(_) => Exit::Done,
        Err(PipelineError::Cancelled { .. }) => Exit::Cancelled,
        Err(error) => Exit::Failed { error: error.to_string() },
    };
    let Some(logged) = log.end(stages, exit) else { return Ok(()) };
    let LoggedRun { started, duration, user, host, tool, exit, ran } = logged;
    let spec_digest = identity(&context.spec).digest;
    let result = outcome.as_ref().ok().and_then(|outcome| outcome.result.as_ref());
    let dataset = manifests.get(&StageId::Expand).map(|it| it.parts.reads.clone());
    // A spec whose files cannot be read has an error of its own.
    let reads = slices(context, dataset).ok().map(Value::Object);
    let record = RunRecord {
        id: RunRecord::make_id(&spec_digest, started),
        spec: context.spec.key_name(),
        spec_digest,
        started,
        duration,
        user,
        host,
        tool,
        exit,
        ran,
        gpus: result.and_then(|result| result.gpus.recommended),
        digests: manifests.iter().map(|(id, it)| (id.to_string(), it.digest.clone())).collect(),
        asked: Some(asked).filter(|asked| !asked.verb.is_empty()),
        reads,
        keys: manifests.iter().map(|(id, it)| (id.to_string(), it.key.clone())).collect(),
    };
    Ok(context.services.store.record(&record)?)
}
