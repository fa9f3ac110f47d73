//! The part of a spec that changes what is measured at a level, which is the same for all levels of a sweep.

use crate::spec::{Concurrency, ScrapeSpec, Spec, WindowSpec, WorkflowSpec};
use crate::store::Digest;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Everything that changes what is measured.
pub(super) struct Measurement {
    pub workflow: WorkflowSpec,
    /// Without the keys about other levels, and without the amount to measure if the plan has it.
    pub load: Concurrency,
    /// True if the plan, not the spec, says how much is measured.
    is_planned: bool,
    rig: Option<String>,
    pub scrape: Option<ScrapeSpec>,
    program_files: BTreeMap<String, Digest>,
    /// Software on this machine that runs the workflow, with its version.
    runs_in: Option<String>,
    /// The form in which keys hold it, once one has asked for it.
    reads: OnceLock<Value>,
}

impl Measurement {
    /// Cuts it out of a spec whose program has these files, and runs in this software.
    pub fn of(
        spec: &Spec,
        program_files: &BTreeMap<String, Digest>,
        runs_in: Option<&str>,
    ) -> Self {
        let Concurrency { levels, order, .. } = Concurrency::default();
        let mut load = Concurrency { levels, order, ..spec.concurrency.clone() };
        let is_planned = spec.concurrency.levels.adaptive().is_some();
        if is_planned {
            load.window = WindowSpec::Open;
        }
        Self {
            workflow: spec.workflow.clone(),
            load,
            is_planned,
            rig: spec.test.rig.clone(),
            scrape: spec.test.scrape.clone(),
            program_files: program_files.clone(),
            runs_in: runs_in.map(str::to_owned),
            reads: OnceLock::new(),
        }
    }

    /// The form in which the key of a level holds it.
    pub fn reads(&self) -> &Value {
        self.reads.get_or_init(|| self.in_key())
    }

    fn in_key(&self) -> Value {
        let mut load = json!(self.load);
        if let Some(load) = load.as_object_mut() {
            load.retain(|key, _| !ELSEWHERE.contains(&key.as_str()));
            if self.is_planned {
                // A level of more runs answers as well: how many are wanted is the plan's concern.
                load.retain(|key, _| !AMOUNT.contains(&key.as_str()));
            }
            load.insert("warmup".into(), self.load.warmup_waves().into());
        }
        let mut slice = json!({
            "workflow": measured(&self.workflow),
            "concurrency": load,
            "test": { "rig": self.rig, "scrape": self.scrape },
        });
        let orders = orders(&slice["workflow"]);
        if let Some(slice) = slice.as_object_mut().filter(|_| !orders.is_empty()) {
            slice.insert("order".into(), json!(orders));
        }
        let files = &self.program_files;
        if let Some(slice) = slice.as_object_mut().filter(|_| !files.is_empty()) {
            slice.insert("files".into(), json!(files));
        }
        if let (Some(slice), Some(software)) = (slice.as_object_mut(), &self.runs_in) {
            slice.insert("runs_in".into(), json!(software));
        }
        slice
    }
}

/// Keys about other levels and the order of measuring; they change nothing about this level.
const ELSEWHERE: [&str; 5] = ["levels", "order", "start", "max", "budget"];
/// Keys that only say how many runs a level has.
const AMOUNT: [&str; 4] = ["passes", "runs", "duration", "until"];

/// The slice of a sweep without the keys that only say how many runs a level has. Recordings for which it is equal
/// are of the same thing.
pub(super) fn without_amount(mut reads: Value) -> Value {
    if let Some(load) = reads.get_mut("concurrency").and_then(Value::as_object_mut) {
        load.retain(|key, _| !ELSEWHERE.contains(&&**key) && !AMOUNT.contains(&&**key));
    }
    reads
}

/// The keys of a workflow that change what is measured: not paths of output, nor how long to wait for a server. Files
/// are identified by their content instead.
fn measured(workflow: &WorkflowSpec) -> Value {
    const BESIDE: [(&str, &[&str]); 3] = [
        ("", &["files"]),
        ("/llm", &["port", "bodies"]),
        ("/serve", &["files", "ready", "ready_timeout", "log"]),
    ];
    let own = workflow.beside();
    let mut workflow = json!(workflow);
    for (at, keys) in BESIDE.into_iter().chain([("", own)]) {
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
