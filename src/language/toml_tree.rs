//! TOML documents as the same tree that YAML gives, with positions.

use super::error::{Place, Source, SpecError};
use super::tree::{Entry, Node, Value};
use std::ops::Range;
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// Parses a TOML document.
pub(super) fn parse(source: &Arc<Source>) -> Result<Node, SpecError> {
    let table = DeTable::parse(&source.text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        let message = error.message();
        let message = message.split_once('\n').map_or(message, |(first, _)| first);
        SpecError::at(&place(source, &span), format!("this is not valid TOML: {message}"))
    })?;
    let at = place(source, &table.span());
    Ok(Node { value: map(table.get_ref(), source), place: at })
}

fn map(table: &DeTable<'_>, source: &Arc<Source>) -> Value {
    let entries = table.iter().map(|(key, value)| Entry {
        key: key.get_ref().to_string(),
        place: place(source, &key.span()),
        node: Node { value: convert(value.get_ref(), source), place: place(source, &value.span()) },
    });
    Value::Map(entries.collect())
}

fn convert(value: &DeValue<'_>, source: &Arc<Source>) -> Value {
    match value {
        DeValue::String(text) => Value::Str(text.to_string()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Integer(number) => {
            // A number too large for both reads as text, and the key's own type refuses it.
            let text = number.as_str();
            match (
                u64::from_str_radix(text, number.radix()),
                i64::from_str_radix(text, number.radix()),
            ) {
                (Ok(number), _) => Value::Uint(number),
                (_, Ok(number)) => Value::Int(number),
                _ => Value::Str(text.to_owned()),
            }
        }
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .map_or_else(|_| Value::Str(number.as_str().to_owned()), Value::Float),
        DeValue::Datetime(date) => Value::Str(date.to_string()),
        DeValue::Array(items) => Value::Seq(
            items
                .iter()
                .map(|item| Node {
                    value: convert(item.get_ref(), source),
                    place: place(source, &item.span()),
                })
                .collect(),
        ),
        DeValue::Table(table) => map(table, source),
    }
}

fn place(source: &Arc<Source>, span: &Range<usize>) -> Place {
    let before = source.text.get(..span.start).unwrap_or(&source.text);
    let line = before.matches('\n').count() as u64 + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() as u64 + 1;
    Place { source: Arc::clone(source), line, column }
}
