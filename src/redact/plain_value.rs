//! Values and keys as they stand in a line of text.

/// Returns true if a value starts like a key that a well-known service issues.
pub(super) fn looks_like_a_secret(value: &str) -> bool {
    const PREFIXES: [&str; 8] =
        ["sk-", "nvapi-", "hf_", "ghp_", "github_pat_", "xox", "AKIA", "eyJ"];
    PREFIXES.iter().any(|prefix| value.trim_matches(['"', '\'']).starts_with(prefix))
}

/// Returns the key at the end of a text, and true if it is in quotes.
pub(super) fn key_before(text: &str) -> (&str, bool) {
    let text = text.trim_end();
    if let Some(inside) = text.strip_suffix(['"', '\'']) {
        return (inside.rsplit_once(['"', '\'']).map_or(inside, |(_, key)| key), true);
    }
    let key = text.rsplit_once(['{', ',', ' ', '.', '[', '?', '&']).map_or(text, |(_, key)| key);
    (key, false)
}

/// Returns the plain, quoted or referenced value at the start of a text.
pub(super) fn first_value(text: &str) -> &str {
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
pub(super) fn only_references(value: &str) -> bool {
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
