//! Loading of a configuration as the reference does it: over the one that its `base` names, with
//! its variables filled in and the files that its prompts name read.

use super::error::ImportError;
use super::variables::{Env, ExpandedText};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Longest chain of `base` configurations; none that a person wrote is longer.
const MOST_BASES: usize = 16;
const FILE: &str = "file://";
/// File extensions that the reference accepts for prompts.
const PROMPT_FILES: [&str; 8] = ["txt", "md", "j2", "jinja2", "jinja", "prompt", "tpl", "template"];

/// Access to everything outside that loading a configuration needs.
pub struct Sources<'a> {
    /// Looks up an environment variable.
    pub env: &'a Env<'a>,
    /// Reads a file.
    pub read: &'a dyn Fn(&Path) -> std::io::Result<String>,
    /// Returns true if a file exists.
    pub exists: &'a dyn Fn(&str) -> bool,
}

/// Loads a configuration together with those it is based on.
pub(super) fn load(file: &Path, sources: &Sources<'_>) -> Result<Value, ImportError> {
    load_over(file, sources, &mut Vec::new())
}

fn load_over(
    file: &Path,
    sources: &Sources<'_>,
    open: &mut Vec<PathBuf>,
) -> Result<Value, ImportError> {
    let shown = file.display().to_string();
    let text = (sources.read)(file)
        .map_err(|error| ImportError::Unreadable { file: shown.clone(), error })?;
    let expanded = ExpandedText::of(&text, sources.env);
    let config: Value =
        serde_yaml::from_str(&expanded.text).map_err(|error| ImportError::Syntax {
            file: shown.clone(),
            message: format!("this is not valid YAML: {}", first_line(&error.to_string())),
        })?;
    let Value::Object(mut config) = config else {
        let message = "this is not a configuration: it holds no keys".to_owned();
        return Err(ImportError::Syntax { file: shown, message });
    };
    expanded.put_back_typed(&mut config);
    let folder = file.parent().unwrap_or(Path::new(""));
    prompts(&mut config, folder, sources, &shown)?;
    let Some(base) = config.remove("base") else { return Ok(Value::Object(config)) };
    let wrong = |message: &str| ImportError::Key {
        file: shown.clone(),
        key: "base".to_owned(),
        message: message.to_owned(),
    };
    let base = base.as_str().ok_or_else(|| wrong("write the path of one configuration"))?;
    let base = folder.join(base);
    open.push(file.to_owned());
    if open.contains(&base) || open.len() > MOST_BASES {
        return Err(wrong("the configurations extend each other in a cycle"));
    }
    let mut merged = load_over(&base, sources, open).map_err(|error| match error {
        ImportError::Unreadable { file, error } => wrong(&format!(
            "{file} cannot be read: {error} (relative paths are relative to {shown})"
        )),
        other => other,
    })?;
    open.pop();
    merge(&mut merged, Value::Object(config));
    Ok(merged)
}

fn first_line(text: &str) -> &str {
    text.split_once('\n').map_or(text, |(first, _)| first)
}

/// Merges one value over another, map by map.
fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                match under.get_mut(&key) {
                    Some(known) => merge(known, value),
                    None => drop(under.insert(key, value)),
                }
            }
        }
        (under, over) => *under = over,
    }
}

/// Replaces prompts that name a file by its content.
fn prompts(
    map: &mut Map<String, Value>,
    folder: &Path,
    sources: &Sources<'_>,
    shown: &str,
) -> Result<(), ImportError> {
    for (key, value) in map {
        match value {
            Value::Object(inner) => prompts(inner, folder, sources, shown)?,
            Value::String(text) if key.to_lowercase().ends_with("prompt") => {
                let Some(path) = text.strip_prefix(FILE) else { continue };
                let path = folder.join(path);
                let wrong = |message: String| ImportError::Key {
                    file: shown.to_owned(),
                    key: key.clone(),
                    message: format!("{}: {message}", path.display()),
                };
                let extension = path.extension().and_then(|it| it.to_str());
                let extension = extension.map(str::to_ascii_lowercase);
                if !extension.is_some_and(|it| PROMPT_FILES.contains(&it.as_str())) {
                    let known = PROMPT_FILES.join(", .");
                    return Err(wrong(format!("a file with a prompt is named .{known}")));
                }
                *text = (sources.read)(&path).map_err(|error| {
                    wrong(format!(
                        "it cannot be read: {error} (relative paths are relative to {shown})"
                    ))
                })?;
            }
            _ => {}
        }
    }
    Ok(())
}
