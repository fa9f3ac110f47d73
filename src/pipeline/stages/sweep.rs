//! `sweep@c`: the runs at one concurrency. The only stage that asks the server anything.

use super::Artifacts;
use super::stage::{CutShort, Making, Product, Stage, ready};
use crate::load::{
    Executor, Job, LevelPlan, LevelSize, LoadError, Local, Recorder, files_per_run, make_room,
    to_parquet,
};
use crate::measure::{Around, Before, Failure, FailureKind, Outcome, Run};
use crate::pipeline::context::Context;
use crate::pipeline::graph_level::GraphLevel;
use crate::pipeline::search::search_of;
use crate::pipeline::{PipelineError, StageId};
use crate::spec::Levels;
use crate::store::Content;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

pub(super) struct Sweep {
    pub concurrency: u32,
}

impl Stage for Sweep {
    fn version(&self) -> u32 {
        5
    }

    fn reads(&self, context: &Context<'_>) -> Result<Value, PipelineError> {
        let spec = context.spec;
        if spec.workflow.recorded().is_some() {
            // All that there is to know of it is in what was recorded.
            return Ok(json!({ "workflow": { "type": "recorded" } }));
        }
        let mut load = json!(spec.concurrency);
        if let Some(load) = load.as_object_mut() {
            load.retain(|key, _| !ELSEWHERE.contains(&key.as_str()));
            if spec.concurrency.levels == Levels::Adaptive {
                // A level of more runs answers as well: how many are wanted is the plan's concern.
                load.retain(|key, _| !HOW_MUCH.contains(&key.as_str()));
            }
            load.insert("warmup".into(), spec.concurrency.warmup_waves().into());
        }
        let mut slice = json!({
            "workflow": measured(json!(spec.workflow)),
            "concurrency": load,
            "test": { "rig": spec.test.rig, "scrape": spec.test.scrape },
        });
        let orders = orders(&slice["workflow"]);
        if let Some(slice) = slice.as_object_mut().filter(|_| !orders.is_empty()) {
            slice.insert("order".into(), json!(orders));
        }
        let files = context.program_files()?;
        if let Some(slice) = slice.as_object_mut().filter(|_| !files.is_empty()) {
            slice.insert("files".into(), json!(files));
        }
        Ok(slice)
    }

    fn run<'a>(&'a self, context: &'a Context<'_>, artifacts: &'a Artifacts<'_>) -> Making<'a> {
        if context.spec.workflow.recorded().is_some() {
            return ready(self.recorded(context, artifacts));
        }
        Box::pin(self.sweep(context, artifacts))
    }
}

/// Which other levels there are, and when they are measured, changes nothing at this one.
const ELSEWHERE: [&str; 5] = ["levels", "order", "start", "max", "budget"];
/// What only says how many runs a level has.
const HOW_MUCH: [&str; 4] = ["passes", "runs", "duration", "until"];

/// What a sweep reads, without what only says how many runs a level has: what is left decides whether
/// two recordings are of the same thing.
pub(in crate::pipeline) fn without_how_much(mut reads: Value) -> Value {
    if let Some(load) = reads.get_mut("concurrency").and_then(Value::as_object_mut) {
        load.retain(|key, _| !ELSEWHERE.contains(&&**key) && !HOW_MUCH.contains(&&**key));
    }
    reads
}

/// What of a workflow makes a measurement: not where something is written, or how long one waits
/// before it begins. Files are told by their content.
fn measured(mut workflow: Value) -> Value {
    const BESIDE: [(&str, &[&str]); 3] = [
        ("", &["files"]),
        ("/llm", &["port", "bodies"]),
        ("/serve", &["files", "ready", "ready_timeout", "log"]),
    ];
    for (at, keys) in BESIDE {
        if let Some(Value::Object(section)) = workflow.pointer_mut(at) {
            section.retain(|key, _| !keys.contains(&key.as_str()));
        }
    }
    workflow
}

/// The further keys of requests whose order is not that of a key: they are sent as they are written,
/// and a model generates in the order of its schema.
fn orders(workflow: &Value) -> Vec<String> {
    match workflow {
        Value::Object(map) => {
            let of_value = |(key, value): (&String, &Value)| {
                if key != "extra_body" {
                    return orders(value);
                }
                let mut sorted = value.clone();
                sorted.sort_all_objects();
                let (written, sorted) = (value.to_string(), sorted.to_string());
                if written == sorted { Vec::new() } else { vec![written] }
            };
            map.iter().flat_map(of_value).collect()
        }
        Value::Array(values) => values.iter().flat_map(orders).collect(),
        _ => Vec::new(),
    }
}

/// What the runs of a level say of the server.
#[derive(Default)]
struct Seen {
    /// A run failed as it does when the server goes away.
    lost: AtomicBool,
    /// A run had a connection.
    met: AtomicBool,
    /// A run was taken, or could have been: it did not fail for what was asked.
    taken: AtomicBool,
    /// How the first failed that was not.
    untaken: OnceLock<Failure>,
}

impl Seen {
    fn add(&self, run: &Run) {
        use FailureKind::{Closed, Connect, Reset};
        let kind = match &run.outcome {
            Outcome::Ok => None,
            Outcome::Failed(failure) => Some(failure.kind),
        };
        if matches!(kind, Some(Connect | Closed | Reset)) {
            self.lost.store(true, Ordering::Relaxed);
        }
        if kind != Some(Connect) {
            self.met.store(true, Ordering::Relaxed);
        }
        match &run.outcome {
            Outcome::Failed(failure) if run.http_status.is_some_and(blames_the_request) => {
                self.untaken.get_or_init(|| failure.clone());
            }
            _ => self.taken.store(true, Ordering::Relaxed),
        }
    }

