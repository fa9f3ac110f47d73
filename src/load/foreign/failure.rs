//! Errors of other programs, by what their text says.

use super::value::Fields;
use crate::measure::{Failure, FailureKind};
use serde_json::Value;

/// Keys that say of a run that it failed, besides its `http_status`.
pub(super) const FAILURE_KEYS: [&str; 5] =
    ["error", "failure_kind", "failure_message", "success", "status"];

/// Words for a status that is no success.
const FAILED: [&str; 7] =
    ["error", "failed", "failure", "timeout", "cancelled", "canceled", "aborted"];
/// HTTP statuses that are no success.
const ERROR_STATUSES: std::ops::Range<u16> = 400..600;

/// Returns the failure that a row tells of, with the HTTP status that it names; `None` if nothing does.
pub(super) fn failure_of_row(
    fields: &Fields<'_>,
    http_status: Option<u16>,
) -> Option<(Failure, Option<u16>)> {
    let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::trim);
    // As the columns of sizer's own Parquet files are, once another program has read them.
    let own = || {
        let kind = text("failure_kind").filter(|it| !is_nothing(it))?;
        let named = serde_json::from_value(Value::String(kind.to_owned()));
        let message = text("failure_message").filter(|it| !is_nothing(it)).unwrap_or(kind);
        let failure = Failure::new(named.unwrap_or(FailureKind::Reported), message);
        Some((failure.shortened(), None))
    };
    let by_status = || {
        let status = http_status.filter(|it| ERROR_STATUSES.contains(it))?;
        failure(&Value::String(format!("HTTP {status}")))
    };
    let in_words = || {
        let unsuccessful = match fields.get("success")? {
            Value::Bool(success) => !success,
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::String(text) => {
                ["false", "0", "no"].contains(&text.trim().to_ascii_lowercase().as_str())
            }
            _ => false,
        };
        unsuccessful.then(|| (Failure::new(FailureKind::Reported, "no success"), None))
    };
    let by_word = || {
        let status = text("status")?;
        let failed = FAILED.contains(&status.to_ascii_lowercase().as_str());
        failed.then(|| failure(&Value::String(status.to_owned())))?
    };
    let told = fields.map.get("error").and_then(failure);
    told.or_else(own).or_else(by_status).or_else(in_words).or_else(by_word)
}

/// Returns true for a text by which pandas and others write that there is nothing.
fn is_nothing(text: &str) -> bool {
    ["", "none", "null", "nan", "false"].contains(&text.to_ascii_lowercase().as_str())
}

/// Parses an `error`; `None` if it says that there was none.
fn failure(error: &Value) -> Option<(Failure, Option<u16>)> {
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
    if is_nothing(&text) {
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
