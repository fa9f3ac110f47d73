//! `type: recorded`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Measurements of any load generator, brought as a file: nothing is asked, and no dataset is
/// needed. The levels come from the data where the spec names none.
///
/// JSON lines, CSV, or Parquet as sizer writes it. Each row is a run: `concurrency`, `id`, `start`
/// and `end` (seconds since the level began), and where they are known `llm_calls` (a list of
/// `{start, end}`) or `llm_latencies` (a list of seconds), `phase` and `error`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordedSpec {
    /// The file: `.jsonl`, `.csv` or `.parquet`.
    pub path: PathBuf,
}
