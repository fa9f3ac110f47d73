//! What made an artifact: its stage, its key, and everything that the key was made of.

use super::StoreError;
use super::folder::Entry;
use super::folders::Folders;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
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
    pub fn of_reader(mut reader: impl Read) -> std::io::Result<Self> {
        // Most artifacts are small, and whole with this: then no larger buffer is made.
        const SMALL: usize = 16 << 10;
        let mut hasher = blake3::Hasher::new();
        let mut beginning = Vec::with_capacity(SMALL);
        let length = reader.by_ref().take(SMALL as u64).read_to_end(&mut beginning)?;
        hasher.update(&beginning);
        if length == SMALL {
            hasher.update_reader(reader)?;
        }
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
    Key(blake3::hash(&canonical(stage, parts)).to_hex().to_string())
}

/// What a key is the hash of: JSON with sorted keys, since the order in which a person wrote them
/// changes nothing, and a comma after each entry.
fn canonical(stage: &str, parts: &Parts) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(b"{\"inputs\":{");
    for (name, digest) in &parts.inputs {
        write_json(name, &mut out);
        out.push(b':');
        write_json(digest, &mut out);
        out.push(b',');
    }
    out.extend_from_slice(b"},\"reads\":");
    write_canonical(&parts.reads, &mut out);
    out.extend_from_slice(b",\"stage\":");
    write_json(stage, &mut out);
    out.extend_from_slice(b",\"version\":");
    write_json(&parts.version, &mut out);
    out.extend_from_slice(b",}");
    out
}

fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => {
            let mut sorted: Vec<(&String, &Value)> = map.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            out.push(b'{');
            for (key, value) in sorted {
                write_json(key, out);
                out.push(b':');
                write_canonical(value, out);
                out.push(b',');
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for item in items {
                write_canonical(item, out);
                out.push(b',');
            }
            out.push(b']');
        }
        plain => write_json(plain, out),
    }
}

fn write_json(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    // Into memory, text and numbers can be written.
    let _ = serde_json::to_writer(out, value);
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
    /// The name of a manifest's file. A key comes from a file that anybody can edit: only hexadecimal may
    /// become a name.
    fn file_name(key: &Key) -> Option<String> {
        let plain = key.0.bytes().all(|byte| byte.is_ascii_hexdigit());
        plain.then(|| format!("{key}.json"))
    }

    /// Whether there is a manifest of that key, readable or not.
    pub(super) fn is_there(store: &Folders, key: &Key) -> bool {
        let folder = store.get(FOLDER).ok();
        folder.zip(Self::file_name(key)).is_some_and(|(folder, name)| folder.has(&name))
    }

    pub(super) fn keep(&self, store: &Folders) -> Result<(), StoreError> {
        let name = format!("{}.json", self.key);
        let path = store.path().join(FOLDER).join(&name);
        let unwritten =
            |error: serde_json::Error| StoreError::io("write the file", &path)(error.into());
        let check = self.check().map_err(unwritten)?;
        let sealed = Sealed { check, manifest: self.clone() };
        let text = serde_json::to_vec_pretty(&sealed).map_err(unwritten)?;
        store.made(FOLDER)?.write(&name, &text)
    }

    /// A manifest that cannot be read, or is not what was written, is none: the stage runs again.
    pub(super) fn read(store: &Folders, key: &Key) -> Option<Self> {
        let text = store.get(FOLDER).ok()?.read(&Self::file_name(key)?, LARGEST).ok()?;
        let Sealed { check, manifest } = serde_json::from_slice(&text).ok()?;
        (manifest.key == *key && manifest.check().ok()? == check).then_some(manifest)
    }

    /// The manifests of all stages of a kind, or of all where it is empty, the newest first. Of other kinds only so much is read
    /// as says what they are: a store has many more of them.
    pub(super) fn all_of(store: &Folders, kind: &str) -> Vec<Self> {
        let Ok(folder) = store.get(FOLDER) else { return Vec::new() };
        let of_file = |file: Entry| {
            let key = file.name.strip_suffix(".json")?;
            if !is_of_kind(folder.open(&file.name).ok()?, kind)? {
                return None;
            }
            let manifest = Self::read(store, &Key(key.to_owned()))?;
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

    fn check(&self) -> Result<Digest, serde_json::Error> {
        serde_json::to_vec(self).map(|bytes| Digest::of(&bytes))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_hash_of_json_with_sorted_keys() {
        let reads =
            serde_json::json!({ "b": [1, 1.5, "ü\"\n", null], "a": { "z": true, "y": -3 } });
        let digest = Digest::of(b"x");
        let inputs = BTreeMap::from([("sweep@2".to_owned(), digest.clone())]);
        let parts = Parts { version: 7, reads, inputs };
        let text = format!(
            r#"{{"inputs":{{"sweep@2":"{digest}",}},"reads":{{"a":{{"y":-3,"z":true,}},"b":[1,1.5,"ü\"\n",null,],}},"#
        ) + r#""stage":"level@2","version":7,}"#;
        assert_eq!(String::from_utf8(canonical("level@2", &parts)).unwrap(), text);
        assert_eq!(key_of("level@2", &parts).as_str(), Digest::of(text.as_bytes()).as_str());
    }

    #[test]
    fn a_file_has_the_digest_of_its_bytes_whatever_its_length() {
        for length in [0, 1, (16 << 10) - 1, 16 << 10, (16 << 10) + 1, 200_000] {
            let bytes: Vec<u8> = (0..=250).cycle().take(length).collect();
            assert_eq!(
                Digest::of_reader(bytes.as_slice()).unwrap(),
                Digest::of(&bytes),
                "{length}"
            );
        }
    }
}
