//! The slices of a spec that its stages read, put together: the form in which two states of a spec are compared.

use super::context::Context;
use super::graph::Graph;
use super::stages::stage;
use super::{PipelineError, StageId};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::mem::discriminant;

/// The slices of a spec that its stages read. That of the dataset is given, as it was when it was read:
/// its file may have changed since.
pub(super) fn slices(
    context: &Context<'_>,
    graph: &Graph,
    dataset: Option<Value>,
) -> Result<Map<String, Value>, PipelineError> {
    let mut reads = Map::new();
    let mut kinds = HashSet::new();
    let from_spec = graph.stages().map(|(id, _)| id).filter(|id| {
        matches!(id, StageId::Sweep(_) | StageId::Level(_) | StageId::Fit | StageId::Estimate)
            // All sweeps read the same of the spec, and so do all levels, of which there may be thousands.
            && kinds.insert(discriminant(*id))
    });
    let slices = dataset.map(Ok).into_iter();
    for slice in slices.chain(from_spec.map(|id| stage(id, context).map(|it| it.reads()))) {
        merge(&mut reads, slice?);
    }
    Ok(reads)
}

/// Adds a slice of a spec to others; two stages may read different keys of one section.
pub(super) fn merge(reads: &mut Map<String, Value>, slice: Value) {
    let Value::Object(slice) = slice else { return };
    for (section, keys) in slice {
        match (reads.get_mut(&section), keys) {
            (Some(Value::Object(known)), Value::Object(keys)) => known.extend(keys),
            (_, keys) => drop(reads.insert(section, keys)),
        }
    }
}

/// Leaves of two sets of slices the keys that both have.
pub(super) fn common(before: &mut Value, now: &mut Value) {
    let (Value::Object(before), Value::Object(now)) = (before, now) else { return };
    before.retain(|section, _| now.contains_key(section));
    now.retain(|section, _| before.contains_key(section));
    for (section, before) in before {
        let now = now.get_mut(section).and_then(Value::as_object_mut);
        if let (Value::Object(before), Some(now)) = (before, now) {
            before.retain(|key, _| now.contains_key(key));
            now.retain(|key, _| before.contains_key(key));
        }
    }
}
