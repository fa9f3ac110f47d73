//! Dataset entries.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One dataset entry: the input of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Unique within the dataset; repeats in a level get `_rep1`, `_rep2`, … appended.
    pub id: String,
    /// The question put to the workflow.
    pub input: String,
    /// Further keys of the entry, as far as the workflow uses them.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
}

impl Item {
    /// Returns the item as templates and programs see it: its fields, with its id and its question.
    pub fn to_fields(&self) -> Map<String, Value> {
        let mut fields = self.fields.clone();
        fields.insert("id".to_owned(), self.id.as_str().into());
        fields.insert("input".to_owned(), self.input.as_str().into());
        fields
    }
}

/// Keys of a dataset's entry besides id and question that an item keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fields {
    /// The listed keys.
    Named(Vec<String>),
    /// All keys of the entry.
    All,
}

/// Outcome of one dataset row: an item, or the reason why it was dropped.
///
/// Dropped rows are kept in the expanded dataset, so that a count in a report can be traced to the
/// rows that it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Row {
    /// A usable row.
    Item(Item),
    /// A row that was left out.
    Dropped {
        /// One-based position in the dataset.
        row: usize,
        /// Reason why it was dropped.
        dropped: String,
    },
}

impl Row {
    /// Returns the item, unless the row was dropped.
    pub fn item(&self) -> Option<&Item> {
        match self {
            Self::Item(item) => Some(item),
            Self::Dropped { .. } => None,
        }
    }

    /// True for the line of a dropped row in an expanded dataset, by its first key alone: lines can
    /// be long, and many.
    pub fn is_dropped(line: &[u8]) -> bool {
        line.starts_with(b"{\"row\":")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_of_a_line_tells_what_became_of_a_row() {
        let item =
            Item { id: "row".to_owned(), input: "{\"row\":1}".to_owned(), ..Item::default() };
        let dropped = Row::Dropped { row: 7, dropped: "the question is empty".to_owned() };
        for (row, is_dropped) in [(Row::Item(item), false), (dropped, true)] {
            let line = serde_json::to_vec(&row).unwrap();
            assert_eq!(Row::is_dropped(&line), is_dropped, "{row:?}");
        }
    }
}
