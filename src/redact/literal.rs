//! Masking of secrets that were written into a spec, in everything that quotes the spec.

use super::hidden::{Below, Hidden, quoted_length};
use super::plain_value::{first_value, key_before, looks_like_a_secret, only_references};
use super::{is_formed_as_a_secret, names_a_secret, names_a_secret_variable, url_password};

/// Masks every literal secret in a text: values of keys with a secret's name, keys that services issue, and passwords in
/// URLs. References (`${env:NAME}`) stay, as they reveal nothing. Lines are kept.
pub fn redact(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut below: Option<Below> = None;
    for line in text.split_inclusive('\n') {
        let (content, end) = line.split_at(line.trim_end_matches(['\n', '\r']).len());
        let indent = content.len() - content.trim_start().len();
        if below.as_mut().is_some_and(|below| below.covers(content, indent)) {
            let (blank, value) = content.split_at(indent);
            masked.extend([blank, if value.is_empty() { "" } else { "***" }, end]);
            continue;
        }
        let hidden = Hidden::of(content);
        below = hidden.goes_on.then_some(Below { indent, is_first: true });
        masked.extend([hidden.masked(content).as_ref(), end]);
    }
    masked
}

/// Masks in a message about a line whatever that line itself would not show.
pub fn redact_beside(message: &str, line: &str) -> String {
    /// Shortest word that tells something.
    const SHORTEST: usize = 4;
    let mut masked = message.to_owned();
    for part in Hidden::of(line.trim_end()).parts {
        let Some(part) = line.get(part) else { continue };
        let words = part.split(|c: char| c.is_whitespace() || ",{}[]\"'".contains(c));
        for word in words.filter(|word| word.len() >= SHORTEST && !only_references(word)) {
            masked = masked.replace(word, "***");
        }
    }
    masked
}

/// Returns a line with the value that begins at a byte hidden: as far as its quotes reach, or to the end of the line.
pub fn with_hidden_value(line: &str, at: usize) -> String {
    let (before, value) = line.split_at(line.floor_char_boundary(at));
    let content = value.trim_end_matches(['\n', '\r']);
    let closing = |c: char| matches!(c, ']' | '}' | ' ');
    let length = quoted_length(value).unwrap_or(content.trim_end_matches(closing).len());
    let rest = value.get(length..).unwrap_or("");
    format!("{before}***{rest}")
}

/// Returns the plain-text values in a line that are secrets by their key or by their own form.
fn values(line: &str) -> impl Iterator<Item = &str> {
    // A flow map puts several keys on one line, so each separator is looked at.
    line.match_indices([':', '=']).filter_map(|(at, separator)| {
        let (before, after) = line.split_at(at);
        let (key, is_quoted) = key_before(before);
        let rest = after.split_at(separator.len()).1;
        let first = first_value(rest.trim_start());
        let is_value = separator == "=" || is_quoted || rest.starts_with(' ');
        let opens = first.starts_with(['{', '[', '|', '>']);
        let named = match separator {
            // Perhaps a field in the query of an address.
            "=" => names_a_secret_variable(key),
            _ => names_a_secret(key),
        };
        let secret = named || looks_like_a_secret(first);
        (is_value && secret && !first.is_empty() && !opens && !only_references(first))
            .then_some(first)
    })
}

/// Returns true if a value holds a secret in plain text, by the name of its key or by its own form.
pub fn is_plain_secret(key: &str, value: &str) -> bool {
    let is_value = !value.is_empty() && !only_references(value) && !value.contains("{{");
    is_value && names_a_secret(key) || is_formed_as_a_secret(value)
}

/// Returns possible secrets among the arguments of a command line: values of names that secrets go
/// by (`--api-key VALUE`, `--set workflow.api_key=VALUE`), keys that services issue, passwords in
/// addresses.
pub fn secrets_among(arguments: &[String]) -> Vec<&str> {
    let mut found = Vec::new();
    let mut named = false;
    for argument in arguments {
        let is_flag = argument.starts_with('-');
        found.extend(values(argument));
        if (named && !is_flag || looks_like_a_secret(argument)) && !only_references(argument) {
            found.push(argument);
        }
        found.extend(url_password(argument).filter(|password| !only_references(password)));
        named = is_flag && !argument.contains('=') && names_a_secret(argument);
    }
    found.into_iter().map(|it| it.trim_matches(['"', '\''])).filter(|it| !it.is_empty()).collect()
}

