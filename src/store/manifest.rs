//! What made an artifact: its stage, its key, and everything that the key was made of.

use super::{StoreError, write_atomically};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

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
    /// What the key was made of.
    pub parts: Parts,
}

impl Manifest {
    pub(super) fn path(root: &Path, key: &Key) -> PathBuf {
        root.join("manifests").join(format!("{key}.json"))
    }

    pub(super) fn keep(&self, root: &Path) -> Result<(), StoreError> {
        let sealed = Sealed { check: self.check(), manifest: self.clone() };
        let text = serde_json::to_string_pretty(&sealed).unwrap_or_default();
        write_atomically(&Self::path(root, &self.key), text.as_bytes())
    }

    /// A manifest that cannot be read, or is not what was written, is none: the stage runs again.
    pub(super) fn read(root: &Path, key: &Key) -> Option<Self> {
        let text = std::fs::read(Self::path(root, key)).ok()?;
        let Sealed { check, manifest } = serde_json::from_slice(&text).ok()?;
        (manifest.key == *key && manifest.check() == check).then_some(manifest)
    }

    /// The manifests of all stages of a kind, the newest first. Of other kinds only so much is read
    /// as says what they are: a store has many more of them.
    pub(super) fn all_of(root: &Path, kind: &str) -> Vec<Self> {
        let files = std::fs::read_dir(root.join("manifests")).into_iter().flatten().flatten();
        let of_file = |file: std::fs::DirEntry| {
            let name = file.file_name();
            let key = name.to_str()?.strip_suffix(".json")?;
            if !is_of_kind(&file.path(), kind)? {
                return None;
            }
            let manifest = Self::read(root, &Key(key.to_owned()))?;
            let written = file.metadata().and_then(|metadata| metadata.modified()).ok();
            (manifest.kind() == kind).then_some((written, manifest))
        };
        let mut found: Vec<(Option<SystemTime>, Self)> = files.filter_map(of_file).collect();
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
fn is_of_kind(path: &Path, kind: &str) -> Option<bool> {
    const STAGE_WITHIN: u64 = 256;
    let mut beginning = Vec::new();
    File::open(path).ok()?.take(STAGE_WITHIN).read_to_end(&mut beginning).ok()?;
    let named = format!("\"{kind}");
    Some(memchr::memmem::find(&beginning, named.as_bytes()).is_some())
}

/// A manifest as it lies on disk: with a digest of its own.
#[derive(Serialize, Deserialize)]
struct Sealed {
    check: Digest,
    manifest: Manifest,
}
