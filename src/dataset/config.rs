//! The spec's `dataset`.

use super::conventions::Conventions;
use super::format::ReadOptions;
use super::formats::{DatasetFormat, extensions};
use crate::language::{Check, Checker, glob_matches};
use crate::redact::url_password;
use encoding_rs::Encoding;
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

/// Longest glob, in characters.
const LONGEST_GLOB: usize = 1_000;

/// Questions to ask: a file with one entry per question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatasetSpec {
    /// File, or its HTTP(S) address; the extension tells the format.
    pub path: PathBuf,
    /// Format, if the extension does not tell it.
    #[serde(default)]
    pub format: Option<DatasetFormat>,
    /// Encoding of a text file, such as `windows-1252`; UTF-8, and UTF-16 with a byte order mark,
    /// need no name.
    #[serde(default)]
    pub encoding: Option<String>,
    /// Separator of the cells of a CSV file, one character; inferred from the header line by
    /// default.
    #[serde(default)]
    pub separator: Option<String>,
    /// Sheet of a spreadsheet; the first by default.
    #[serde(default)]
    pub sheet: Option<String>,
    /// Reading of cells and rows that programs take for different things.
    #[serde(default, skip_serializing_if = "Conventions::is_plain")]
    pub conventions: Conventions,
    /// Key or column that holds an entry's id; entries without one are numbered. A path if entries
    /// are nested: `/meta/id`.
    #[serde(default = "id")]
    pub id_key: String,
    /// Key or column that holds the question, or a path to it: `/messages/0/content`.
    #[serde(default = "question")]
    pub question_key: String,
    /// Ask with the whole entry, as JSON, instead of one key of it.
    #[serde(default)]
    pub whole_row: bool,
    /// Selection of entries.
    #[serde(default)]
    pub filter: Filter,
}

/// Selection of dataset entries: those that every key of `allow` lets through, except those that a
/// key of `deny` matches. An entry without the key is let through; a key that no entry has is an
/// error.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Keys, and the values or globs to let through.
    #[serde(default)]
    pub allow: Patterns,
    /// Keys, and the values or globs to leave out.
    #[serde(default)]
    pub deny: Patterns,
}

/// Keys with their values or globs.
pub type Patterns = IndexMap<String, Vec<FilterValue>>;

/// A value or a glob, as text: `7` and `"7"` are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FilterValue(String);

impl FilterValue {
    /// Returns true if a text is the value, or the glob matches it. Truth values are equal however
    /// they are written: programs disagree on their first letter.
    fn matches(&self, text: &str) -> bool {
        let is_truth =
            |it: &str| ["true", "false"].iter().any(|word| it.eq_ignore_ascii_case(word));
        glob_matches(&self.0, text) || (is_truth(&self.0) && self.0.eq_ignore_ascii_case(text))
    }
}

impl Filter {
    /// Returns true if nothing is filtered.
    pub fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// Returns the length in characters of the longest glob; matching recurses into each `*`.
    pub fn longest(&self) -> usize {
        let patterns = self.allow.values().chain(self.deny.values()).flatten();
        let globs = patterns.map(|it| &it.0).filter(|it| it.contains(['*', '?', '[']));
        globs.map(|glob| glob.chars().count()).max().unwrap_or(0)
    }

    /// Returns true if an entry passes; `get` returns one of its keys as text.
    pub fn lets_through(&self, get: impl Fn(&str) -> Option<String>) -> bool {
        let named = |key: &String, patterns: &Vec<FilterValue>| {
            let text = get(key)?;
            Some(patterns.iter().any(|pattern| pattern.matches(&text)))
        };
        self.allow.iter().all(|(key, patterns)| named(key, patterns).unwrap_or(true))
            && !self.deny.iter().any(|(key, patterns)| named(key, patterns).unwrap_or(false))
    }
}

impl Default for DatasetSpec {
    /// Creates the section of a spec without a dataset, as recorded workflows and chains may have.
    fn default() -> Self {
        Self {
            path: PathBuf::new(),
            format: None,
            encoding: None,
            separator: None,
            sheet: None,
            conventions: Conventions::default(),
            id_key: id(),
            question_key: question(),
            whole_row: false,
            filter: Filter::default(),
        }
    }
}