/// Returns true if the query of an address holds a secret in plain text: the value of a name that
/// secrets go by, or a key that some service issues. References and templates do not count.
pub fn query_holds_a_secret(address: &str) -> bool {
    let query = address.split_once(['?', '#']).map_or("", |(_, query)| query);
    query.split(['&', ';', '#']).any(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        let plain = !value.is_empty() && !only_references(value) && !value.contains("{{");
        plain && (names_a_secret_variable(name) || looks_like_a_secret(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_holds_a_secret_by_its_name_or_its_value() {
        for (address, expected) in [
            ("http://h/v1?token=canary", true),
            ("http://h/v1?version=2&x=sk-canary", true),
            ("http://h/v1?sk-canary", true),
            ("http://h/v1?sig=canary&max_tokens=3", true),
            ("http://h/v1?max_tokens=3", false),
            ("http://h/v1?token=${env:API_TOKEN}&version=2", false),
            ("http://h/v1?token=${env:API_TOKEN:-canary}", true),
            ("http://h/v1?api_key={{ key }}", false),
            ("http://h/v1?api-version=2024-02-01", false),
            ("http://h/token=canary", false),
        ] {
            assert_eq!(query_holds_a_secret(address), expected, "{address}");
        }
    }

    #[test]
    fn secrets_among_arguments() {
        let among = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
            secrets_among(&arguments).join(" ")
        };
        for (arguments, expected) in [
            (&["run", "spec.yml", "--set", "targets.users=5"][..], ""),
            (&["--set", "workflow.api_key=canary"], "canary"),
            (&["--set", "workflow.headers.x-api-key='can ary'"], "can ary"),
            (&["--set", "workflow.api_key=${env:KEY}"], ""),
            (&["--set", "dataset.id_key=nr"], ""),
            (&["--set", "workflow.max_tokens=9"], ""),
            (&["--api-key", "canary", "x"], "canary"),
            (&["--api_key=canary"], "canary"),
            (&["sk-canary"], "sk-canary"),
            (&["--model=sk-canary"], "sk-canary"),
            (&["http://me:canary@h/v1"], "canary"),
            (&["--set", "workflow={api_key: canary}"], "canary"),
            (&["Authorization: Bearer canary"], "Bearer canary"),
            (&["--token", "--quiet"], ""),
        ] {
            assert_eq!(among(arguments), expected, "{arguments:?}");
        }
    }

    #[test]
    fn masks_literals_and_keeps_references() {
        for (line, expected) in [
            ("api_key: sk-canary\n", "api_key: ***\n"),
            ("  api_kye: x\n", "  api_kye: ***\n"),
            ("  modle: sk-canary\n", "  modle: ***\n"),
            ("api_key: ${env:KEY}\n", "api_key: ${env:KEY}\n"),
            ("headers: {Authorization: Bearer canary}\n", "headers: {Authorization: ***}\n"),
            ("workflow.api_key=canary", "workflow.api_key=***"),
            ("u: 'http://host/v1?sig=canary'\n", "u: 'http://host/v1?sig=***\n"),
            ("base_url: http://me:canary@host/v1\n", "base_url: http://me:***@host/v1\n"),
            ("base_url: http://${env:WHO}@host/v1\n", "base_url: http://${env:WHO}@host/v1\n"),
            ("u: http://${env:WHO}:canary@host/v1\n", "u: http://${env:WHO}:***@host/v1\n"),
            ("{api_key: \"${env:KEY}\"}\n", "{api_key: \"${env:KEY}\"}\n"),
            ("{api_key: ${env:KEY}, model: m}\n", "{api_key: ${env:KEY}, model: m}\n"),
            ("{api_key: 'a canary, two', model: m}\n", "{api_key: ***, model: m}\n"),
            ("max_tokens: 64\n", "max_tokens: 64\n"),
            ("api_key: ${env:KEY:-}\n", "api_key: ${env:KEY:-}\n"),
            ("api_key: ${env:KEY:-canary}\n", "api_key: ***\n"),
            ("api_key: \"${env:KEY-canary}\"\n", "api_key: ***\n"),
            ("x-auth: Basic ${env:B64}\n", "x-auth: Basic ${env:B64}\n"),
        ] {
            assert_eq!(redact(line), expected);
        }
    }
}
