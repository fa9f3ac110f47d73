//! The spec's `outputs`.

use crate::language::{Scalar, ScalarOrMap, deserialize_scalar_or_map};
use crate::report::{built_in_reports, default_reports};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, de};
use std::borrow::Cow;
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

impl ScalarOrMap for ReportSpec {
    const FORMS: &'static str = "a report's name, or {name: …, template: …}";

    type Map = TemplatedReport;

    fn of_scalar<E: de::Error>(scalar: Scalar<'_>) -> Option<Result<Self, E>> {
        let name = scalar.text()?.to_owned();
        Some(Ok(Self { name, template: None }))
    }

    fn of_map<E: de::Error>(
        TemplatedReport { name, template }: TemplatedReport,
    ) -> Result<Self, E> {
        Ok(Self { name, template: Some(template) })
    }
}

deserialize_scalar_or_map!(ReportSpec);

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TemplatedReport {
    /// File name in the output folder.
    name: String,
    /// Path of a minijinja template.
    template: PathBuf,
}

impl JsonSchema for ReportSpec {
    fn schema_name() -> Cow<'static, str> {
        "Report".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let templated = generator.subschema_for::<TemplatedReport>();
        schemars::json_schema!({
            "description": "A built-in report by name, or any file from a template",
            "anyOf": [{ "enum": built_in_reports().collect::<Vec<_>>() }, templated],
        })
    }
}
