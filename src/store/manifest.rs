//! What made an artifact: its stage, its key, and everything that the key was made of.

use super::StoreError;
use super::folder::{Entry, Folder};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::SystemTime;

/// The folder of the store that holds all manifests.
pub(super) const FOLDER: &str = "manifests";

/// No manifest is larger: it holds a slice of a spec and one digest for each stage.
const LARGEST: u64 = 4 << 20;

/// The blake3 hash of everything that a stage reads: equal keys, equal artifact.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(String);

/// The blake3 hash of an artifact's bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Key {
    /// The key in hexadecimal.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Digest {
    /// The digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).to_hex().to_string())
    }

    /// The digest of everything that can be read, without holding it.
    pub fn of_reader(reader: impl Read) -> std::io::Result<Self> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(reader)?;
        Ok(Self(hasher.finalize().to_hex().to_string()))
    }

    /// The digest in hexadecimal.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a key is made of, kept so that a changed key can be explained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    /// Version of the stage's own behaviour and of its artifact's form.
    pub version: u32,
    /// The slice of the spec (and digests of files) that the stage reads.
    pub reads: Value,
    /// Digests of the artifacts that it reads, by stage.
    pub inputs: BTreeMap<String, Digest>,
}

/// The key of a stage.
pub fn key_of(stage: &str, parts: &Parts) -> Key {
    let value = serde_json::json!({
        "stage": stage, "version": parts.version, "reads": parts.reads, "inputs": parts.inputs,
    });
    let mut text = String::new();
    write_canonical(&value, &mut text);
    Key(blake3::hash(text.as_bytes()).to_hex().to_string())
}

/// JSON with sorted keys: the order in which a person wrote them changes nothing.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<&String, &Value> = map.iter().collect();
            out.push('{');
            for (key, value) in sorted {
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

/// The record of an artifact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The stage that made it.
    pub stage: String,
    /// Its key.
    pub key: Key,
    /// Digest of the artifact.
    pub digest: Digest,
    /// Size of the artifact in bytes.
    pub size: u64,
    /// Version of sizer that made it.
    pub tool: String,
    /// Why the artifact is not whole, where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_short: Option<String>,
    /// What the key was made of.
    pub parts: Parts,
}

impl Manifest {
    fn folder(root: &Path) -> std::io::Result<Folder> {
        Folder::root(root)?.folder(FOLDER)
    }

    /// The name of a manifest's file. A key comes from a file that anybody can edit: only hexadecimal may
    /// become a name.
    fn file_name(key: &Key) -> Option<String> {
        let plain = key.0.bytes().all(|byte| byte.is_ascii_hexdigit());
        plain.then(|| format!("{key}.json"))
    }

    /// Whether there is a manifest of that key, readable or not.
    pub(super) fn is_there(root: &Path, key: &Key) -> bool {
        let folder = Self::folder(root).ok();
        folder.zip(Self::file_name(key)).is_some_and(|(folder, name)| folder.has(&name))
    }

    pub(super) fn keep(&self, root: &Path) -> Result<(), StoreError> {
        let sealed = Sealed { check: self.check(), manifest: self.clone() };
        let text = serde_json::to_string_pretty(&sealed).unwrap_or_default();
        let folder = Folder::root_made(root)?.folder_made(FOLDER)?;
        folder.write(&format!("{}.json", self.key), text.as_bytes())
    }

    /// A manifest that cannot be read, or is not what was written, is none: the stage runs again.
    pub(super) fn read(root: &Path, key: &Key) -> Option<Self> {
        let text = Self::folder(root).ok()?.read(&Self::file_name(key)?, LARGEST).ok()?;
        let Sealed { check, manifest } = serde_json::from_slice(&text).ok()?;
        (manifest.key == *key && manifest.check() == check).then_some(manifest)
    }

    /// The manifests of all stages of a kind, or of all where it is empty, the newest first. Of other kinds only so much is read
    /// as says what they are: a store has many more of them.
    pub(super) fn all_of(root: &Path, kind: &str) -> Vec<Self> {
        let Ok(folder) = Self::folder(root) else { return Vec::new() };
        let of_file = |file: Entry| {
            let key = file.name.strip_suffix(".json")?;
            if !is_of_kind(folder.open(&file.name).ok()?, kind)? {
                return None;
            }
            let manifest = Self::read(root, &Key(key.to_owned()))?;
            (kind.is_empty() || manifest.kind() == kind).then_some((file.modified, manifest))
        };
        let files = folder.entries().into_iter();
        let mut found: Vec<(SystemTime, Self)> = files.filter_map(of_file).collect();
        found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.key.cmp(&b.1.key)));
        found.into_iter().map(|(_, manifest)| manifest).collect()
    }

    fn kind(&self) -> &str {
        self.stage.split_once('@').map_or(self.stage.as_str(), |(kind, _)| kind)
    }

    fn check(&self) -> Digest {
        Digest::of(serde_json::to_string(self).unwrap_or_default().as_bytes())
    }
}

/// Whether the beginning of a file may be that of a manifest of such a stage.
fn is_of_kind(file: File, kind: &str) -> Option<bool> {
    const STAGE_WITHIN: u64 = 256;
    let mut beginning = Vec::new();
    file.take(STAGE_WITHIN).read_to_end(&mut beginning).ok()?;
    let named = format!("\"{kind}");
    Some(memchr::memmem::find(&beginning, named.as_bytes()).is_some())
}

/// A manifest as it lies on disk: with a digest of its own.
#[derive(Serialize, Deserialize)]
struct Sealed {
    check: Digest,
    manifest: Manifest,
}
