//! Manifests: the record of what made an artifact, that is its stage, its key, and everything in the key.

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

/// Name of the folder that holds all manifests.
pub(super) const FOLDER: &str = "manifests";

/// Largest size of a manifest, which holds a slice of the spec and one digest per input.
const LARGEST: u64 = 4 << 20;

/// Blake3 hash of everything that a stage reads: equal keys mean equal artifacts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(String);

/// Blake3 hash of an artifact's bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Key {
    /// Returns the key in hexadecimal.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Digest {
    /// Hashes some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).to_hex().to_string())
    }

    /// Hashes everything a reader yields, without holding it in memory.
    pub fn of_reader(mut reader: impl Read) -> std::io::Result<Self> {
        // Most artifacts are smaller than this, and need no larger buffer.
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

    /// Returns the digest in hexadecimal.
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

/// Parts of a key, kept so that a changed key can be explained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    /// Version of the stage's behaviour and of its artifact's format.
    pub version: u32,
    /// Slice of the spec that the stage reads, with the digests of files.
    pub reads: Value,
    /// Digests of the artifacts that it reads, by stage.
    pub inputs: BTreeMap<String, Digest>,
}

/// Computes the key of a stage.
pub fn key_of(stage: &str, parts: &Parts) -> Key {
    Key(blake3::hash(&canonical(stage, parts)).to_hex().to_string())
}

/// Serialises the parts of a key for hashing: JSON with sorted keys, since the order in which a person wrote
/// them is irrelevant, and a comma after each entry.
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
    // Writing text and numbers to memory cannot fail.
    let _ = serde_json::to_writer(out, value);
}

/// Record of an artifact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Stage that made it.
    pub stage: String,
    /// Key of the stage.
    pub key: Key,
    /// Digest of the artifact.
    pub digest: Digest,
    /// Size of the artifact in bytes.
    pub size: u64,
    /// Version of sizer that made it.
    pub tool: String,
    /// Reason why the artifact is incomplete; `None` if it is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_short: Option<String>,
    /// Parts of the key.
    pub parts: Parts,
}

impl Manifest {
    /// File name of a manifest. A key may come from a file that anyone can edit, so only hexadecimal becomes
    /// a file name.
    fn file_name(key: &Key) -> Option<String> {
        let plain = key.0.bytes().all(|byte| byte.is_ascii_hexdigit());
        plain.then(|| format!("{key}.json"))
    }

    /// Returns true if there is a manifest of this key, readable or not.
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
        let sealed = SealedManifest { check, manifest: self.clone() };
        let text = serde_json::to_vec_pretty(&sealed).map_err(unwritten)?;
        store.made(FOLDER)?.write(&name, &text)
    }

    /// Reads a manifest. One that is unreadable or fails its check counts as missing, and the stage runs
    /// again.
    pub(super) fn read(store: &Folders, key: &Key) -> Option<Self> {
        let name = Self::file_name(key)?;
        let text = store.within(FOLDER, |folder| folder.read(&name, LARGEST)).ok()?;
        let SealedManifest { check, manifest } = serde_json::from_slice(&text).ok()?;
        (manifest.key == *key && manifest.check().ok()? == check).then_some(manifest)
    }

    /// Returns the manifests of all stages of a kind, newest first; of every stage if `kind` is empty. Of the
    /// manifests of other kinds, which are far more numerous, only the beginning is read.
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

/// Returns true if a file may be the manifest of a stage of this kind, judging by its beginning.
fn is_of_kind(file: File, kind: &str) -> Option<bool> {
    const STAGE_WITHIN: u64 = 256;
    let mut beginning = Vec::new();
    file.take(STAGE_WITHIN).read_to_end(&mut beginning).ok()?;
    let named = format!("\"{kind}");
    Some(memchr::memmem::find(&beginning, named.as_bytes()).is_some())
}

/// Manifest as stored on disk, with a digest of its own.
#[derive(Serialize, Deserialize)]
struct SealedManifest {
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
