//! Conversion of rows of any format to items with unique ids.

use super::formats::extensions;
use super::lookup::lookup;
use super::messages::{messages, shape};
use super::{DatasetError, DatasetSpec, RawRow, head_of, no_text, open, pointer};
use crate::measure::{Fields, Item, Row};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// Most rows of a dataset: far more than any load needs.
const MOST_ROWS: usize = 50_000_000;
/// Number of rows without a question after which the search for one is given up.
const MOST_WITHOUT: usize = 1_100_000;
/// Largest expanded dataset in MiB; it is held whole while it is made.
const MOST_KEPT_MIB: usize = 400;
/// Minimum size in bytes of a row besides its texts.
const OF_A_ROW: usize = 24;

/// Fails if an expanded dataset of so many bytes is too large.
pub(crate) fn check_kept(path: &str, bytes: usize) -> Result<(), DatasetError> {
    if bytes <= MOST_KEPT_MIB << 20 {
        return Ok(());
    }
    let what = format!(
        "more than {MOST_KEPT_MIB} MiB of questions and other content to send (use a part of it, for example with \
         `dataset.filter`)"
    );
    Err(DatasetError::TooLarge { path: path.to_owned(), what })
}

/// Parts of an entry that the workflow needs besides its id.
pub struct RequiredFields<'a> {
    /// Keys that are kept with the item.
    pub fields: Fields,
    /// A key whose list can stand in for an empty question.
    pub instead_of_question: Option<&'a str>,
}

/// Row counts of a dataset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows that became items.
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
    needs: &RequiredFields<'_>,
    path: &Path,
    each: &mut dyn FnMut(Row) -> Result<(), DatasetError>,
) -> Result<Counts, DatasetError> {
    let shown = path.display().to_string();
    let unknown = || DatasetError::UnknownFormat { path: shown.clone(), extensions: extensions() };
    let format = spec.format().ok_or_else(unknown)?.format();
    let mut rows = Rows {
        spec,
        needs,
        path: &shown,
        taken: HashSet::new(),
        again: HashMap::new(),
        first_keys: String::new(),
        hint: None,
        number: 0,
        kept: 0,
        counts: Counts::default(),
        unseen: named(spec),
        each,
    };
    let mut file = open(path)?;
    let head = head_of(&mut file)
        .map_err(|error| DatasetError::Unreadable { path: shown.clone(), error })?;
    let no_text = || no_text(&head).filter(|_| format.is_text && spec.encoding.is_none());
    if let Some(what) = pointer(&head, &shown).or_else(no_text) {
        return Err(DatasetError::Mistaken { path: shown, what });
    }
    let mut take = |row| rows.take(row);
    match (format.read)(&shown, file, &spec.read_options(), &mut take) {
        Err(DatasetError::Empty { .. }) => {}
        read => rows.hint = read?.or(rows.hint),
    }
    rows.end()
}

/// Returns the keys that a spec names besides the question's, with the place where it names them:
/// some row has to have each. The id may be missing if its key was left to the default.
fn named(spec: &DatasetSpec) -> Vec<(&str, &'static str)> {
    let id = (spec.id_key.as_str(), "dataset.id_key");
    let allow = spec.filter.allow.keys().map(|key| (key.as_str(), "dataset.filter.allow"));
    let deny = spec.filter.deny.keys().map(|key| (key.as_str(), "dataset.filter.deny"));
    let id = Some(id).filter(|_| spec.id_key != DatasetSpec::default().id_key);
    id.into_iter().chain(allow).chain(deny).collect()
}

