//! Parts of a line that are secrets, as they are hidden where the line is quoted.

use super::plain_value::{first_value, key_before, looks_like_a_secret, only_references};
use super::user_info::password_in;
use super::{names_a_secret, names_a_secret_variable};
use std::borrow::Cow;
use std::ops::Range;

/// Lines below a key that belong to its value.
pub(super) struct Below {
    /// Columns before the key.
    pub indent: usize,
    /// True until a line of the value was seen.
    pub is_first: bool,
}

impl Below {
    pub fn covers(&mut self, content: &str, indent: usize) -> bool {
        let text = content.trim_start();
        let is_item = indent == self.indent && text.starts_with("- ");
        let covers = text.is_empty() || self.is_first || indent > self.indent || is_item;
        self.is_first &= text.is_empty();
        covers
    }
}

/// Parts of a line that are secrets.
#[derive(Default)]
pub(super) struct Hidden {
    pub parts: Vec<Range<usize>>,
    /// True if the last one may go on in the lines below.
    pub goes_on: bool,
}

impl Hidden {
    pub fn of(line: &str) -> Self {
        let mut hidden = Self::default();
        hidden.values_of_keys(line);
        hidden.values_of_flags(line);
        hidden.parts.extend(passwords(line));
        hidden.parts.extend(passwords_of_words(line));
        let is_of_a_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let mut at = 0;
        for word in line.split(|c| !is_of_a_key(c)) {
            if looks_like_a_secret(word) {
                hidden.parts.push(at..at + word.len());
            }
            at += word.len();
            at += line.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        }
        hidden
    }

    /// Finds the values of keys with a secret's name. A value that is not in quotes reaches to the end of the line:
    /// where it was meant to end, a typing error may have hidden.
    fn values_of_keys(&mut self, line: &str) {
        if let Some(key) = line.trim_start().strip_prefix("? ") {
            self.goes_on |= names_a_secret(key);
        }
        let mut next = 0;
        for (at, separator) in line.match_indices([':', '=']) {
            if at < next {
                continue;
            }
            let (before, after) = line.split_at(at);
            let rest = after.split_at(separator.len()).1;
            let (key, is_quoted) = key_before(before);
            let is_key = is_quoted || rest.is_empty() || rest.starts_with([' ', '\t']);
            let named = match separator {
                // Perhaps a field in the query of an address.
                "=" => names_a_secret_variable(key),
                _ => is_key && names_a_secret(key),
            };
            if !named {
                continue;
            }
            let value = rest.trim_start();
            let start = line.len() - value.len();
            let first = first_value(value);
            if !first.is_empty() && only_references(first) && ends_after(value, first.len()) {
                next = start + first.len();
            } else if let Some(length) = quoted_length(value).filter(|it| ends_after(value, *it)) {
                next = start + length;
                self.parts.push(start..next);
            } else {
                let is_inside = before.contains(['{', '[']);
                let closing = |c: char| is_inside && matches!(c, '}' | ']' | ' ');
                let shown = value.trim_end_matches(closing).len();
                self.parts.push(start..start + shown);
                self.goes_on |= separator == ":";
                return;
            }
        }
    }

    /// Finds the arguments that follow a flag with a secret's name (`[--token, VALUE]`), on this line or below.
    fn values_of_flags(&mut self, line: &str) {
        for (at, _) in line.match_indices('-') {
            let (before, flag) = line.split_at(at);
            let begins = before.is_empty() || before.ends_with([' ', '\t', ',', '[', '"', '\'']);
            let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            let end = flag.find(|c| !is_of_a_name(c)).unwrap_or(flag.len());
            let (name, rest) = flag.split_at(end);
            if !begins || name.len() < 2 || !names_a_secret(name) || rest.starts_with(['=', ':']) {
                continue;
            }
            let value = rest.trim_start_matches(['"', '\'', ',', ' ', '\t']);
            let closing = |c: char| matches!(c, ']' | '}' | ' ' | '"' | '\'');
            if value.is_empty() {
                self.goes_on = true;
            } else if !value.starts_with(['-', '$', ']', '#']) {
                let start = line.len() - value.len();
                self.parts.push(start..start + value.trim_end_matches(closing).len());
            }
        }
    }

    pub fn masked<'a>(&self, line: &'a str) -> Cow<'a, str> {
        let mut parts: Vec<&Range<usize>> = self.parts.iter().filter(|it| !it.is_empty()).collect();
        if parts.is_empty() {
            return Cow::Borrowed(line);
        }
        parts.sort_unstable_by_key(|it| it.start);
        let (mut text, mut at) = (String::new(), 0);
        for part in parts {
            if let Some(before) = line.get(at..part.start) {
                text.extend([before, "***"]);
            }
            at = at.max(part.end);
        }
        text.push_str(line.get(at..).unwrap_or(""));
        Cow::Owned(text)
    }
}

/// Returns the length of a value in quotes at the start of a text; `None` if it is not in quotes, or does not end.
pub(super) fn quoted_length(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let mut escaped = false;
    let (_, inside) = text.split_at(1);
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            _ if c == quote => {
                // Two single quotes are one.
                let doubled =
                    quote == '\'' && inside.get(at + 1..).is_some_and(|it| it.starts_with(quote));
                if !doubled {
                    return Some(at + 2);
                }
                escaped = true;
            }
            _ => {}
        }
    }
    None
}

/// Returns true if nothing that could be part of a value follows its first bytes.
fn ends_after(text: &str, length: usize) -> bool {
    let rest = text.get(length..).unwrap_or("").trim_start();
    rest.is_empty() || rest.starts_with([',', '}', ']', '#', '"', '\'', '&'])
}

/// Finds the passwords of all URLs in a line. Whatever stands between `://` and an `@` may be one, since a mistake there
/// is what is quoted.
fn passwords(line: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let starts: Vec<usize> = line.match_indices("://").map(|(at, sign)| at + sign.len()).collect();
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(line.len());
        let Some(segment) = line.get(*start..end) else { continue };
        let Some((user_info, _)) = segment.rsplit_once('@') else { continue };
        let Some(password) = password_in(user_info).filter(|it| !only_references(it)) else {
            continue;
        };
        let end = start + user_info.len();
        found.push(end - password.len()..end);
    }
    found
}

/// Finds what stands between a colon and an `@` within a word: the password of an address whose `://` is missing or
/// mistyped.
fn passwords_of_words(line: &str) -> Vec<Range<usize>> {
    let ends_a_word =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '{' | '[' | '(');
    let of = |(at, _)| {
        let before = line.get(..at)?;
        let of_a_reference = |brace: usize| before.get(..brace).is_some_and(|it| it.ends_with('$'));
        let mut ends = before.char_indices().rev().filter(|(_, c)| ends_a_word(*c));
        let end = ends.find(|(at, c)| *c != '{' || !of_a_reference(*at));
        let word = before.get(end.map_or(0, |(at, c)| at + c.len_utf8())..)?;
        let word = word.rsplit_once("://").map_or(word, |(_, rest)| rest);
        let password = password_in(word).filter(|it| !only_references(it))?;
        Some(at - password.len()..at)
    };
    line.match_indices('@').filter_map(of).collect()
}
