//! Writing down who ran what, when, and how it ended.

use super::context::Context;
use super::graph::Graph;
use super::slices::slices;
use super::stage_id::StageId;
use super::stages::identity;
use super::{Outcome, PipelineError, StageReport};
use crate::store::{Asked, Exit, Manifest, RunRecord};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A run whose record is not written yet.
pub(super) struct Diary {
    started: f64,
    clock: Instant,
}

impl Diary {
    pub fn begin() -> Self {
        // A clock that stands before the epoch says nothing.
        let started =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |it| it.as_secs_f64());
        Self { started, clock: Instant::now() }
    }

    /// Writes the record. A run that ran nothing and changed nothing leaves none: it would bury
    /// those that did.
    pub fn end(
        self,
        (context, graph, asked): (&Context<'_>, &Graph, Asked),
        manifests: &BTreeMap<StageId, Manifest>,
        stages: &[StageReport],
        outcome: &Result<Outcome, PipelineError>,
    ) -> Result<(), PipelineError> {
        let ran = stages.iter().filter(|stage| stage.ran.is_some()).count();
        if ran == 0 && outcome.is_ok() {
            return Ok(());
        }
        let spec_digest = identity(context.spec).digest;
        let exit = match outcome {
            Ok(_) => Exit::Done,
            Err(PipelineError::Cancelled { .. }) => Exit::Cancelled,
            Err(error) => Exit::Failed { error: error.to_string() },
        };
        let result = outcome.as_ref().ok().and_then(|outcome| outcome.result.as_ref());
        let dataset = manifests.get(&StageId::Expand).map(|it| it.parts.reads.clone());
        // A spec whose files cannot be read has an error of its own.
        let reads = slices(context, graph, dataset).ok().map(Value::Object);
        let record = RunRecord {
            id: RunRecord::make_id(&spec_digest, self.started),
            spec: context.spec.key_name(),
            spec_digest,
            started: self.started,
            duration: self.clock.elapsed().as_secs_f64(),
            user: std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned()),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
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
}
