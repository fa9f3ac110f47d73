//! Masking of secrets that were written into a spec, in everything that quotes the spec.

use super::{names_a_secret, names_a_secret_variable};
use std::borrow::Cow;

/// Returns true if a value starts like a key that a well-known service issues.
fn looks_like_a_secret(value: &str) -> bool {
    const PREFIXES: [&str; 8] =
        ["sk-", "nvapi-", "hf_", "ghp_", "github_pat_", "xox", "AKIA", "eyJ"];
    PREFIXES.iter().any(|prefix| value.trim_matches(['"', '\'']).starts_with(prefix))
}

/// Masks every literal secret in a text: values of keys with a secret's name, and passwords in
/// URLs. References (`${env:NAME}`) stay, as they reveal nothing. Line numbers are kept.
pub fn redact(text: &str) -> String {
    text.split_inclusive('\n').map(redact_line).collect()
}

fn redact_line(line: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(line);
    for literal in values(line) {
        masked = Cow::Owned(masked.replace(literal, "***"));
    }
    if let Some(password) = url_password(line).filter(|password| !only_references(password)) {
        masked = Cow::Owned(masked.replace(&format!(":{password}@"), ":***@"));
    }
    masked
}

/// Returns the plain-text values in a line that are secrets by their key or by their own form.
fn values(line: &str) -> impl Iterator<Item = &str> {
    // A flow map puts several keys on one line, so each separator is looked at.
    line.match_indices([':', '=']).filter_map(|(at, separator)| {
        let before = &line[..at];
        let key = before.rsplit_once(['{', ',', ' ', '.', '[']).map_or(before, |(_, key)| key);
        let value = line[at + separator.len()..].trim_start();
        let first = first_value(value);
        let is_value = separator == "=" || line[at + 1..].starts_with(' ');
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
    inside.is_some_and(|inside| {
        let name = inside.trim_start_matches("env:").trim_end_matches([':', '-']);
        !name.contains(['}', '-'])
    })
}

/// Returns true if the query of an address holds a secret in plain text: the value of a name that
/// secrets go by, or a key that some service issues. References and templates do not count.
pub fn query_holds_a_secret(address: &str) -> bool {
    let query = address.split_once('?').map_or("", |(_, query)| query);
    query.split('&').any(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or(("", pair));
        let plain = !value.is_empty() && !only_references(value) && !value.contains("{{");
        plain && (names_a_secret_variable(name) || looks_like_a_secret(value))
    })
}

/// Returns the password of the first URL in a text, as written.
pub fn url_password(text: &str) -> Option<&str> {
    let rest = text.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#', ' ', '"', '\'', '\n']).next()?;
    let (userinfo, _) = authority.rsplit_once('@')?;
    // The colon of a reference separates nothing.
    let colon = userinfo.match_indices(':').find(|(at, _)| {
        let (before, _) = userinfo.split_at(*at);
        before.rfind("${").is_none_or(|open| before.get(open..).is_some_and(|it| it.contains('}')))
    });
    let password = userinfo.get(colon?.0 + 1..)?;
    (!password.is_empty()).then_some(password)
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
