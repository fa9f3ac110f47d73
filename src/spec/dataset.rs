//! The spec's `dataset`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What is asked: a file with one entry per question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatasetSpec {
    /// The file; its format goes by the extension.
    pub path: PathBuf,
    /// The format, where the extension does not say it.
    #[serde(default)]
    pub format: Option<DatasetFormat>,
    /// The key that holds an entry's id; entries without one are numbered.
    #[serde(default = "id")]
    pub id_key: String,
    /// The key that holds the question.
    #[serde(default = "question")]
    pub question_key: String,
}

/// The formats of datasets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DatasetFormat {
    /// A JSON array of objects; comments and trailing commas are tolerated.
    Json,
    /// One JSON object per line.
    Jsonl,
}

impl DatasetSpec {
    /// The format that is named, or that the extension says.
    pub fn format(&self) -> Option<DatasetFormat> {
        self.format.or_else(|| DatasetFormat::of_path(&self.path))
    }
}

impl DatasetFormat {
    fn of_path(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "json" | "json5" | "jsonc" => Some(Self::Json),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            _ => None,
        }
    }
}

fn id() -> String {
    "id".into()
}

fn question() -> String {
    "question".into()
}