struct Rows<'a> {
    spec: &'a DatasetSpec,
    needs: &'a RequiredFields<'a>,
    path: &'a str,
    /// Hashes of the ids so far: the ids of a million rows would take more memory than all else.
    taken: HashSet<u64>,
    /// Last number appended to each repeated id, by hash: counting anew for each would be
    /// quadratic.
    again: HashMap<u64, usize>,
    first_keys: String,
    /// Advice if no row has a question.
    hint: Option<String>,
    number: usize,
    /// Approximate size in bytes of the rows so far, as they are stored.
    kept: usize,
    counts: Counts,
    /// Keys named in the spec, with their place in it, that no row so far has.
    unseen: Vec<(&'a str, &'static str)>,
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
            self.hint = shape(&row).map(str::to_owned);
        }
        self.unseen.retain(|(key, _)| lookup(&row, key).is_none());
        let text = |key: &str| lookup(&row, key).map(shown);
        if !self.spec.filter.is_empty() && !self.spec.filter.lets_through(text) {
            self.counts.filtered += 1;
            return Ok(());
        }
        let id = lookup(&row, &self.spec.id_key).cloned().and_then(plain_text);
        let input = if self.spec.whole_row {
            serde_json::to_string(&row).ok().filter(|_| !row.is_empty())
        } else {
            lookup(&row, &self.spec.question_key).cloned().and_then(question)
        };
        let conversation = self.conversation(&row)?;
        let input = input.or(conversation.as_ref().map(|_| String::new()));
        let row = if let Some(input) = input {
            self.counts.items += 1;
            self.kept = self.kept.saturating_add(input.len());
            let id = unique(
                id.unwrap_or_else(|| self.number.to_string()),
                &mut self.taken,
                &mut self.again,
            );
            Row::Item(Item { id, input, fields: self.fields(row, conversation.as_ref()) })
        } else {
            self.counts.dropped += 1;
            if self.counts.items == 0 && self.counts.dropped >= MOST_WITHOUT {
                let (path, detail) = (self.path.to_owned(), String::new());
                return Err(DatasetError::Empty { path, detail });
            }
            Row::Dropped { row: self.number, dropped: "empty question".to_owned() }
        };
        self.kept = self.kept.saturating_add(OF_A_ROW);
        check_kept(self.path, self.kept)?;
        (self.each)(row)
    }

    /// Returns the conversation that can stand in for a question, as it will be sent.
    fn conversation(&self, row: &RawRow) -> Result<Option<Value>, DatasetError> {
        let Some(key) = self.needs.instead_of_question else { return Ok(None) };
        let Some(value) = lookup(row, key) else { return Ok(None) };
        let messages = messages(value).map_err(|message| DatasetError::Messages {
            path: self.path.to_owned(),
            row: self.number,
            key: key.to_owned(),
            message,
        })?;
        Ok(messages.map(Value::Array))
    }

    fn fields(&self, mut row: RawRow, conversation: Option<&Value>) -> Map<String, Value> {
        let own = [&self.spec.id_key, &self.spec.question_key];
        match &self.needs.fields {
            Fields::Named(names) => {
                // The same key can name two things, and a path leads into what another key names.
                let value = |name: &String| match conversation {
                    Some(messages) if self.needs.instead_of_question == Some(name) => {
                        Some(messages.clone())
                    }
                    _ => lookup(&row, name).cloned(),
                };
                names.iter().filter_map(|name| Some((name.clone(), value(name)?))).collect()
            }
            Fields::All => {
                row.retain(|key, _| !own.contains(&key));
                row.into_iter().collect()
            }
        }
    }

    /// Returns the counts; fails if there is no question, or a key that no row has.
    fn end(self) -> Result<Counts, DatasetError> {
        let Counts { items, dropped, filtered } = self.counts;
        if let Some((key, named)) = self.unseen.first().filter(|_| items + filtered > 0) {
            return Err(DatasetError::UnknownKey {
                path: self.path.to_owned(),
                key: (*key).to_owned(),
                named,
                known: self.first_keys,
            });
        }
        if items > 0 {
            return Ok(self.counts);
        }
        let hint = self.hint.map_or_else(String::new, |hint| format!("; {hint}"));
        let first = if dropped == MOST_WITHOUT { " first" } else { "" };
        let detail = match (dropped, filtered) {
            (0, 0) => "it has no rows".to_owned(),
            (0, _) => format!("dataset.filter leaves out all of its {filtered} rows"),
            _ => format!(
                "in none of its{first} {dropped} rows does `{}` hold a text; set question_key to the key that does \
                 (the first row has: {})",
                self.spec.question_key, self.first_keys
            ),
        };
        Err(DatasetError::Empty { path: self.path.to_owned(), detail: detail + &hint })
    }
}

/// Returns a value as text for filters.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Returns a scalar as text; `None` if it is empty or no scalar.
fn plain_text(value: Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        _ => return None,
    };
    (!text.trim().is_empty()).then_some(text)
}

/// Returns a question as it is asked: an object, as workflows with a structured input take, as JSON.
fn question(value: Value) -> Option<String> {
    match value {
        Value::Object(object) if !object.is_empty() => Some(Value::Object(object).to_string()),
        other => plain_text(other),
    }
}

/// Makes an id unique by appending `_2`, `_3`, … if it is taken. Two different ids share a hash
/// once in 10¹⁹ pairs; that would cost an unneeded suffix.
fn unique(id: String, taken: &mut HashSet<u64>, again: &mut HashMap<u64, usize>) -> String {
    let own = hash(&id);
    if taken.insert(own) {
        return id;
    }
    let number = again.entry(own).or_insert(1);
    loop {
        *number += 1;
        let candidate = format!("{id}_{number}");
        if taken.insert(hash(&candidate)) {
            return candidate;
        }
    }
}

/// Hashes an id, stably across runs and compiler versions, unlike the standard library's hasher.
fn hash(id: &str) -> u64 {
    let hash = blake3::hash(id.as_bytes());
    hash.as_bytes().iter().take(8).fold(0, |sum, &byte| (sum << 8) | u64::from(byte))
}
