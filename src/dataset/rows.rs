//! Rows of any format as items with unique ids.

use super::{DatasetError, RawRow, csv, json, jsonl, open, parquet, xlsx};
use crate::measure::{Item, Row};
use crate::spec::workflow::Fields;
use crate::spec::{DatasetFormat, DatasetSpec};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::path::Path;

/// Far more than any load needs; beyond this a file is something else.
const MOST_ROWS: usize = 50_000_000;

/// What the workflow needs of an entry besides its id.
pub struct Needs<'a> {
    /// Keys that are kept with the item.
    pub fields: Fields,
    /// A key whose list can stand in for an empty question.
    pub instead_of_question: Option<&'a str>,
}

/// What a dataset amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows that can be asked.
    pub items: usize,
    /// Rows without a question.
    pub dropped: usize,
    /// Rows that the filter left out.
    pub filtered: usize,
}

/// Reads a dataset file row by row: items with unique ids, and the rows that were dropped because
/// their question is empty. Rows that the filter leaves out are only counted.
pub fn for_each_row(
    spec: &DatasetSpec,
    needs: &Needs<'_>,
    path: &Path,
    each: &mut dyn FnMut(Row) -> Result<(), DatasetError>,
) -> Result<Counts, DatasetError> {
    let shown = path.display().to_string();
    let format = spec.format();
    let format = format.ok_or_else(|| DatasetError::UnknownFormat { path: shown.clone() })?;
    let mut rows = Rows {
        spec,
        needs,
        path: &shown,
        taken: HashSet::new(),
        first_keys: String::new(),
        number: 0,
        counts: Counts::default(),
        each,
    };
    let file = open(path)?;
    let mut take = |row| rows.take(row);
    match format {
        DatasetFormat::Json => json::read(&shown, file, &mut take)?,
        DatasetFormat::Jsonl => jsonl::read(&shown, file, &mut take)?,
        DatasetFormat::Csv => csv::read(&shown, file, &mut take)?,
        DatasetFormat::Parquet => parquet::read(&shown, file, &mut take)?,
        DatasetFormat::Xlsx => xlsx::read(&shown, file, &mut take)?,
    }
    rows.end()
}

struct Rows<'a> {
    spec: &'a DatasetSpec,
    needs: &'a Needs<'a>,
    path: &'a str,
    /// Hashes of the ids so far: a million ids themselves would take more memory than all else.
    taken: HashSet<u64>,
    first_keys: String,
    number: usize,
    counts: Counts,
    each: &'a mut dyn FnMut(Row) -> Result<(), DatasetError>,
}

impl Rows<'_> {
    fn take(&mut self, row: RawRow) -> Result<(), DatasetError> {
        self.number += 1;
        if self.number > MOST_ROWS {
            let what = format!("more than {MOST_ROWS} rows");
            return Err(DatasetError::TooLarge { path: self.path.to_owned(), what });
        }
        if self.first_keys.is_empty() {
            let keys: Vec<&str> = row.keys().take(20).map(String::as_str).collect();
            self.first_keys = keys.join(", ");
        }
        let text = |key: &str| row.get(key).map(shown);
        if !self.spec.filter.is_empty() && !self.spec.filter.lets_through(text) {
            self.counts.filtered += 1;
            return Ok(());
        }
        let id = row.get(&self.spec.id_key).cloned().and_then(plain_text);
        let input = if self.spec.whole_row {
            serde_json::to_string(&row).ok().filter(|_| !row.is_empty())
        } else {
            row.get(&self.spec.question_key).cloned().and_then(plain_text)
        };
        let instead = self.needs.instead_of_question.and_then(|key| row.get(key));
        let instead = instead.and_then(Value::as_array).filter(|list| !list.is_empty());
        let input = input.or(instead.map(|_| String::new()));
        let row = if let Some(input) = input {
            self.counts.items += 1;
            let id = unique(id.unwrap_or_else(|| self.number.to_string()), &mut self.taken);
            Row::Item(Item { id, input, fields: self.fields(row) })
        } else {
            self.counts.dropped += 1;
            Row::Dropped { row: self.number, dropped: "empty question".to_owned() }
        };
        (self.each)(row)
    }

    fn fields(&self, row: RawRow) -> Map<String, Value> {
        let own = [&self.spec.id_key, &self.spec.question_key];
        let kept = |key: &String| match &self.needs.fields {
            Fields::Named(names) => names.contains(key),
            Fields::All => !own.contains(&key),
        };
        row.into_iter().filter(|(key, _)| kept(key)).collect()
    }

    /// A dataset without a question is an error.
    fn end(self) -> Result<Counts, DatasetError> {
        let Counts { items, dropped, filtered } = self.counts;
        if items > 0 {
            return Ok(self.counts);
        }
        let detail = match (dropped, filtered) {
            (0, 0) => "it has no rows".to_owned(),
            (0, _) => format!("dataset.filter leaves out all of its {filtered} rows"),
            _ => format!(
                "in none of its {dropped} rows does `{}` hold a text; set dataset.question_key to the key that does \
                 (the first row has: {})",
                self.spec.question_key, self.first_keys
            ),
        };
        Err(DatasetError::Empty { path: self.path.to_owned(), detail })
    }
}

/// A value as a filter sees it.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A scalar as text; `None` where it is empty or no scalar.
fn plain_text(value: Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        _ => return None,
    };
    (!text.trim().is_empty()).then_some(text)
}

/// The id, with `_2`, `_3`, … appended where it was taken already. Two ids with one hash are one
/// in 10¹⁹ pairs, and would cost a suffix.
fn unique(id: String, taken: &mut HashSet<u64>) -> String {
    if taken.insert(hash(&id)) {
        return id;
    }
    let mut number = 2_usize;
    loop {
        let candidate = format!("{id}_{number}");
        if taken.insert(hash(&candidate)) {
            return candidate;
        }
        number += 1;
    }
}

/// The same in every run and every version of the compiler, unlike the standard library's.
fn hash(id: &str) -> u64 {
    let hash = blake3::hash(id.as_bytes());
    hash.as_bytes().iter().take(8).fold(0, |sum, &byte| (sum << 8) | u64::from(byte))
}
