//! Errors of other programs, by what their text says.

use crate::measure::{Failure, FailureKind};
use serde_json::Value;

/// Parses an `error`; `None` if it says that there was none.
pub(super) fn failure(error: &Value) -> Option<(Failure, Option<u16>)> {
    let text = match error {
        Value::Null | Value::Bool(false) => return None,
        Value::Bool(true) => "failed".to_owned(),
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) if number.as_f64() == Some(0.0) => return None,
        Value::Number(number) => number.to_string(),
        Value::Array(items) if items.is_empty() => return None,
        Value::Object(parts) if parts.is_empty() => return None,
        Value::Object(parts) => ["message", "error", "detail", "msg"]
            .iter()
            .find_map(|key| parts.get(*key)?.as_str().map(str::to_owned))
            .unwrap_or_else(|| error.to_string()),
        Value::Array(_) => error.to_string(),
    };
    // As pandas and others write that there is nothing.
    if ["", "none", "null", "nan", "false"].contains(&text.to_ascii_lowercase().as_str()) {
        return None;
    }
    let whole = if error.is_object() { error.to_string() } else { text.clone() };
    let (kind, status) = kind(&whole.to_ascii_lowercase());
    Some((Failure::new(kind, text).shortened(), status))
}

/// The kind that a text in lower case means, and the HTTP status that it names.
fn kind(text: &str) -> (FailureKind, Option<u16>) {
    let words: Vec<&str> =
        text.split(|it: char| !it.is_ascii_alphanumeric()).filter(|it| !it.is_empty()).collect();
    let says = |what: &[&str]| what.iter().any(|it| text.contains(it));
    let code = |code: &str| words.contains(&code);
    if code("429") || says(&["rate limit", "ratelimit", "rate_limit", "too many requests"]) {
        return (FailureKind::RateLimited, Some(429));
    }
    if code("503") || says(&["unavailable", "overloaded"]) {
        return (FailureKind::HttpStatus, Some(503));
    }
    if says(&["timeout", "timed out", "time out"]) {
        return (FailureKind::Timeout, None);
    }
    if says(&["refused"]) {
        return (FailureKind::Connect, None);
    }
    // `HTTP 500`, `status code: 502`.
    let named = words.windows(2).find_map(|pair| match pair {
        [word, code] if ["http", "status", "code"].contains(word) => {
            code.parse().ok().filter(|code| (400..600).contains(code))
        }
        _ => None,
    });
    named.map_or((FailureKind::Reported, None), |status| (FailureKind::HttpStatus, Some(status)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn errors_are_told_by_their_text() {
        let of = |error: Value| failure(&error).map(|(it, status)| (it.kind, status));
        assert_eq!(of(json!("")), None);
        assert_eq!(of(json!(null)), None);
        assert_eq!(of(json!(false)), None);
        assert_eq!(of(json!("HTTP 503")), Some((FailureKind::HttpStatus, Some(503))));
        assert_eq!(of(json!("status code: 500")), Some((FailureKind::HttpStatus, Some(500))));
        assert_eq!(
            of(json!({"code": 429, "message": "slow down"})),
            Some((FailureKind::RateLimited, Some(429)))
        );
        assert_eq!(of(json!("Connection refused")), Some((FailureKind::Connect, None)));
        assert_eq!(of(json!("ReadTimeout: took 14290 ms")), Some((FailureKind::Timeout, None)));
        assert_eq!(of(json!("it broke at 4290")), Some((FailureKind::Reported, None)));
    }
}
