//! The spec's `outputs`.

use crate::report::{built_in_reports, default_reports};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

/// Reports to write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Outputs {
    /// Folder for the reports.
    pub dir: PathBuf,
    /// Reports to write.
    pub reports: Vec<ReportSpec>,
}

impl Default for Outputs {
    fn default() -> Self {
        let report = |name: &str| ReportSpec { name: name.to_owned(), template: None };
        Self { dir: "out".into(), reports: default_reports().map(report).collect() }
    }
}

/// A report: a built-in one by name, or any file from a template of the user's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReportSpec {
    /// File name in the output folder.
    pub name: String,
    /// Path of a minijinja template that replaces the built-in one.
    pub template: Option<PathBuf>,
}

impl<'de> Deserialize<'de> for ReportSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReportVisitor)
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Templated {
    /// File name in the output folder.
    name: String,
    /// Path of a minijinja template.
    template: PathBuf,
}

struct ReportVisitor;

impl<'de> de::Visitor<'de> for ReportVisitor {
    type Value = ReportSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a report's name, or {name: …, template: …}")
    }

    fn visit_str<E>(self, name: &str) -> Result<ReportSpec, E> {
        Ok(ReportSpec { name: name.to_owned(), template: None })
    }

    fn visit_map<A: de::MapAccess<'de>>(self, access: A) -> Result<ReportSpec, A::Error> {
        let report = Templated::deserialize(de::value::MapAccessDeserializer::new(access))?;
        Ok(ReportSpec { name: report.name, template: Some(report.template) })
    }
}

impl JsonSchema for ReportSpec {
    fn schema_name() -> Cow<'static, str> {
        "Report".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let templated = generator.subschema_for::<Templated>();
        schemars::json_schema!({
            "description": "A built-in report by name, or any file from a template",
            "anyOf": [{ "enum": built_in_reports().collect::<Vec<_>>() }, templated],
        })
    }
}
