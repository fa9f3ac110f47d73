//! Masking of secrets that were written into a spec, in everything that quotes the spec.

use super::{is_formed_as_a_secret, names_a_secret, names_a_secret_variable};
use std::borrow::Cow;
use std::ops::Range;

/// Returns true if a value starts like a key that a well-known service issues.
fn looks_like_a_secret(value: &str) -> bool {
    const PREFIXES: [&str; 8] =
        ["sk-", "nvapi-", "hf_", "ghp_", "github_pat_", "xox", "AKIA", "eyJ"];
    PREFIXES.iter().any(|prefix| value.trim_matches(['"', '\'']).starts_with(prefix))
}

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

/// Lines below a key that belong to its value.
struct Below {
    /// Columns before the key.
    indent: usize,
    /// True until a line of the value was seen.
    is_first: bool,
}

impl Below {
    fn covers(&mut self, content: &str, indent: usize) -> bool {
        let text = content.trim_start();
        let is_item = indent == self.indent && text.starts_with("- ");
        let covers = text.is_empty() || self.is_first || indent > self.indent || is_item;
        self.is_first &= text.is_empty();
        covers
    }
}

/// Parts of a line that are secrets.
#[derive(Default)]
struct Hidden {
    parts: Vec<Range<usize>>,
    /// True if the last one may go on in the lines below.
    goes_on: bool,
}

impl Hidden {
    fn of(line: &str) -> Self {
        let mut hidden = Self::default();
        hidden.values_of_keys(line);
        hidden.parts.extend(passwords(line));
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

    fn masked<'a>(&self, line: &'a str) -> Cow<'a, str> {
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

/// Returns the key at the end of a text, and true if it is in quotes.
fn key_before(text: &str) -> (&str, bool) {
    let text = text.trim_end();
    if let Some(inside) = text.strip_suffix(['"', '\'']) {
        return (inside.rsplit_once(['"', '\'']).map_or(inside, |(_, key)| key), true);
    }
    let key = text.rsplit_once(['{', ',', ' ', '.', '[', '?', '&']).map_or(text, |(_, key)| key);
    (key, false)
}

/// Returns the length of a value in quotes at the start of a text; `None` if it is not in quotes, or does not end.
fn quoted_length(text: &str) -> Option<usize> {
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

/// Returns the password of a user and a password, as written; `None` without any.
fn password_in(user_info: &str) -> Option<&str> {
    // The colon of a reference separates nothing.
    let colon = user_info.match_indices(':').find(|(at, _)| {
        let (before, _) = user_info.split_at(*at);
        before.rfind("${").is_none_or(|open| before.get(open..).is_some_and(|it| it.contains('}')))
    });
    user_info.get(colon?.0 + 1..).filter(|password| !password.is_empty())
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

/// Returns the plain, quoted or referenced value at the start of a text.
fn first_value(text: &str) -> &str {
    let quoted = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    let end = if let Some(quote) = quoted {
        text[1..].find(quote).map_or(text.len(), |end| end + 2)
    } else {
        // The brace of a reference ends no flow map.
        let stop = |c: char| matches!(c, ',' | '}' | '\n' | '\r');
        let first_stop = text.find(stop).unwrap_or(text.len());
        let reference = text.find("${").filter(|at| *at < first_stop);
        let after = reference.and_then(|at| Some(at + text[at..].find('}')? + 1));
        after.map_or(first_stop, |after| {
            text[after..].find(stop).map_or(text.len(), |at| after + at)
        })
    };
    text.get(..end).unwrap_or(text).trim()
}

/// Returns true if a text reveals nothing: it consists of a reference, apart from a scheme like
/// `Bearer`.
fn only_references(value: &str) -> bool {
    let value = value.trim_matches(['"', '\'']);
    let value = ["Bearer ", "Basic "].iter().find_map(|s| value.strip_prefix(s)).unwrap_or(value);
    let inside = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    // What stands after the name of a variable is a default, in plain text.
    let is_template = value.starts_with("{{") && value.ends_with("}}");
    is_template
        || inside.is_some_and(|inside| {
            let name = inside.trim_start_matches("env:").trim_end_matches([':', '-']);
            !name.contains(['}', '-'])
        })
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

/// Returns the password of an address, as written, or of the first one in a text.
pub fn url_password(text: &str) -> Option<&str> {
    let rest = text.split_once("://")?.1.trim_start_matches('/');
    let authority = rest.split(['/', '?', '#', '\n']).next()?;
    password_in(authority.rsplit_once('@')?.0)
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
