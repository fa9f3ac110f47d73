//! Differences between what a stage read before and what it reads now.

use serde_json::{Map, Value};

/// The dotted paths at which two values differ, with both values.
pub(crate) fn differences(path: &str, before: &Value, now: &Value, found: &mut Vec<String>) {
    if before == now {
        return;
    }
    if let (Value::Object(before), Value::Object(now)) = (before, now) {
        let mut keys: Vec<&String> = before.keys().chain(now.keys()).collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            let get = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or(Value::Null);
            differences(&path, &get(before), &get(now), found);
        }
        return;
    }
    found.push(if path.ends_with("content") {
        format!("{path} changed")
    } else {
        format!("{path}: {} → {}", brief(before), brief(now))
    });
}

/// A value, cut where it is too long for a line.
fn brief(value: &Value) -> String {
    const LONGEST: usize = 40;
    let text = match value {
        Value::Null => "not set".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.chars().count() > LONGEST {
        format!("{}…", text.chars().take(LONGEST).collect::<String>())
    } else {
        text
    }
}
