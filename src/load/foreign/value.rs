//! Values as people and programs write them: numbers as text, whole numbers as 8.0, lists in a cell.

use super::ForeignError;
use super::error::Place;
use crate::bounded::has_too_many_values;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// One row or one call of it, and where it stands.
pub(super) struct Fields<'a> {
    pub place: &'a Place<'a>,
    pub map: &'a Map<String, Value>,
    /// Prefix of the keys: `llm_calls[2].`.
    pub within: String,
}

impl Fields<'_> {
    pub fn wrong(&self, key: &str, message: impl Into<String>) -> ForeignError {
        self.place.wrong_at(&format!("{}{key}", self.within), message)
    }

    /// The value, unless it is null or an empty cell.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.map.get(key).filter(|value| match value {
            Value::Null => false,
            Value::String(text) => !text.trim().is_empty(),
            _ => true,
        })
    }

    /// A finite number.
    pub fn number(&self, key: &str) -> Result<Option<f64>, ForeignError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        self.as_number(key, value).map(Some)
    }

    /// A finite number that has to be there.
    pub fn needed(&self, key: &str) -> Result<f64, ForeignError> {
        self.number(key)?.ok_or_else(|| self.wrong(key, "it is missing, or not a number"))
    }

    /// A finite number that is no less than 0.
    pub fn seconds(&self, key: &str) -> Result<Option<f64>, ForeignError> {
        let number = self.number(key)?;
        if number.is_some_and(|number| number < 0.0) {
            return Err(self.wrong(key, "a duration cannot be negative"));
        }
        Ok(number)
    }

    /// A whole number; 8.0 is one.
    pub fn whole(&self, key: &str) -> Result<Option<u64>, ForeignError> {
        const EXACT: f64 = 9e15;
        let Some(number) = self.number(key)? else { return Ok(None) };
        if number.fract() != 0.0 || !(0.0..EXACT).contains(&number) {
            return Err(
                self.wrong(key, format!("{number} is not a count: expected a whole number"))
            );
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole, and between 0 and 9e15"
        )]
        Ok(Some(number as u64))
    }

    /// Numbers in a list, or in a cell as `0.4;1.2`; none is negative.
    pub fn times(&self, key: &str) -> Result<Option<Vec<f64>>, ForeignError> {
        let wrong = |what: &str| {
            let message =
                format!("{what} is not a time in a list of times such as [0.4, 1.2], or 0.4;1.2");
            self.wrong(key, message)
        };
        let Some(value) = self.get(key) else { return Ok(None) };
        let finite = |number: Option<f64>, shown: &dyn Fn() -> String| match number {
            Some(number) if number >= 0.0 => Ok(number),
            _ => Err(wrong(&shown())),
        };
        let number = |item: &Value| finite(plain(item), &|| brief(item));
        let times: Result<Vec<f64>, _> = match unpacked(value).as_ref() {
            Value::Array(items) => items.iter().map(number).collect(),
            // Not as values: a long cell has millions of them.
            Value::String(text) => text
                .split(';')
                .map(str::trim)
                .filter(|it| !it.is_empty())
                .map(|it| finite(parsed(it), &|| brief(&Value::from(it))))
                .collect(),
            other => number(other).map(|it| vec![it]),
        };
        times.map(Some)
    }

    fn as_number(&self, key: &str, value: &Value) -> Result<f64, ForeignError> {
        plain(value).ok_or_else(|| self.wrong(key, format!("{} is not a number", brief(value))))
    }
}

/// JSON in a cell as what it says.
pub(super) fn unpacked(value: &Value) -> Cow<'_, Value> {
    match value {
        Value::String(text)
            if text.trim_start().starts_with(['[', '{'])
                && !has_too_many_values(text.as_bytes()) =>
        {
            serde_json::from_str(text).map_or(Cow::Borrowed(value), Cow::Owned)
        }
        other => Cow::Borrowed(other),
    }
}

/// A time as an error shows it: no noise of the clock, nor hundreds of digits.
pub(super) fn shown(time: f64) -> String {
    const LONGEST: f64 = 1e20;
    if time.abs() > LONGEST {
        format!("{time:e}")
    } else {
        format!("{}", (time * 1e6).round() / 1e6)
    }
}

/// A finite number.
fn plain(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64().filter(|number| number.is_finite()),
        Value::String(text) => parsed(text),
        _ => None,
    }
}

fn parsed(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// A value as an error shows it.
pub(super) fn brief(value: &Value) -> String {
    const LONGEST: usize = 40;
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}
