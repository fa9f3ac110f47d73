//! Approximate memory of JSON values.

use serde_json::Value;

/// Returns the approximate size in bytes of a value, everything in it included.
pub(crate) fn weight_of(value: &Value) -> usize {
    const OF_A_VALUE: usize = size_of::<Value>();
    let inside: usize = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight_of).sum(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| OF_A_VALUE + key.len() + weight_of(value)).sum()
        }
        _ => 0,
    };
    OF_A_VALUE + inside
}
