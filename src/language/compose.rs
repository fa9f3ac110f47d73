//! Composition of a spec from its parts: project defaults, includes, profiles, overrides, vars.
//!
//! Later parts win: `sizer.toml`, then `include` in order, then the spec itself, then the profile,
//! then `--set`. Maps are merged key by key, everything else is replaced. All of it happens on
//! trees, so that an error in a part points there.

use super::Override;
use super::decode::suggestion;
use super::error::{Place, Source, SpecError};
use super::interpolate::Env;
use super::matrix::{Branch, expand};
use super::toml_tree;
use super::tree::{Entry, Node, Value};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Reader of files that a spec includes. Passed in, so that this floor reads no files itself.
pub type ReadFile<'a> = dyn Fn(&Path) -> Result<String, std::io::Error> + 'a;

/// Parts of a spec besides its own text.
pub struct Parts<'a> {
    /// Path and text of the project's `sizer.toml`, if there is one.
    pub project: Option<(PathBuf, String)>,
    /// Profile to apply.
    pub profile: Option<&'a str>,
    /// Changes from the command line.
    pub overrides: &'a [Override],
    /// Looks up an environment variable.
    pub env: &'a Env<'a>,
    /// Reads an included file.
    pub read: &'a ReadFile<'a>,
}

const DEEPEST_INCLUDE: usize = 10;
/// Most files that are included in total: includes of includes soon are more than anybody meant.
const MOST_INCLUDES: usize = 200;
/// Most variables that refer to one another in a row.
const DEEPEST_VARIABLE: usize = 32;
/// Largest size of all files together, in bytes.
const LARGEST_TOGETHER: usize = 4 << 20;
/// Largest size of a spec in bytes once its variables are filled in, over all branches of a matrix.
const LARGEST_FILLED: usize = 64 << 20;

/// State of including files.
struct Includes {
    /// Path of includes from the spec down to the file being read.
    open: Vec<PathBuf>,
    /// Number of files read so far.
    count: usize,
    /// Their total size in bytes.
    size: usize,
}

/// Composes the trees of a spec: one, or one per combination of its matrix.
pub(crate) fn compose(
    main: &Arc<Source>,
    file: &Path,
    parts: &Parts<'_>,
) -> Result<Vec<Branch>, SpecError> {
    let mut tree = match &parts.project {
        Some((path, text)) => defaults(path, text)?,
        None => empty(main),
    };
    let mut includes = Includes { open: vec![file.to_owned()], count: 0, size: main.text.len() };
    let spec = load(main, file, parts.read, &mut includes)?;
    merge(&mut tree, spec);
    let profiles = tree.take("profiles");
    if let Some(name) = parts.profile {
        merge(&mut tree, profile(profiles, name, main)?);
    }
    for change in parts.overrides {
        change.apply(&mut tree)?;
    }
    let vars = tree.take("vars");
    let mut branches = expand(tree)?;
    let mut vars = Vars { tree: vars.as_ref(), left: LARGEST_FILLED, open: Vec::new() };
    for branch in &mut branches {
        fill_in(&mut branch.tree, &mut vars)?;
    }
    Ok(branches)
}

fn empty(source: &Arc<Source>) -> Node {
    let place = Place { source: Arc::clone(source), line: 1, column: 1 };
    Node { value: Value::Null, place }
}

/// Returns the table `defaults` of a project's `sizer.toml`.
fn defaults(path: &Path, text: &str) -> Result<Node, SpecError> {
    let source = Arc::new(Source { name: path.display().to_string(), text: text.to_owned() });
    let mut tree = toml_tree::parse(&source)?;
    let defaults = tree.take("defaults");
    if let Value::Map(entries) = &tree.value
        && let Some(other) = entries.first()
    {
        let message = format!("unknown key `{}`", other.key);
        return Err(SpecError::at(&other.place, message)
            .help("sizer.toml holds one table, [defaults], with keys of the spec in it"));
    }
    Ok(defaults.unwrap_or_else(|| empty(&source)))
}

/// Loads a file's tree, merged over those of the files that it includes.
fn load(
    source: &Arc<Source>,
    file: &Path,
    read: &ReadFile<'_>,
    includes: &mut Includes,
) -> Result<Node, SpecError> {
    let mut own = Node::parse(source)?;
    let Some(include) = own.take("include") else { return Ok(own) };
    let mut merged = empty(source);
    let files = match &include.value {
        Value::Seq(items) => items.iter().collect(),
        _ => vec![&include],
    };
    for node in files {
        let Value::Str(name) = &node.value else {
            return Err(SpecError::at(
                &node.place,
                format!("include: expected a path, found {}", node.kind()),
            )
            .help("write `include: shared.yml`, or a list of paths"));
        };
        let path = file.parent().unwrap_or(Path::new("")).join(name);
        includes.count += 1;
        let too_many = if includes.open.len() > DEEPEST_INCLUDE {
            Some(format!("includes are nested more than {DEEPEST_INCLUDE} files deep here"))
        } else if includes.count > MOST_INCLUDES {
            Some(format!(
                "this is include number {}, and at most {MOST_INCLUDES} are allowed",
                includes.count
            ))
        } else {
            None
        };
        if let Some(message) = too_many {
            return Err(SpecError::at(&node.place, message)
                .help("does a file include one that includes it?"));
        }
        if includes.open.contains(&path) {
            return Err(SpecError::at(&node.place, format!("{} includes itself", path.display()))
                .help("an included file cannot include one that includes it"));
        }
        let text = read(&path).map_err(|error| {
            let message = format!("the include {} cannot be read: {error}", path.display());
            SpecError::at(&node.place, message)
                .help("the path is relative to the file that names it")
        })?;
        includes.size = includes.size.saturating_add(text.len());
        if includes.size > LARGEST_TOGETHER {
            let mib = LARGEST_TOGETHER >> 20;
            let message =
                format!("the files included up to here are larger than {mib} MiB together");
            return Err(SpecError::at(&node.place, message));
        }
        let source = Arc::new(Source { name: path.display().to_string(), text });
        includes.open.push(path.clone());
        merge(&mut merged, load(&source, &path, read, includes)?);
        includes.open.pop();
    }
    merge(&mut merged, own);
    Ok(merged)
}

