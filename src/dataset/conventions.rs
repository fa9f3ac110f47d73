//! The spec's `dataset.conventions`: what a program takes for an empty cell.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Texts that pandas takes for empty cells.
const MISSING: [&str; 19] = [
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>",
    "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null", "",
];

/// Readings of a table (CSV or a spreadsheet).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Conventions {
    /// Every text is a text, and every row has all cells.
    #[default]
    Plain,
    /// As pandas reads tables: texts such as `NA`, `null` or `NaN` are empty cells, and so are those that a
    /// short row lacks.
    Pandas,
}

impl Conventions {
    /// Returns true for the default.
    pub fn is_plain(&self) -> bool {
        *self == Self::Plain
    }

    /// Reads a cell: null if it counts as empty.
    pub(super) fn read(self, cell: Value) -> Value {
        match cell.as_str() {
            Some(text) if self == Self::Pandas && MISSING.contains(&text) => Value::Null,
            _ => cell,
        }
    }
}
