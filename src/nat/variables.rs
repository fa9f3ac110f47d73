//! Environment variables in a configuration: filled in before it is parsed as YAML, as the
//! reference does, so that a number is a number.

use crate::redact::{names_a_secret, names_a_secret_variable};
use serde_json::{Map, Value};

/// Placeholder for a reference while the text is parsed as YAML: a plain word in every position.
const MARK: &str = "SIZER_REFERENCE_";
/// Deepest nesting of defaults within defaults; no configuration that a person wrote goes deeper.
const DEEPEST: usize = 16;
/// Longest form of a variable, in bytes: many that are never closed would be scanned again and
/// again.
const LONGEST: usize = 4096;

/// Numeric settings that a spec resolves from a reference itself.
const BY_REFERENCE: [&str; 2] = ["temperature", "max_tokens"];

/// A lookup of environment variables.
pub(super) type Env<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// A text with its variables filled in: set ones by references, which a spec looks up when it is
/// run, and defaults literally.
pub(super) struct ExpandedText {
    pub text: String,
    /// The text with values in place of references, from which YAML infers the types.
    filled: String,
    /// Names of the variables behind the placeholders, by number.
    names: Vec<String>,
}

impl ExpandedText {
    /// Fills in the variables of a text.
    pub fn of(text: &str, env: &Env<'_>) -> Self {
        let mut names = Vec::new();
        let text = expand(text, env, &mut names, 0);
        let mut filled = Self { text: String::new(), filled: String::new(), names };
        filled.filled = filled.with(&text, |name| env(name).unwrap_or_default());
        Self { text, ..filled }
    }

    /// Replaces the placeholders by references. A value that YAML reads as a number or boolean, and that is not a
    /// secret, is inserted literally, since a reference would be read as text.
    pub fn put_back_typed(&self, config: &mut Map<String, Value>) {
        let typed = serde_yaml::from_str(&self.filled).unwrap_or(Value::Null);
        for (key, value) in config {
            self.put_back(key, value, typed.get(key));
        }
    }

    fn put_back(&self, key: &str, value: &mut Value, typed: Option<&Value>) {
        match value {
            Value::String(text) if text.contains(MARK) => {
                let secret =
                    names_a_secret(key) || self.names_in(text).any(names_a_secret_variable);
                let stays = BY_REFERENCE.contains(&key) || secret;
                *value = match typed {
                    Some(typed @ (Value::Number(_) | Value::Bool(_))) if !stays => typed.clone(),
                    _ => self.with_references(text).into(),
                };
            }
            Value::Array(items) => items
                .iter_mut()
                .enumerate()
                .for_each(|(at, item)| self.put_back(key, item, typed.and_then(|it| it.get(at)))),
            Value::Object(map) => map.iter_mut().for_each(|(key, value)| {
                self.put_back(key, value, typed.and_then(|it| it.get(key)));
            }),
            _ => {}
        }
    }

    fn names_in(&self, text: &str) -> impl Iterator<Item = &str> {
        let named = (0..).zip(&self.names).filter(|(number, _)| text.contains(&mark_of(*number)));
        named.map(|(_, name)| name.as_str())
    }

    fn with_references(&self, text: &str) -> String {
        self.with(text, |name| format!("${{env:{name}}}"))
    }

    /// Replaces each placeholder in a text.
    fn with(&self, text: &str, instead: impl Fn(&str) -> String) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(MARK) {
            let (number, tail) = after.split_once('_').unwrap_or((after, ""));
            let name = number.parse::<usize>().ok().and_then(|number| self.names.get(number));
            out.push_str(before);
            if let Some(name) = name {
                out.push_str(&instead(name));
                rest = tail;
            } else {
                out.push_str(MARK);
                rest = after;
            }
        }
        out + rest
    }
}

fn expand(text: &str, env: &Env<'_>, names: &mut Vec<String>, depth: usize) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        if let Some(before) = before.strip_suffix('\\') {
            out.extend([before, "$"]);
            rest = after;
            continue;
        }
        out.push_str(before);
        let (filled, tail) = one(after, env, names, depth);
        match filled {
            Some(filled) => out.push_str(&filled),
            None => out.push('$'),
        }
        rest = tail;
    }
    out + rest
}

