//! Older versions of the spec format, and their migration to the current one.
//!
//! A text is edited, never rewritten: comments and formatting are the user's.

use crate::language::{Node, Source, SpecError, Value};
use std::path::Path;
use std::sync::Arc;

/// Version of the format that this sizer reads.
pub(super) const CURRENT: u64 = 1;

/// One step: converts a version's text and tree to the text of the next.
type Step = fn(&str, &Node) -> String;

/// Steps by the version that they start from.
const STEPS: &[Step] = &[from_0];

/// A spec migrated to the current version of the format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigratedSpec {
    /// New text.
    pub text: String,
    /// Version of the original text.
    pub from: u64,
    /// Version of the new text.
    pub to: u64,
}

/// Migrates a spec's text to the current version; `None` if it is of that version already. `file`
/// is its name in errors.
pub fn migrate(text: &str, file: &Path) -> Result<Option<MigratedSpec>, SpecError> {
    let parse = |text: &str| {
        let source = Arc::new(Source { name: file.display().to_string(), text: text.to_owned() });
        Node::parse(&source)
    };
    let mut tree = parse(text)?;
    let from = version_of(&tree)?;
    let mut text = text.to_owned();
    let steps = STEPS.iter().skip(usize::try_from(from).unwrap_or(usize::MAX));
    for step in steps {
        text = step(&text, &tree);
        tree = parse(&text)?;
    }
    Ok((from < CURRENT).then_some(MigratedSpec { text, from, to: CURRENT }))
}

/// Fails for every version but the current one.
pub(super) fn check_version(tree: &Node) -> Result<(), SpecError> {
    let version = version_of(tree)?;
    if version == CURRENT {
        return Ok(());
    }
    let (place, message) = match tree.child("version") {
        Some(node) => (&node.place, format!("this spec has version {version}")),
        None => (&tree.place, "the key `version` is missing".to_owned()),
    };
    let file = &tree.place.source.name;
    Err(SpecError::at(place, format!("{message}; this sizer reads version {CURRENT}"))
        .help(format!("`sizer migrate {file}` rewrites it and keeps its meaning")))
}

/// Returns the version of a spec. One without the key is of version 0, which had no such key.
fn version_of(tree: &Node) -> Result<u64, SpecError> {
    match (tree.child("version"), &tree.value) {
        (Some(Node { value: Value::Uint(version), place }), _) => {
            if *version > CURRENT {
                let message =
                    format!("this spec has version {version}; this sizer reads version {CURRENT}");
                return Err(SpecError::at(place, message).help("a newer sizer reads it"));
            }
            Ok(*version)
        }
        (Some(node), _) => Err(SpecError::at(
            &node.place,
            format!("version: expected a whole number, found {}", node.kind()),
        )
        .help(format!("write `version: {CURRENT}`"))),
        (None, Value::Map(_)) => Ok(0),
        (None, Value::Null) => Err(SpecError::at(&tree.place, "the spec is empty")
            .help("write a starter spec with `sizer init`")),
        (None, _) => {
            Err(SpecError::at(&tree.place, format!("a spec is a map, found {}", tree.kind()))
                .help("write a starter spec with `sizer init` to see one"))
        }
    }
}

/// Migrates from version 0, which had no version key; everything else means the same in version 1.
fn from_0(text: &str, tree: &Node) -> String {
    let edit = match (tree.child("version"), &tree.value) {
        (Some(version), _) => offset(text, version.place.line, version.place.column).map(|at| {
            let (_, written) = text.split_at(at);
            let end = written.find(|c: char| !c.is_alphanumeric()).unwrap_or(written.len());
            (at..at + end, "1".to_owned())
        }),
        (None, Value::Map(entries)) => entries.first().and_then(|first| {
            let at = offset(text, first.place.line, first.place.column)?;
            let line_start = text.get(..at)?.rfind('\n').map_or(0, |newline| newline + 1);
            // In braces (YAML or JSON) a comma ends it, else the line.
            let braces = text.get(line_start..at)?.contains('{');
            let braces = braces || text.get(..at)?.trim_end().ends_with(['{', ',']);
            let key = if braces { "\"version\": 1, " } else { "version: 1\n" };
            Some((at..at, key.to_owned()))
        }),
        _ => None,
    };
    let mut text = text.to_owned();
    if let Some((range, new)) = edit {
        text.replace_range(range, &new);
    }
    text
}

/// Returns the byte offset of a line and column (one-based, in characters).
fn offset(text: &str, line: u64, column: u64) -> Option<usize> {
    let lines_before = usize::try_from(line.checked_sub(1)?).ok()?;
    let mut lines = text.split_inclusive('\n');
    let start: usize = lines.by_ref().take(lines_before).map(str::len).sum();
    let characters = usize::try_from(column.checked_sub(1)?).ok()?;
    Some(start + lines.next()?.chars().take(characters).map(char::len_utf8).sum::<usize>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migrated(text: &str) -> Option<String> {
        migrate(text, Path::new("spec.yml")).unwrap().map(|migrated| migrated.text)
    }

    #[test]
    fn the_rest_of_the_text_stays_as_it_was() {
        assert_eq!(
            migrated("# Ours.\n\nname: é  # a name\nversion: 0 # old\n").unwrap(),
            "# Ours.\n\nname: é  # a name\nversion: 1 # old\n"
        );
        assert_eq!(migrated("# Ours.\nname: n\n").unwrap(), "# Ours.\nversion: 1\nname: n\n");
        assert_eq!(migrated("---\nname: n\n").unwrap(), "---\nversion: 1\nname: n\n");
        assert_eq!(migrated("{\n  \"name\": 1}").unwrap(), "{\n  \"version\": 1, \"name\": 1}");
        assert_eq!(migrated("{name: 1}").unwrap(), "{\"version\": 1, name: 1}");
        assert_eq!(migrated("version: 1\n"), None);
    }
}
