//! The spec's `dataset.conventions`: what a program takes for an empty cell.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
}
