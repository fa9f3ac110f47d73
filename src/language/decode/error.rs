//! Type errors on their way up through the tree, in the words of the person who wrote the spec.

use super::super::error::{Place, SpecError};
use super::super::interpolate::ReferenceError;
use super::super::tree::Node;
use serde::de;
use std::fmt;

/// An error on its way up, gathering position and path.
#[derive(Debug)]
pub(super) struct DecodeError {
    pub message: String,
    pub help: Option<String>,
    pub place: Option<Place>,
    pub path: Vec<String>,
    /// Key of the map being read that the error is about.
    pub about_key: Option<String>,
}

impl DecodeError {
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, place: None, path: Vec::new(), about_key: None }
    }

    pub fn or_at(mut self, place: &Place) -> Self {
        self.place.get_or_insert_with(|| place.clone());
        self
    }

    pub fn into_spec_error(self, root: &Node) -> SpecError {
        let path: Vec<&str> = self.path.iter().rev().map(String::as_str).collect();
        let message = if path.is_empty() {
            self.message
        } else {
            format!("{}: {}", path.join("."), self.message)
        };
        let error = SpecError::at(self.place.as_ref().unwrap_or(&root.place), message);
        match self.help {
            Some(help) => error.help(help),
            None => error,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        // What was found is said by the reader, which knows the kind and does not quote values.
        let expected = expected.to_string();
        let large = too_large(found, &expected);
        Self::new(large.unwrap_or_else(|| format!("expected {}", in_words(&expected))))
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        let mut error = Self::new(format!("unknown key `{field}`"));
        error.help = Some(suggestion(field, known));
        error.about_key = Some(field.to_owned());
        error
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        let mut error = Self::new(format!("`{variant}` is not known here"));
        error.help = Some(suggestion(variant, known));
        error
    }

    fn missing_field(field: &'static str) -> Self {
        let mut error = Self::new(format!("the key `{field}` is missing"));
        error.help = Some(format!("add `{field}: …` here"));
        error
    }
}

impl From<ReferenceError> for DecodeError {
    fn from(error: ReferenceError) -> Self {
        let mut decode = Self::new(error.to_string());
        decode.help = Some(error.help());
        decode
    }
}

/// Translates serde's names of Rust types into the words of a person who writes YAML.
fn in_words(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "path string" => "a text",
        "a sequence" => "a list",
        _ if expected.starts_with("struct ") => "a map",
        _ => expected,
    }
}

/// Describes a whole number that exceeds its type; `None` for any other mismatch.
fn too_large(found: de::Unexpected<'_>, expected: &str) -> Option<String> {
    let most = match expected {
        "u8" => u64::from(u8::MAX),
        "u16" => u64::from(u16::MAX),
        "u32" => u64::from(u32::MAX),
        "u64" | "usize" => u64::MAX,
        "i64" => i64::MAX.unsigned_abs(),
        _ => return None,
    };
    let is_larger = match found {
        de::Unexpected::Unsigned(value) => value > most,
        de::Unexpected::Signed(value) => u64::try_from(value).is_ok_and(|value| value > most),
        de::Unexpected::Float(value) => value.fract() == 0.0 && value > most as f64,
        _ => false,
    };
    is_larger.then(|| format!("this number is too large: at most {most} makes sense here"))
}

/// Suggests the nearest known name ("did you mean …?"), or lists all of them.
pub(crate) fn suggestion(found: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|name| (strsim::osa_distance(found, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len().max(found.len()) / 4)
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None if known.is_empty() => "no key is known here".into(),
        None => format!("known here: {}", known.join(", ")),
    }
}
