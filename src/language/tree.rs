//! YAML documents as a tree in which every key and value knows its position.
//!
//! Everything that changes a spec before it has types works on this tree (includes, profiles,
//! `--set`), so that an error found later still points at the text that caused it.

use super::error::{Place, Source, SpecError};
use super::nesting;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::Spanned;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// A value with its position.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub value: Value,
    pub place: Place,
}

/// Content of a node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Str(String),
    Seq(Vec<Node>),
    Map(Vec<Entry>),
}

/// One entry of a map.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub key: String,
    pub place: Place,
    pub node: Node,
}

impl Node {
    /// Creates an empty tree without a position, for specs that are built in code.
    pub fn nothing(source: Source) -> Self {
        let place = Place { source: Arc::new(source), line: 0, column: 0 };
        Self { value: Value::Null, place }
    }

    /// Parses one YAML document. Anchors and aliases are resolved; a repeated key is an error.
    pub fn parse(source: &Arc<Source>) -> Result<Self, SpecError> {
        nesting::check(source)?;
        let options = serde_yaml::options! {
            duplicate_keys: serde_yaml::DuplicateKeyPolicy::PassThrough,
            strict_booleans: true,
        };
        let raw: Spanned<RawNode> = serde_yaml::from_str_with_options(&source.text, options)
            .map_err(|error| syntax_error(source, &error))?;
        Self::from_raw(raw, source)
    }

    fn from_raw(raw: Spanned<RawNode>, source: &Arc<Source>) -> Result<Self, SpecError> {
        let place = place_of(source, &raw.referenced);
        let value = match raw.value {
            RawNode::Scalar(value) => value,
            RawNode::Seq(items) => Value::Seq(
                items
                    .into_iter()
                    .map(|item| Self::from_raw(item, source))
                    .collect::<Result<_, _>>()?,
            ),
            RawNode::Map(pairs) => {
                let mut entries: Vec<Entry> = Vec::with_capacity(pairs.len());
                let mut lines: HashMap<String, u64> = HashMap::new();
                for (key, value) in pairs {
                    let place = place_of(source, &key.referenced);
                    if let Some(first) = lines.insert(key.value.clone(), place.line) {
                        return Err(SpecError::at(
                            &place,
                            format!("the key `{}` is given twice", key.value),
                        )
                        .help(format!("it is first given in line {first}; keep one")));
                    }
                    entries.push(Entry {
                        key: key.value,
                        place,
                        node: Self::from_raw(value, source)?,
                    });
                }
                Value::Map(entries)
            }
        };
        Ok(Self { value, place })
    }

