//! Recognition of errors sent as a whole JSON object, under the various names that servers give them.

use crate::workflow::loose::LooseValue;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Lowest HTTP status code that is an error.
const LOWEST: f64 = 400.0;

/// Fields that identify an object as an error, or describe it.
#[derive(Deserialize)]
pub(in crate::workflow) struct ErrorFields<'a> {
    #[serde(default, borrow)]
    object: LooseValue<'a>,
    #[serde(default, borrow, rename = "type")]
    kind: LooseValue<'a>,
    #[serde(default, borrow)]
    error_code: LooseValue<'a>,
    #[serde(default, borrow)]
    pub error: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub code: LooseValue<'a>,
    #[serde(default, borrow)]
    pub status: LooseValue<'a>,
    #[serde(default, borrow)]
    pub status_code: LooseValue<'a>,
    #[serde(default, borrow)]
    pub message: LooseValue<'a>,
    #[serde(default, borrow)]
    pub msg: LooseValue<'a>,
    #[serde(default, borrow)]
    pub detail: LooseValue<'a>,
    #[serde(default, borrow)]
    pub details: LooseValue<'a>,
}

impl<'a> ErrorFields<'a> {
    /// Reads the fields of a JSON object.
    pub fn read(object: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(object).ok()
    }

    /// Returns true if the object calls itself an error.
    pub fn is_named_error(&self) -> bool {
        is_error_word(&self.object) || is_error_word(&self.kind) || self.error_code.is_something
    }

    /// Returns true if one of its numbers is an error code.
    pub fn has_number_of_an_error(&self) -> bool {
        let numbers = [&self.code, &self.status, &self.status_code];
        numbers.iter().any(|it| it.number.is_some_and(|code| code >= LOWEST))
    }
}

/// Returns true if this `object` or `type` names an error.
pub(super) fn is_error_word(kind: &LooseValue<'_>) -> bool {
    kind.text.as_deref() == Some("error")
}
