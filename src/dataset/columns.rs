//! Column names of a table, and its rows by name.

use super::RawRow;
use super::conventions::Conventions;
use serde_json::Value;
use std::collections::HashSet;

/// The columns of a table.
pub(super) struct Columns {
    columns: Vec<Column>,
    conventions: Conventions,
}

struct Column {
    name: String,
    /// True if it has no name of its own.
    nameless: bool,
}

impl Columns {
    /// Creates columns by their names, which have to be unique: of two with one name, one would be
    /// lost silently.
    pub fn named(names: Vec<String>, conventions: Conventions) -> Result<Self, String> {
        if let Some(name) = double(&names) {
            return Err(format!("two columns are called `{name}`; rename or remove one"));
        }
        let mut columns: Vec<Column> = Vec::with_capacity(names.len());
        for (number, name) in (1..).zip(names) {
            let nameless = name.trim().is_empty();
            let name = if nameless { format!("column {number}") } else { name };
            columns.push(Column { name, nameless });
        }
        Ok(Self { columns, conventions })
    }

    /// Builds a row. Empty cells of columns without a name, as spreadsheets leave them behind, are
    /// skipped.
    pub fn row(&self, cells: impl Iterator<Item = Value>) -> RawRow {
        // Only some conventions let a row be short.
        let cells =
            cells.map(|cell| self.conventions.read(cell)).chain(std::iter::repeat(Value::Null));
        let named = self.columns.iter().zip(cells);
        named
            .filter(|(column, cell)| !column.nameless || !is_empty(cell))
            .map(|(column, cell)| (column.name.clone(), cell))
            .collect()
    }
}

/// Returns a name that two columns have.
pub(crate) fn double(names: &[String]) -> Option<&String> {
    let mut known = HashSet::new();
    names.iter().filter(|name| !name.trim().is_empty()).find(|name| !known.insert(*name))
}

fn is_empty(cell: &Value) -> bool {
    cell.is_null() || cell.as_str().is_some_and(|text| text.trim().is_empty())
}