    /// Returns the child under a key of a map, or at an index of a sequence.
    pub fn child(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => {
                entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
            }
            Value::Seq(items) => items.get(key.parse::<usize>().ok()?),
            _ => None,
        }
    }

    /// Returns the approximate size in bytes.
    pub fn weight(&self) -> usize {
        let inside: usize = match &self.value {
            Value::Str(text) => text.len(),
            Value::Seq(items) => items.iter().map(Self::weight).sum(),
            Value::Map(entries) => {
                let of_entry =
                    |entry: &Entry| size_of::<Entry>() + entry.key.len() + entry.node.weight();
                entries.iter().map(of_entry).sum()
            }
            _ => 0,
        };
        size_of::<Self>() + inside
    }

    /// Removes a key from a map and returns its value.
    pub fn take(&mut self, key: &str) -> Option<Self> {
        let Value::Map(entries) = &mut self.value else { return None };
        let at = entries.iter().position(|entry| entry.key == key)?;
        Some(entries.remove(at).node)
    }

    /// Returns the position of a dotted path, or of its nearest ancestor that was written down.
    pub fn place_of(&self, path: &str) -> Place {
        let mut node = self;
        for key in path.split('.') {
            match node.child(key) {
                Some(child) => node = child,
                None => break,
            }
        }
        node.place.clone()
    }

    /// Sets the value at a dotted path, creating the maps on the way.
    pub fn set(&mut self, path: &[&str], value: Self) -> Result<(), SpecError> {
        let Some((key, rest)) = path.split_first() else {
            *self = value;
            return Ok(());
        };
        if self.value == Value::Null {
            *self = Self { value: Value::Map(Vec::new()), place: value.place.clone() };
        }
        match &mut self.value {
            Value::Map(entries) => {
                let at = entries.iter().position(|entry| entry.key == **key);
                let index = at.unwrap_or_else(|| {
                    let empty = Self { value: Value::Null, place: value.place.clone() };
                    entries.push(Entry {
                        key: (*key).to_owned(),
                        place: value.place.clone(),
                        node: empty,
                    });
                    entries.len() - 1
                });
                match entries.get_mut(index) {
                    Some(entry) => entry.node.set(rest, value),
                    None => Ok(()),
                }
            }
            Value::Seq(items) => {
                let count = items.len();
                match key.parse::<usize>().ok().and_then(|index| items.get_mut(index)) {
                    Some(item) => item.set(rest, value),
                    None => Err(SpecError::at(
                        &value.place,
                        format!("`{key}` is not a position in that list of {count}"),
                    )
                    .help("positions count from 0")),
                }
            }
            _ => Err(SpecError::at(
                &value.place,
                format!("`{key}` cannot be set inside a plain value"),
            )
            .help("set the whole value instead")),
        }
    }

    /// Replaces the source of all positions by another one with the same positions.
    pub fn move_to(&mut self, source: &Arc<Source>) {
        self.place.source = Arc::clone(source);
        match &mut self.value {
            Value::Seq(items) => items.iter_mut().for_each(|item| item.move_to(source)),
            Value::Map(entries) => {
                for entry in entries {
                    entry.place.source = Arc::clone(source);
                    entry.node.move_to(source);
                }
            }
            _ => {}
        }
    }

    /// Returns a scalar as text; `None` for nothing, a list or a map.
    pub fn scalar_text(&self) -> Option<String> {
        Some(match &self.value {
            Value::Str(text) => text.clone(),
            Value::Bool(value) => value.to_string(),
            Value::Int(number) => number.to_string(),
            Value::Uint(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Null | Value::Seq(_) | Value::Map(_) => return None,
        })
    }

    /// Returns the keys of a map; empty for anything else.
    pub fn keys(&self) -> Vec<&str> {
        match &self.value {
            Value::Map(entries) => entries.iter().map(|entry| entry.key.as_str()).collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the kind of the value in words, for "found …".
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Int(_) => "a negative number",
            Value::Uint(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Str(_) => "a text",
            Value::Seq(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}

fn place_of(source: &Arc<Source>, location: &serde_yaml::Location) -> Place {
    Place { source: Arc::clone(source), line: location.line(), column: location.column() }
}

fn syntax_error(source: &Arc<Source>, error: &serde_yaml::Error) -> SpecError {
    let text = error.without_snippet().to_string();
    let message = text.split(" at line ").next().unwrap_or(&text);
    let message = format!("this is not valid YAML: {message}");
    match error.location() {
        Some(location) => {
            let place = place_of(source, &location);
            let line = usize::try_from(place.line).ok().and_then(|line| line.checked_sub(1));
            let line = line.and_then(|line| source.text.lines().nth(line));
            let wrong = SpecError::at(&place, message);
            let in_brackets = |line: &str| line.replace("${", "").contains(['{', '[']);
            if line.is_some_and(|line| line.contains("${") && in_brackets(line)) {
                return wrong.help(
                    "within brackets, put a text with a reference in quotes: {model: \"${env:MODEL}\"}",
                );
            }
            wrong
        }
        None => SpecError::in_file(&source.name, message),
    }
}

/// A node as the YAML reader yields it, before its position is attached.
enum RawNode {
    Scalar(Value),
    Seq(Vec<Spanned<RawNode>>),
    Map(Vec<(Spanned<String>, Spanned<RawNode>)>),
}

impl<'de> Deserialize<'de> for RawNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = RawNode;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<RawNode, E> {
        Ok(RawNode::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<RawNode, E> {
        Ok(RawNode::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<RawNode, E> {
        Ok(RawNode::Scalar(u64::try_from(value).map_or(Value::Int(value), Value::Uint)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<RawNode, E> {
        Ok(RawNode::Scalar(Value::Uint(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<RawNode, E> {
        Ok(RawNode::Scalar(Value::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<RawNode, E> {
        Ok(RawNode::Scalar(Value::Str(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<RawNode, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(RawNode::Seq(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<RawNode, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = access.next_entry()? {
            pairs.push(pair);
        }
        Ok(RawNode::Map(pairs))
    }
}
