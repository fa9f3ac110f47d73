//! Lookup of a key of the spec in a row, nested values included.

use super::RawRow;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Returns the value of a key. A key that the row does not have by name can be a path: a JSON
/// pointer (`/messages/0/content`), or keys and positions separated by dots (`messages.0.content`).
pub(super) fn lookup<'a>(row: &'a RawRow, key: &str) -> Option<&'a Value> {
    find(|name| row.get(name), key)
}

/// Like [`lookup`], in a row that is still a JSON object.
pub(super) fn lookup_in<'a>(row: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    find(|name| row.get(name), key)
}

fn find<'a>(get: impl Fn(&str) -> Option<&'a Value>, key: &str) -> Option<&'a Value> {
    if let Some(value) = get(key) {
        return Some(value);
    }
    match key.strip_prefix('/') {
        Some(path) => {
            let steps = path.split('/');
            follow(get, steps.map(|step| Cow::Owned(step.replace("~1", "/").replace("~0", "~"))))
        }
        None if key.contains('.') => follow(get, key.split('.').map(Cow::Borrowed)),
        None => None,
    }
}

fn follow<'a, 'k>(
    get: impl Fn(&str) -> Option<&'a Value>,
    mut steps: impl Iterator<Item = Cow<'k, str>>,
) -> Option<&'a Value> {
    let first = get(steps.next()?.as_ref())?;
    steps.try_fold(first, |value, step| match value {
        Value::Object(map) => map.get(step.as_ref()),
        Value::Array(list) => list.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lead_into_rows() {
        let row =
            r#"{"a.b": 1, "a": {"b": 2, "c/d": [3, {"e": 4}]}, "m": [{"content": "hi"}], "/x": 5}"#;
        let row: RawRow = serde_json::from_str(row).unwrap();
        for (key, expected) in [
            ("a.b", Some("1")),
            ("/a/b", Some("2")),
            ("/a/c~1d/1/e", Some("4")),
            ("a.c/d.0", Some("3")),
            ("/m/0/content", Some("\"hi\"")),
            ("/x", Some("5")),
            ("m.1.content", None),
            ("/m/-1", None),
            ("b", None),
            ("/", None),
        ] {
            assert_eq!(lookup(&row, key).map(ToString::to_string).as_deref(), expected, "{key}");
        }
    }
}