impl DatasetSpec {
    /// Returns true if the spec has a dataset.
    pub fn is_given(&self) -> bool {
        !self.path.as_os_str().is_empty()
    }

    /// Returns the format in the spec, or else the one of the extension.
    pub fn format(&self) -> Option<DatasetFormat> {
        let path = match self.url() {
            // What follows the path of an address says nothing of its format.
            Some(url) => Path::new(url.split_once(['?', '#']).map_or(url, |(path, _)| path)),
            None => &self.path,
        };
        self.format.or_else(|| DatasetFormat::of_path(path))
    }

    /// Returns the separator in the spec as a byte; `None` if there is none or it cannot separate
    /// cells.
    pub fn separator_byte(&self) -> Option<u8> {
        match self.separator.as_deref()?.as_bytes() {
            b"\\t" | b"tab" => Some(b'\t'),
            [byte] if byte.is_ascii() && !b"\"\r\n".contains(byte) => Some(*byte),
            _ => None,
        }
    }

    /// Returns the keys that formats read by.
    pub(super) fn read_options(&self) -> ReadOptions<'_> {
        ReadOptions {
            encoding: self.encoding.as_deref(),
            separator: self.separator_byte(),
            sheet: self.sheet.as_deref(),
            conventions: self.conventions,
            id_key: &self.id_key,
            question_key: &self.question_key,
        }
    }

    /// Checks what types cannot express.
    pub(crate) fn validate(&self, checker: &Checker<'_>) -> Check {
        let extensions = extensions();
        checker.ensure(
            self.format().is_some(),
            "dataset.path",
            "the extension does not say which format this is",
            &format!("name it {extensions}, or set `dataset.format`"),
        )?;
        checker.ensure(
            self.encoding.as_ref().is_none_or(|it| Encoding::for_label(it.as_bytes()).is_some()),
            "dataset.encoding",
            "this encoding is not known",
            "use a name that browsers know, such as windows-1252, utf-16le, shift_jis or gb18030",
        )?;
        checker.ensure(
            self.separator.is_none() || self.separator_byte().is_some(),
            "dataset.separator",
            "a separator is one ASCII character other than a quote or a line break",
            "write \";\" or \"\\t\"; commas, semicolons, tabs and bars are detected without it",
        )?;
        checker.ensure(
            self.filter.longest() <= LONGEST_GLOB,
            "dataset.filter",
            &format!("a glob has at most {LONGEST_GLOB} characters"),
            "use a prefix or a suffix that only the wanted entries have",
        )?;
        let Some(url) = self.url() else { return Ok(()) };
        checker.ensure(
            url_password(url).is_none(),
            "dataset.path",
            "the address contains a password, which would be stored with the spec",
            "download the file, and give its path",
        )
    }

    /// Returns the address, unless the dataset is a local file.
    pub fn url(&self) -> Option<&str> {
        let text = self.path.to_str()?;
        (text.starts_with("http://") || text.starts_with("https://")).then_some(text)
    }
}

fn id() -> String {
    "id".into()
}

fn question() -> String {
    "question".into()
}

impl<'de> Deserialize<'de> for FilterValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyScalar;
        impl de::Visitor<'_> for AnyScalar {
            type Value = FilterValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number or a glob")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<FilterValue, E> {
                Ok(FilterValue(text.to_owned()))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<FilterValue, E> {
                Ok(FilterValue(value.to_string()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<FilterValue, E> {
                Ok(FilterValue(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<FilterValue, E> {
                Ok(FilterValue(value.to_string()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<FilterValue, E> {
                Ok(FilterValue(value.to_string()))
            }
        }
        deserializer.deserialize_any(AnyScalar)
    }
}

impl JsonSchema for FilterValue {
    fn schema_name() -> Cow<'static, str> {
        "FilterValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "description": "A value or a glob",
            "type": ["string", "number", "boolean"],
        })
    }
}