    /// How runs failed, where each of them failed for what was asked.
    fn untaken(&self) -> Option<Failure> {
        self.untaken.get().filter(|_| !self.taken.load(Ordering::Relaxed)).cloned()
    }
}

/// Whether a status says that the request is wrong, at whatever load: not that it came too late, too early
/// or beside too many others.
fn blames_the_request(status: u16) -> bool {
    const BY_LOAD: [u16; 3] = [408, 425, 429];
    (400..500).contains(&status) && !BY_LOAD.contains(&status)
}

impl Sweep {
    /// The runs that a recording has of this level.
    fn recorded(
        &self,
        context: &Context<'_>,
        artifacts: &Artifacts<'_>,
    ) -> Result<Vec<u8>, PipelineError> {
        let level = artifacts.foreign_level(self.concurrency)?;
        if level.runs.is_empty() {
            let message = format!("the recording has no run at concurrency {}", self.concurrency);
            let error = context.spec.error_at("concurrency.levels", message);
            return Err(error.help("leave `concurrency` out for all levels that it has").into());
        }
        let unwritten = |error: parquet::errors::ParquetError| PipelineError::Artifact {
            stage: StageId::Sweep(self.concurrency),
            error: error.into(),
        };
        to_parquet(&level).map_err(unwritten)
    }

    async fn sweep(
        &self,
        context: &Context<'_>,
        artifacts: &Artifacts<'_>,
    ) -> Result<Product, PipelineError> {
        let id = StageId::Sweep(self.concurrency);
        let load_error = |error| PipelineError::Load { stage: id.clone(), error };
        // Before anything is opened: too few files look like a server that is not there.
        self.make_room(context).map_err(load_error)?;
        let workflow = context.workflow(&id).await?;
        let plan = self.plan(context, artifacts)?;
        let scraper = context.scraper().await?;
        context.cool_down().await.map_err(load_error)?;
        workflow.prepare(self.concurrency, &plan.workload.items).await;
        context.observer.level_started(self.concurrency, plan.runs().unwrap_or(0));
        let (observer, seen) = (Arc::clone(&context.observer), Arc::new(Seen::default()));
        let notes = Arc::clone(&seen);
        let on_run = Arc::new(move |run: &Run| {
            notes.add(run);
            observer.run_done(run);
        });
        let staged = context.store.stage()?;
        let file = staged.as_ref().map(|staged| staged.file().try_clone()).transpose();
        let file = file.map_err(|error| load_error(LoadError::Unwritten(error.into())))?;
        let recorder = file.map_or_else(Recorder::in_memory, Recorder::to_file);
        let (server, cancel) = (Arc::clone(&workflow), &context.cancel);
        let job = Job { plan, workflow: server, scraper, cancel, on_run, recorder };
        let mut recorded = Local.measure(job).await.map_err(load_error)?;
        // A server that refuses or breaks off under load is a finding; one that is gone ends the sweep.
        let cut_short;
        if seen.lost.load(Ordering::Relaxed)
            && let Err(failure) = workflow.check().await
        {
            // It may have been gone before the level began.
            if !seen.met.load(Ordering::Relaxed) {
                return Err(PipelineError::Unreachable { stage: Some(id), kept: false, failure });
            }
            recorded.around.server_gone = Some(failure.to_string());
            cut_short = Some(CutShort::Gone(failure));
        } else {
            cut_short = seen.untaken().map(CutShort::Untaken);
        }
        self.note_what_was_before(context, &mut recorded.around)?;
        let content = match (recorded.finish().map_err(load_error)?, staged) {
            (None, Some(staged)) => Content::File(staged),
            (Some(bytes), _) => Content::Bytes(bytes),
            (None, None) => return Err(load_error(LoadError::NoRecorder)),
        };
        Ok(Product { content, cut_short })
    }

    /// Notes what an adaptive sweep was after, and what the recording was whose place this one
    /// takes.
    fn note_what_was_before(
        &self,
        context: &Context<'_>,
        around: &mut Around,
    ) -> Result<(), PipelineError> {
        let Some(search) = search_of(context.spec) else { return Ok(()) };
        around.asked = Some(search.asked);
        let planned = context.planned(self.concurrency);
        let Some(GraphLevel { known: Some(known), again, .. }) = planned else { return Ok(()) };
        let artifacts = [(StageId::Sweep(self.concurrency), known.manifest.digest.clone())].into();
        Artifacts::new(&context.store, artifacts).runs(self.concurrency, |runs| {
            around.replaced.clone_from(&runs.around().replaced);
            // Who forces a level knows why; nothing is to be concluded from it.
            if again.is_some() {
                around.before = Before::of(runs)?;
            }
            Ok(())
        })?;
        // Under the same key there is no other to choose from any more.
        if known.manifest.parts.reads != self.reads(context)? {
            around.replaced.push(known.manifest.digest.to_string());
        }
        Ok(())
    }

    /// Before the first level, so that none is measured in vain.
    fn make_room(&self, context: &Context<'_>) -> Result<(), LoadError> {
        let per_run = files_per_run(&context.spec.workflow);
        let highest = context.highest_level().max(self.concurrency);
        Ok(make_room(highest, per_run)?)
    }

    fn plan(
        &self,
        context: &Context<'_>,
        artifacts: &Artifacts<'_>,
    ) -> Result<LevelPlan, PipelineError> {
        let (load, level) = (&context.spec.concurrency, self.concurrency);
        let size = LevelSize::of_spec(load, level, context.chosen_runs(level));
        // Beyond what a level asks, the dataset need not be held.
        let items = artifacts.items(size.items())?;
        Ok(LevelPlan::of_spec(load, size, items))
    }
}
