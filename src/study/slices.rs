//! The slices of a spec that its stages read, put together: the form in which two states of a spec are compared.

use super::context::Context;
use super::stages::stage;
use super::{PipelineError, StageId};
use serde_json::{Map, Value};

/// The slices of a spec that its stages read. That of the dataset is given, as it was when it was read:
/// its file may have changed since.
pub(super) fn slices(
    context: &Context,
    dataset: Option<Value>,
) -> Result<Map<String, Value>, PipelineError> {
    let mut reads = Map::new();
    // All sweeps read the same of the spec, and so do all levels.
    let any = context.spec.concurrency.point(1);
    let from_spec = [StageId::Sweep(any), StageId::Level(any), StageId::Fit, StageId::Estimate];
    let from_spec = from_spec.iter().map(|id| stage(id, context).map(|it| it.reads()));
    for slice in dataset.map(Ok).into_iter().chain(from_spec) {
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
