//! Text format of the lock file: stanzas that git can merge line by line, and recovery if it could not.

use super::{LockState, LockedStage};
use indexmap::IndexMap;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Stanzas of each spec of a folder, by stage.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct Content {
    #[serde(default)]
    pub specs: BTreeMap<String, BTreeMap<String, LockedStage>>,
}

const HEADER: &str =
    "# Written by sizer: what was measured for the specs in this folder. Commit it.\n";

/// Renders one stanza per stage, sorted. Every line names its spec and stage, so no two stanzas share a line:
/// `merge=union` yields the stanzas of both sides and never a mixture.
pub(super) fn rendered(content: &Content) -> String {
    let mut text = HEADER.to_owned();
    for (spec, stages) in &content.specs {
        for (stage, LockedStage { key, digest, size, tool }) in stages {
            let whose = format!("{}.{}", quoted(spec), quoted(stage));
            let (key, digest, tool) =
                (quoted(&key.to_string()), quoted(&digest.to_string()), quoted(tool));
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\n[specs.{whose}]\nkey = {key} # {whose}\ndigest = {digest} # {whose}\n\
                 size = {size} # {whose}\ntool = {tool} # {whose}\n"
            );
        }
    }
    text
}

/// Quotes a text as a single-line TOML string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            control if control.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out + "\""
}

/// Parses a lock file and reports the state it is in.
pub(super) fn parse(text: &str) -> (Content, LockState) {
    if is_conflicted(text) {
        let mut merged = Content::default();
        for side in [side(text, true), side(text, false)] {
            // A side that is not valid TOML by itself is skipped.
            let Ok(content) = toml::from_str::<Content>(&side) else { continue };
            for (spec, stages) in content.specs {
                let known = merged.specs.entry(spec).or_default();
                for (stage, locked) in stages {
                    known.entry(stage).or_insert(locked);
                }
            }
        }
        return (merged, LockState::Conflicted);
    }
    match toml::from_str(text) {
        Ok(content) => (content, LockState::Sound),
        Err(error) => {
            // Both sides measured the same level: the first of each value counts.
            let content = first_of_each(text);
            if !content.specs.is_empty() {
                return (content, LockState::Conflicted);
            }
            let message = error.message();
            let first = message.split_once('\n').map_or(message, |(first, _)| first).to_owned();
            (Content::default(), LockState::Unreadable(first))
        }
    }
}

/// Parses a text with duplicate headers and values, keeping the first of each. Incomplete stanzas are left
/// out.
fn first_of_each(text: &str) -> Content {
    let mut stanzas: IndexMap<&str, IndexMap<&str, &str>> = IndexMap::new();
    let mut header = "";
    for line in text.lines() {
        if line.starts_with('[') {
            header = line;
        } else if let Some((name, _)) = line.split_once('=') {
            stanzas.entry(header).or_default().entry(name.trim()).or_insert(line);
        }
    }
    let mut content = Content::default();
    for (header, values) in stanzas {
        let lines: Vec<&str> = [header].into_iter().chain(values.into_values()).collect();
        let Ok(stanza) = toml::from_str::<Content>(&lines.join("\n")) else { continue };
        for (spec, stages) in stanza.specs {
            content.specs.entry(spec).or_default().extend(stages);
        }
    }
    content
}

fn is_conflicted(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("<<<<<<< "))
}

/// Extracts one side of a text with git's conflict markers.
fn side(text: &str, ours: bool) -> String {
    #[derive(PartialEq)]
    enum ConflictSection {
        Both,
        Ours,
        Base,
        Theirs,
    }
    let mut state = ConflictSection::Both;
    let mut kept = String::new();
    for line in text.lines() {
        match line.get(..7) {
            Some("<<<<<<<") => state = ConflictSection::Ours,
            Some("|||||||") => state = ConflictSection::Base,
            Some("=======") => state = ConflictSection::Theirs,
            Some(">>>>>>>") => state = ConflictSection::Both,
            _ => {
                let wanted = if ours { ConflictSection::Ours } else { ConflictSection::Theirs };
                if state == ConflictSection::Both || state == wanted {
                    kept.push_str(line);
                    kept.push('\n');
                }
            }
        }
    }
    kept
}

/// Parses a text, renders the result, and checks that it parses the same again.
///
/// # Panics
///
/// If it does not.
#[cfg(fuzzing)]
pub(super) fn read_twice(text: &str) {
    let (content, _) = parse(text);
    // A spec without stages has no stanza.
    let mut kept = content.clone();
    kept.specs.retain(|_, stages| !stages.is_empty());
    let (again, state) = parse(&rendered(&content));
    assert_eq!((again, state), (kept, LockState::Sound));
}