fn profile(profiles: Option<Node>, name: &str, main: &Arc<Source>) -> Result<Node, SpecError> {
    let Some(mut profiles) = profiles else {
        return Err(SpecError::in_file(&main.name, format!("there is no profile `{name}`"))
            .help("the spec has no key `profiles`"));
    };
    if let Some(chosen) = profiles.take(name) {
        return Ok(chosen);
    }
    let known = profiles.keys();
    Err(SpecError::at(&profiles.place, format!("there is no profile `{name}`"))
        .help(suggestion(name, &known)))
}

/// Merges one tree over another.
fn merge(under: &mut Node, over: Node) {
    match (&mut under.value, over.value) {
        (Value::Map(entries), Value::Map(new)) if same_kind(entries, &new) => {
            under.place = over.place;
            let known: HashMap<String, usize> =
                entries.iter().enumerate().map(|(at, entry)| (entry.key.clone(), at)).collect();
            for entry in new {
                match known.get(&entry.key).and_then(|at| entries.get_mut(*at)) {
                    Some(known) => {
                        known.place = entry.place;
                        merge(&mut known.node, entry.node);
                    }
                    None => entries.push(entry),
                }
            }
        }
        // A section without a value says nothing.
        (Value::Map(_), Value::Null) => {}
        (slot, value) => {
            *slot = value;
            under.place = over.place;
        }
    }
}

/// Returns true if two maps can be merged: one with another `type` has other keys, and replaces the
/// first.
fn same_kind(under: &[Entry], over: &[Entry]) -> bool {
    let kind = |entries: &[Entry]| {
        entries.iter().find(|entry| entry.key == "type").map(|entry| entry.node.value.clone())
    };
    match (kind(under), kind(over)) {
        (Some(under), Some(over)) => under == over,
        _ => true,
    }
}

/// The variables, and the bytes that may still be filled in from them.
struct Vars<'a> {
    tree: Option<&'a Node>,
    left: usize,
    /// Variables whose values are being filled in, from the outermost on.
    open: Vec<String>,
}

/// Replaces `${vars.NAME}` everywhere. A text that consists of one reference takes the variable's
/// value, whatever its type; within a longer text the value is written out.
fn fill_in(node: &mut Node, vars: &mut Vars<'_>) -> Result<(), SpecError> {
    match &mut node.value {
        Value::Seq(items) => items.iter_mut().try_for_each(|item| fill_in(item, vars)),
        Value::Map(entries) => {
            entries.iter_mut().try_for_each(|entry| fill_in(&mut entry.node, vars))
        }
        Value::Str(text) if text.contains("${vars.") => {
            node.value = filled(text, vars, &node.place)?;
            Ok(())
        }
        _ => Ok(()),
    }
}

fn filled(text: &str, vars: &mut Vars<'_>, place: &Place) -> Result<Value, SpecError> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${vars.") {
        let (name, tail) = after
            .split_once('}')
            .ok_or_else(|| SpecError::at(place, "`${` without a closing `}`"))?;
        let value = variable(name, vars, place)?;
        vars.left = vars.left.checked_sub(value.weight()).ok_or_else(|| {
            let mib = LARGEST_FILLED >> 20;
            let message = format!("with `vars` filled in, the spec takes more than {mib} MiB");
            SpecError::at(place, message)
        })?;
        if before.is_empty() && tail.is_empty() && out.is_empty() {
            return Ok(value.value);
        }
        out.push_str(before);
        let text = value.scalar_text().ok_or_else(|| {
            let message =
                format!("vars.{name} is {}, which cannot be inserted into a text", value.kind());
            SpecError::at(place, message).help("make the reference the whole value")
        })?;
        out.push_str(&text);
        rest = tail;
    }
    out.push_str(rest);
    Ok(Value::Str(out))
}

/// Returns the value of a variable, with the variables in it filled in.
fn variable(name: &str, vars: &mut Vars<'_>, place: &Place) -> Result<Node, SpecError> {
    let Some(value) = vars.tree.and_then(|tree| tree.child(name)) else {
        let known = vars.tree.map_or_else(Vec::new, Node::keys);
        let help = if known.is_empty() {
            "the spec has no `vars`".to_owned()
        } else {
            suggestion(name, &known)
        };
        return Err(SpecError::at(place, format!("there is no variable `vars.{name}`")).help(help));
    };
    if vars.open.iter().any(|open| open == name) {
        let way = vars.open.iter().skip_while(|open| *open != name).map(String::as_str);
        let way: Vec<&str> = way.chain([name]).collect();
        let message = format!("the variable refers to itself: {}", way.join(" → "));
        return Err(SpecError::at(place, message).help("a variable cannot depend on itself"));
    }
    if vars.open.len() >= DEEPEST_VARIABLE {
        let message = format!("variables are nested more than {DEEPEST_VARIABLE} deep here");
        return Err(SpecError::at(place, message));
    }
    let mut value = value.clone();
    vars.open.push(name.to_owned());
    fill_in(&mut value, vars)?;
    vars.open.pop();
    Ok(value)
}