/// Fills in the variable after a `$` and returns it with the remaining text; `None` if there is no
/// variable.
fn one<'a>(
    after: &'a str,
    env: &Env<'_>,
    names: &mut Vec<String>,
    depth: usize,
) -> (Option<String>, &'a str) {
    let Some(braced) = after.strip_prefix('{') else {
        let (name, tail) = name_of(after);
        return if name.is_empty() { (None, after) } else { (Some(mark(name, names)), tail) };
    };
    let Some(end) = (depth < DEEPEST).then(|| closing(braced)).flatten() else {
        return (None, after);
    };
    let (inside, tail) = braced.split_at(end);
    let tail = tail.strip_prefix('}').unwrap_or(tail);
    let (name, form) = name_of(inside);
    let value = env(name);
    let is_set = value.is_some();
    let is_filled = value.is_some_and(|value| !value.is_empty());
    let strip = |prefixes: [&str; 2]| prefixes.iter().find_map(|prefix| form.strip_prefix(prefix));
    let (stays, instead) = if name.is_empty() {
        return (None, after);
    } else if form.is_empty() || form.starts_with('?') || form.starts_with(":?") {
        (true, "")
    } else if let Some(default) = strip([":-", ":="]) {
        (is_filled, default)
    } else if let Some(default) = strip(["-", "="]) {
        (is_set, default)
    } else if let Some(instead) = form.strip_prefix(":+") {
        (false, if is_filled { instead } else { "" })
    } else if let Some(instead) = form.strip_prefix('+') {
        (false, if is_set { instead } else { "" })
    } else {
        return (None, after);
    };
    let filled = if stays { mark(name, names) } else { expand(instead, env, names, depth + 1) };
    (Some(filled), tail)
}

fn mark(name: &str, names: &mut Vec<String>) -> String {
    let number = names.iter().position(|known| known == name).unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    });
    mark_of(number)
}

fn mark_of(number: usize) -> String {
    format!("{MARK}{number}_")
}

/// Splits off the variable name at the beginning of a text; empty if there is none.
fn name_of(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let starts_well = !text.starts_with(|c: char| c.is_ascii_digit());
    text.split_at(if starts_well { end } else { 0 })
}

/// Returns the position of the brace that closes a form, skipping nested forms.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    let mut last = 0;
    for (at, byte) in text.bytes().enumerate().take(LONGEST) {
        match byte {
            b'{' if last == b'$' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
        last = byte;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_references_and_defaults_are_themselves() {
        let env = |name: &str| match name {
            "SET" => Some("here".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        for (text, expected) in [
            ("a ${SET} b", "a ${env:SET} b"),
            ("$SET/x", "${env:SET}/x"),
            ("${SET:-x}", "${env:SET}"),
            ("${UNSET:-x}/y", "x/y"),
            ("${UNSET:-}", ""),
            ("${UNSET}", "${env:UNSET}"),
            ("${UNSET:?give it}", "${env:UNSET}"),
            ("${EMPTY:-x}", "x"),
            ("${EMPTY-x}", "${env:EMPTY}"),
            ("${UNSET-x}", "x"),
            ("${UNSET:=x} ${UNSET=y}", "x y"),
            ("${UNSET:-${UNSET:-x}}", "x"),
            ("${UNSET:-${SET}}", "${env:SET}"),
            ("${SET:+x}${UNSET:+y}${EMPTY+z}", "xz"),
            (r"\${SET} costs 5$ or $5", "${SET} costs 5$ or $5"),
            ("${open", "${open"),
            ("${!SET}", "${!SET}"),
            ("SIZER_REFERENCE_9_", "SIZER_REFERENCE_9_"),
        ] {
            let expanded = ExpandedText::of(text, &env);
            assert_eq!(expanded.with_references(&expanded.text), expected, "{text}");
        }
        let env = |name: &str| (name != "UNSET").then(|| "7".to_owned());
        let text = "{a: $A, b: '$B', c: [$C], d: x$D, API_KEY: $E, max_tokens: $F, u: $UNSET}";
        let expanded = ExpandedText::of(text, &env);
        let mut config: Map<String, Value> = serde_yaml::from_str(&expanded.text).unwrap();
        expanded.put_back_typed(&mut config);
        let expected = serde_json::json!({
            "a": 7, "b": "${env:B}", "c": [7], "d": "x${env:D}", "API_KEY": "${env:E}",
            "max_tokens": "${env:F}", "u": "${env:UNSET}",
        });
        assert_eq!(Value::from(config), expected);
        let deep = "${A:-".repeat(5_000) + &"}".repeat(5_000);
        assert!(ExpandedText::of(&deep, &env).text.len() <= deep.len());
    }
}
