//! Conversion of settings to the type that the reference gives them, quoted or not.

use super::variables::Env;
use crate::redact::secrets_among;
use serde_json::{Number, Value};

/// Type of an LLM setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Whole,
    Real,
    Switch,
}

/// Settings that are not text, with their types.
const KINDS: [(&str, Kind); 15] = [
    ("temperature", Kind::Real),
    ("top_p", Kind::Real),
    ("min_p", Kind::Real),
    ("presence_penalty", Kind::Real),
    ("frequency_penalty", Kind::Real),
    ("repetition_penalty", Kind::Real),
    ("request_timeout", Kind::Real),
    ("timeout", Kind::Real),
    ("max_tokens", Kind::Whole),
    ("max_completion_tokens", Kind::Whole),
    ("seed", Kind::Whole),
    ("n", Kind::Whole),
    ("top_k", Kind::Whole),
    ("top_logprobs", Kind::Whole),
    ("parallel_tool_calls", Kind::Switch),
];
/// Settings that a spec types itself: a reference in them stays a reference.
const TYPED_BY_THE_SPEC: [&str; 2] = ["temperature", "max_tokens"];

/// Converts a setting as the reference reads it; fails with a description of the error. A reference
/// is looked up where a spec would otherwise send it on as text.
pub(super) fn typed(key: &str, value: &Value, env: &Env<'_>) -> Result<Value, String> {
    let Some((_, kind)) = KINDS.iter().find(|(name, _)| *name == key) else {
        return Ok(value.clone());
    };
    let Value::String(text) = value else { return kind.of(value).ok_or_else(|| kind.wrong(value)) };
    let referred = reference(text);
    if referred.is_some() && TYPED_BY_THE_SPEC.contains(&key) {
        return Ok(value.clone());
    }
    let looked_up = referred.map(|name| env(name).ok_or_else(|| format!("{name} is not set")));
    match looked_up.transpose()? {
        Some(found) => {
            let wrong = || format!("the value of the variable is {}", kind.in_words());
            kind.of(&found.into()).ok_or_else(wrong)
        }
        None => kind.of(value).ok_or_else(|| kind.wrong(value)),
    }
}

/// Parses a boolean as the reference does; `None` if the value is neither true nor false.
pub(super) fn switch(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Number(number) => match number.as_f64()? {
            0.0 => Some(false),
            1.0 => Some(true),
            _ => None,
        },
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "y" | "t" | "1" => Some(true),
            "false" | "no" | "off" | "n" | "f" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the name of the variable if a text consists of a single reference.
fn reference(text: &str) -> Option<&str> {
    let name = text.trim().strip_prefix("${env:")?.strip_suffix('}')?;
    (!name.contains(['$', '}'])).then_some(name)
}

impl Kind {
    fn of(self, value: &Value) -> Option<Value> {
        let number = match value {
            Value::Number(number) => number.clone(),
            Value::String(text) if self != Self::Switch => number(text)?,
            _ => return (self == Self::Switch).then(|| switch(value).map(Value::Bool)).flatten(),
        };
        match self {
            Self::Switch => switch(value).map(Value::Bool),
            Self::Real => Some(number.into()),
            Self::Whole => whole(&number).map(Value::Number),
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Whole => "not a whole number",
            Self::Real => "not a number",
            Self::Switch => "neither true nor false",
        }
    }

    fn wrong(self, value: &Value) -> String {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let shown: String = if secrets_among(&[text]).is_empty() {
            value.to_string().chars().take(60).collect()
        } else {
            "***".to_owned()
        };
        format!("{shown} is {}", self.in_words())
    }
}

/// Parses a number, with underscores between digits as in Python.
fn number(text: &str) -> Option<Number> {
    let text = text.trim().trim_start_matches('+').replace('_', "");
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    text.parse::<f64>().ok().and_then(Number::from_f64)
}

fn whole(number: &Number) -> Option<Number> {
    const MOST: f64 = 9e15;
    if number.is_i64() || number.is_u64() {
        return Some(number.clone());
    }
    let value = number.as_f64().filter(|value| value.fract() == 0.0 && value.abs() <= MOST)?;
    #[expect(clippy::cast_possible_truncation, reason = "checked")]
    Some((value as i64).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_have_the_types_of_the_reference() {
        let env = |name: &str| match name {
            "SEVEN" => Some("7".to_owned()),
            "WORD" => Some("canary".to_owned()),
            _ => None,
        };
        for (key, value, expected) in [
            ("temperature", json!("0.5"), Ok(json!(0.5))),
            ("temperature", json!(" .5"), Ok(json!(0.5))),
            ("temperature", json!(1), Ok(json!(1))),
            ("temperature", json!("1e-1"), Ok(json!(0.1))),
            ("temperature", json!("${env:ANY}"), Ok(json!("${env:ANY}"))),
            ("max_tokens", json!("1_000"), Ok(json!(1000))),
            ("max_tokens", json!(64.0), Ok(json!(64))),
            ("max_tokens", json!("64.0"), Ok(json!(64))),
            ("max_tokens", json!(64.5), Err("64.5 is not a whole number")),
            ("max_tokens", json!(""), Err("\"\" is not a whole number")),
            ("max_tokens", json!("many"), Err("\"many\" is not a whole number")),
            ("max_tokens", json!("sk-canary"), Err("*** is not a whole number")),
            ("max_tokens", json!(true), Err("true is not a whole number")),
            ("seed", json!("${env:SEVEN}"), Ok(json!(7))),
            ("seed", json!("${env:WORD}"), Err("the value of the variable is not a whole number")),
            ("seed", json!("${env:NOWHERE}"), Err("NOWHERE is not set")),
            ("top_p", json!("NaN"), Err("\"NaN\" is not a number")),
            ("parallel_tool_calls", json!("no"), Ok(json!(false))),
            ("parallel_tool_calls", json!(2), Err("2 is neither true nor false")),
            ("user", json!("7"), Ok(json!("7"))),
        ] {
            let found = typed(key, &value, &env);
            assert_eq!(
                found.as_ref().map_err(String::as_str),
                expected.as_ref().map_err(|it| *it),
                "{key} {value}"
            );
        }
    }
}
