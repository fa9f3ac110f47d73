//! The registry of file formats.

use super::format::Format;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::json;
use std::borrow::Cow;
use std::fmt;
use std::path::Path;

/// Formats in the order in which messages and the schema list them.
const FORMATS: &[&Format] = &[
    &super::json::FORMAT,
    &super::jsonl::FORMAT,
    &super::csv::FORMAT,
    &super::parquet::FORMAT,
    &super::xlsx::FORMAT,
];

/// Names of the formats.
const NAMES: [&str; FORMATS.len()] = {
    let mut names = [""; FORMATS.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = FORMATS[at].name;
        at += 1;
    }
    names
};

/// File format of a dataset.
#[derive(Clone, Copy)]
pub struct DatasetFormat(&'static Format);

impl DatasetFormat {
    /// Returns the format of the extension of a path.
    pub(super) fn of_path(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        let has_it = |format: &&Format| format.extensions.contains(&extension.as_str());
        FORMATS.iter().copied().find(has_it).map(Self)
    }

    /// Returns the name in a spec.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    pub(super) fn format(self) -> &'static Format {
        self.0
    }
}

/// Returns the remedy for a file of a binary format that should hold text.
pub(super) fn recognised(head: &[u8]) -> Option<&'static str> {
    let begins = |(start, what): (&[u8], &'static str)| head.starts_with(start).then_some(what);
    FORMATS.iter().filter_map(|format| format.recognised).find_map(begins)
}

/// Returns the extensions to recommend, as people list them: `.json, .csv or .xlsx`.
pub(crate) fn extensions() -> String {
    let named = FORMATS.iter().filter_map(|format| format.extensions.first());
    let named: Vec<String> = named.map(|extension| format!(".{extension}")).collect();
    match named.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

impl fmt::Debug for DatasetFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for DatasetFormat {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for DatasetFormat {}

impl Serialize for DatasetFormat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for DatasetFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As an enum, so that an error is worded as for any other choice.
        deserializer.deserialize_enum("DatasetFormat", &NAMES, FormatVisitor)
    }
}

struct FormatVisitor;

impl<'de> de::Visitor<'de> for FormatVisitor {
    type Value = DatasetFormat;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("enum DatasetFormat")
    }

    fn visit_enum<A: de::EnumAccess<'de>>(self, access: A) -> Result<DatasetFormat, A::Error> {
        let (FormatTag(format), content) = access.variant()?;
        de::VariantAccess::unit_variant(content)?;
        Ok(format)
    }
}

/// Format by its name.
struct FormatTag(DatasetFormat);

impl<'de> Deserialize<'de> for FormatTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(NameVisitor)
    }
}

struct NameVisitor;

impl de::Visitor<'_> for NameVisitor {
    type Value = FormatTag;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("variant identifier")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<FormatTag, E> {
        let known = FORMATS.iter().copied().find(|format| format.name == name);
        let unknown = || E::unknown_variant(name, &NAMES);
        known.map(|format| FormatTag(DatasetFormat(format))).ok_or_else(unknown)
    }
}

impl JsonSchema for DatasetFormat {
    fn schema_name() -> Cow<'static, str> {
        "DatasetFormat".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let of = |format: &Format| json!({ "type": "string", "const": format.name, "description": format.description });
        let all: Vec<_> = FORMATS.iter().copied().map(of).collect();
        json_schema!({ "description": "File formats of datasets.", "oneOf": all })
    }
}
