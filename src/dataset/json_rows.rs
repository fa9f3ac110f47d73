//! JSON objects, in an array or one after the other, read row by row: as values, all rows together
//! take many times the memory of their text.

use super::json_text::tidied;
use super::{DatasetError, EachRow, LONGEST_ROW, RawRow};
use crate::bounded::{MOST_VALUES, has_too_many_values, length_of_string};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::fmt;

/// Separator between two objects.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    /// Commas, as in an array.
    Commas,
    /// Nothing: there are several, one after the other, as `DataFrame.to_json(lines=True)` writes
    /// them.
    Nothing,
}

/// Passes each row on; `None` if the text is not a sequence of such objects. If an array may still be
/// something else, `first_look` makes a first pass over it, so that `None` means that no row was
/// passed on.
pub(super) fn stream(
    path: &str,
    text: &str,
    between: Separator,
    first_look: bool,
    each: &mut EachRow<'_>,
) -> Option<Result<(), DatasetError>> {
    let malformed = |row: &str, line: usize, column: usize, message: String| {
        let (line, column) = within(text, row, line, column);
        let message = match between {
            Separator::Commas => message,
            Separator::Nothing => {
                format!("{message} (as in JSON lines, one object follows another here)")
            }
        };
        DatasetError::Malformed { path: path.to_owned(), line, column, message }
    };
    let too_large = |row: &str| check_row(row).map_err(|what| malformed(row, 1, 1, what));
    // Several objects one after the other are nothing else, whatever comes later.
    if first_look && between == Separator::Commas {
        let is_object = |text: &str| serde_json::from_str::<AnyObject>(text).is_ok();
        let mut rows = Rows::of(text, between)?;
        for row in &mut rows {
            if let Err(error) = too_large(row) {
                return Some(Err(error));
            }
            if !is_object(row) && !is_object(&tidied(row).text) {
                return None;
            }
        }
        rows.ended.then_some(())?;
    }
    let mut rows = Rows::of(text, between)?;
    let read = rows.try_for_each(|row| {
        too_large(row)?;
        let text = tidied(row);
        let read = serde_json::from_str::<RawRow>(&text.text).map_err(|error| {
            let message = error.to_string();
            let what = message.split(" at line ").next().unwrap_or(&message);
            let column = text.column(error.line(), error.column());
            malformed(row, error.line(), column, what.to_owned())
        });
        each(read?)
    });
    match read {
        Ok(()) if !rows.ended && between == Separator::Commas => None,
        Ok(()) if !rows.ended => {
            Some(Err(malformed(trimmed(rows.rest), 1, 1, "expected an object".to_owned())))
        }
        read => Some(read),
    }
}

/// Fails if a row is too long, or holds too many values.
pub(super) fn check_row(text: &str) -> Result<(), String> {
    if text.len() as u64 > LONGEST_ROW {
        return Err(format!("a row of more than {} MiB", LONGEST_ROW >> 20));
    }
    if has_too_many_values(text.as_bytes()) {
        return Err(format!("a row of more than {MOST_VALUES} values"));
    }
    Ok(())
}

/// Converts line and column within a row to those within the whole text.
fn within(text: &str, row: &str, line: usize, column: usize) -> (usize, usize) {
    let start = row.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    let before = text.as_bytes().get(..start).unwrap_or(text.as_bytes());
    let lines = memchr::memchr_iter(b'\n', before).count();
    let first = before.len() - memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    (lines + line, if line == 1 { first + column } else { column })
}

/// Iterator over the texts of objects. Nested content is skipped; anything else between them ends
/// the iteration early.
struct Rows<'a> {
    rest: &'a str,
    between: Separator,
    first: bool,
    /// True if all of the text was objects.
    ended: bool,
}

impl<'a> Rows<'a> {
    fn of(text: &'a str, between: Separator) -> Option<Self> {
        let text = trimmed(text);
        let rest = match between {
            Separator::Commas => text.strip_prefix('[')?,
            // One alone is a table.
            Separator::Nothing => {
                let (first, after) = text.split_at_checked(length_of_object(text)?)?;
                let after = trimmed(after);
                let second = after.get(..length_of_object(after)?)?;
                let is_object = |text: &str| serde_json::from_str::<AnyObject>(text).is_ok();
                (is_object(&tidied(first).text) && is_object(&tidied(second).text))
                    .then_some(text)?
            }
        };
        Some(Self { rest, between, first: true, ended: false })
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let mut rest = trimmed(self.rest);
        let is_array = self.between == Separator::Commas;
        let after = if is_array { rest.strip_prefix(']') } else { rest.is_empty().then_some("") };
        if let Some(after) = after {
            self.ended = self.ended || trimmed(after).is_empty();
            return None;
        }
        if is_array && !std::mem::replace(&mut self.first, false) {
            rest = trimmed(rest.strip_prefix(',')?);
        }
        let (row, rest) = rest.split_at_checked(length_of_object(rest)?)?;
        self.rest = rest;
        Some(row)
    }
}

/// Trims the whitespace of JSON.
fn trimmed(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}

/// Returns the length in bytes of the object at the beginning of a text.
fn length_of_object(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    bytes.first().filter(|byte| **byte == b'{')?;
    let (mut at, mut open) = (0_usize, 0_usize);
    loop {
        match bytes.get(at)? {
            b'{' | b'[' => open += 1,
            b'}' | b']' => open -= 1,
            b'"' => at += length_of_string(bytes.get(at..)?)? - 1,
            _ => {}
        }
        at += 1;
        if open == 0 {
            return Some(at);
        }
    }
}

/// A JSON object with any content.
struct AnyObject;

impl<'de> Deserialize<'de> for AnyObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = AnyObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AnyObject, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(AnyObject)
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Option<(Vec<&str>, bool)> {
        let mut rows = Rows::of(text, Separator::Commas)?;
        let found: Vec<&str> = rows.by_ref().collect();
        Some((found, rows.ended))
    }

    #[test]
    fn rows_are_cut_out() {
        let text = " [ {\"a\": \"}]\\\"\"} ,\n{}, {\"b\": [{}, []]}\t] \n";
        let expected = vec!["{\"a\": \"}]\\\"\"}", "{}", "{\"b\": [{}, []]}"];
        assert_eq!(rows(text), Some((expected, true)));
        assert_eq!(rows("[]"), Some((vec![], true)));
        for text in
            ["[{},]", "[{} {}]", "[1]", "[{}", "[{}] x", "[{\"a]", "[{\"a\\", "[,{}]", "[{}}"]
        {
            assert!(!rows(text).unwrap().1, "{text}");
        }
        assert_eq!(rows("{}"), None);
    }

    #[test]
    fn places_are_those_of_the_whole_text() {
        let text = "[{},\n {\"a\":\n1}]";
        let row = &text[6..];
        assert_eq!(within(text, row, 1, 3), (2, 4));
        assert_eq!(within(text, row, 2, 1), (3, 1));
    }
}
