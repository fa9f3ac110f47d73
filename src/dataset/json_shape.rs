//! Rows of JSON documents that are no plain array of objects: the tables that pandas writes. For
//! everything else, advice on what to do.

use super::format::ReadOptions;
use super::lookup::lookup_in;
use super::{DatasetError, RawRow};
use serde_json::{Map, Value};

/// Returns the rows of a document; fails with advice if it is not a table.
pub(super) fn rows(
    document: Value,
    path: &str,
    options: &ReadOptions<'_>,
) -> Result<Vec<RawRow>, DatasetError> {
    let wrong = |message: String| DatasetError::Malformed {
        path: path.to_owned(),
        line: 1,
        column: 1,
        message: format!("a dataset in JSON is an array of objects, and {message}"),
    };
    match document {
        Value::Array(entries) if entries.first().is_some_and(Value::is_array) => {
            lists(&entries, options).map_err(wrong)
        }
        Value::Array(entries) => (1..)
            .zip(entries)
            .map(|(number, entry)| match entry {
                Value::Object(row) => Ok(row.into_iter().collect()),
                other => Err(wrong(format!("entry {number} here is {}", kind(&other)))),
            })
            .collect(),
        Value::Object(object) => match table(&object, options) {
            Some(rows) => Ok(rows),
            None => Err(wrong(advice(&object, path, options))),
        },
        other => Err(wrong(format!("this is {}", kind(&other)))),
    }
}

/// Advice for rows that are lists, none of whose columns is the question's.
pub(super) const BY_POSITION: &str = "its rows are lists, whose columns are named by their position, beginning with 0, as in question_key: \"1\"";

/// Converts rows that are lists of cells. A first row that holds the names in the spec names the
/// columns; without it, columns are named by position.
fn lists(entries: &[Value], options: &ReadOptions<'_>) -> Result<Vec<RawRow>, String> {
    let wanted = [options.question_key, options.id_key];
    let names = entries.first().and_then(Value::as_array).filter(|cells| {
        let named = |cell: &Value| cell.as_str().is_some_and(|name| wanted.contains(&name));
        cells.iter().all(Value::is_string) && cells.iter().any(named)
    });
    let names = names.map(|cells| cells.iter().filter_map(text).collect::<Vec<String>>());
    let width = entries.first().and_then(Value::as_array).map_or(0, Vec::len);
    let name = |position: usize| match &names {
        Some(names) => names.get(position).cloned().unwrap_or_default(),
        None => position.to_string(),
    };
    let rows = (1..).zip(entries).skip(usize::from(names.is_some()));
    rows.map(|(number, entry)| match entry {
        Value::Array(cells) if cells.len() == width => {
            Ok(cells.iter().enumerate().map(|(at, cell)| (name(at), cell.clone())).collect())
        }
        Value::Array(cells) => {
            Err(format!("entry {number} here has {} cells, and the first has {width}", cells.len()))
        }
        other => Err(format!("entry {number} here is {}, and the first is a list", kind(other))),
    })
    .collect()
}

/// Converts the tables of `DataFrame.to_json`, whatever its `orient`.
fn table(object: &Map<String, Value>, options: &ReadOptions<'_>) -> Option<Vec<RawRow>> {
    if let (Some(Value::Array(names)), Some(Value::Array(data))) =
        (object.get("columns"), object.get("data"))
    {
        let names = names.iter().map(text).collect::<Option<Vec<String>>>()?;
        let row = |cells: &Value| {
            let cells = cells.as_array().filter(|cells| cells.len() == names.len())?;
            Some(names.iter().cloned().zip(cells.iter().cloned()).collect())
        };
        return data.iter().map(row).collect();
    }
    if let (Some(_), Some(Value::Array(data))) = (object.get("schema"), object.get("data")) {
        return data
            .iter()
            .map(|row| Some(row.as_object()?.clone().into_iter().collect()))
            .collect();
    }
    if let Some(rows) = columns(object, options) {
        return Some(rows);
    }
    let inner: Vec<(&String, &Map<String, Value>)> =
        object.iter().map(|(key, value)| Some((key, value.as_object()?))).collect::<Option<_>>()?;
    let wanted = [options.question_key, options.id_key];
    let is_row = |row: &Map<String, Value>| wanted.iter().any(|key| lookup_in(row, key).is_some());
    if !wanted.iter().any(|key| object.contains_key(*key))
        && inner.iter().any(|(_, row)| is_row(row))
    {
        // A row under each label of the index.
        return Some(inner.into_iter().map(|(_, row)| row.clone().into_iter().collect()).collect());
    }
    // A column under each name, with its cells under the labels of the index.
    let (_, labels) =
        inner.iter().find(|(name, _)| wanted.contains(&name.as_str())).or(inner.first())?;
    let same = inner.iter().all(|(_, cells)| {
        cells.len() == labels.len() && cells.keys().all(|label| labels.contains_key(label))
    });
    same.then(|| {
        let cell = |label: &String| {
            let cells = inner.iter().filter_map(move |(name, cells)| {
                Some(((*name).clone(), cells.get(label)?.clone()))
            });
            cells.collect()
        };
        labels.keys().map(cell).collect()
    })
}

/// Converts columns that are lists of equal length, as `orient="list"` of `DataFrame.to_dict` has them.
fn columns(object: &Map<String, Value>, options: &ReadOptions<'_>) -> Option<Vec<RawRow>> {
    let cells =
        |value: &Value| value.as_array().filter(|it| !it.iter().any(Value::is_object)).cloned();
    let columns: Vec<(&String, Vec<Value>)> =
        object.iter().map(|(name, column)| Some((name, cells(column)?))).collect::<Option<_>>()?;
    let (_, questions) = columns.iter().find(|(name, _)| *name == options.question_key)?;
    let rows = questions.len();
    columns.iter().all(|(_, cells)| cells.len() == rows).then(|| {
        let row = |at: usize| {
            let cell = |(name, cells): &(&String, Vec<Value>)| {
                Some(((*name).clone(), cells.get(at)?.clone()))
            };
            columns.iter().filter_map(cell).collect()
        };
        (0..rows).map(row).collect()
    })
}

/// Advises on an object that is not a table.
fn advice(object: &Map<String, Value>, path: &str, options: &ReadOptions<'_>) -> String {
    let is_rows =
        |value: &Value| value.as_array().is_some_and(|list| list.iter().any(Value::is_object));
    if let Some(Value::Array(questions)) = object.get(options.question_key)
        && let Some((name, other)) = object.iter().find_map(|(name, column)| {
            let other = column.as_array().filter(|cells| cells.len() != questions.len())?;
            Some((name, other.len()))
        })
    {
        return format!(
            "this is an object of columns, of which `{}` has {} cells and `{name}` {other}",
            options.question_key,
            questions.len()
        );
    }
    if object.get(options.question_key).is_some_and(|question| !is_rows(question)) {
        return "this is a single object; put it into [ ], or set dataset.format: jsonl".to_owned();
    }
    if let Some((key, _)) = object.iter().find(|(_, value)| is_rows(value)) {
        return format!(
            "this is an object, whose key `{key}` holds a list: make a file of that alone, with `jq '.[\"{key}\"]' {path}`"
        );
    }
    let keys: Vec<&str> = object.keys().take(20).map(String::as_str).collect();
    format!("this is one object, with the keys {}", keys.join(", "))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        // Names of several parts, one below the other.
        Value::Array(parts) => Some(parts.iter().map(text).collect::<Option<Vec<_>>>()?.join(".")),
        _ => None,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
