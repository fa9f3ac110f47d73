//! Run log: who ran what, when, and how it ended, as one JSON line per run.

use super::error::json;
use super::folder::Folder;
use super::{Digest, Key, Store, StoreError};
use crate::redact::redact;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};

/// File name of the run log.
pub(super) const FILE: &str = "runs.jsonl";
/// Size of the tail that is read, enough for thousands of runs.
pub(super) const MOST_READ: u64 = 16 << 20;

/// Outcome of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "exit", rename_all = "snake_case")]
pub enum Exit {
    /// Every selected stage is done.
    Done,
    /// A stage failed.
    Failed {
        /// Error message.
        error: String,
    },
    /// The user stopped the run.
    Cancelled,
}

/// Record of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Short id, unique in its store.
    pub id: String,
    /// File name of the spec.
    pub spec: String,
    /// Digest of the canonical spec.
    pub spec_digest: String,
    /// Start in seconds since the epoch.
    pub started: f64,
    /// Duration in seconds.
    pub duration: f64,
    /// User who started it.
    pub user: String,
    /// Host it ran on.
    pub host: String,
    /// Version of sizer.
    pub tool: String,
    /// Outcome.
    #[serde(flatten)]
    pub exit: Exit,
    /// Number of stages that ran.
    pub ran: usize,
    /// Recommended GPUs, if there was an answer.
    pub gpus: Option<u64>,
    /// Keys of all stages that are done, by stage.
    pub keys: BTreeMap<String, Key>,
    /// Digests of their artifacts; a key that is made again gets a new one. Absent in records of earlier
    /// versions.
    #[serde(default)]
    pub digests: BTreeMap<String, Digest>,
    /// Command that was run. Absent in records of earlier versions.
    #[serde(default)]
    pub asked: Option<Invocation>,
    /// The parts of the spec that its stages read, without secrets, for comparisons after the artifacts are
    /// gone. Absent in records of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<Value>,
}

/// The command behind a run, with the options that choose the spec.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invocation {
    /// Verb, such as `run` or `estimate`.
    pub verb: String,
    /// Profile of the spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Changes of keys, as they were typed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<String>,
    /// Branch of the matrix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
}

impl Invocation {
    /// A verb on a spec with a profile and changes; a change that may hold a secret is left out.
    pub fn new(verb: &str, profile: Option<&str>, set: &[String]) -> Self {
        let set = set.iter().filter(|text| redact(text) == **text).cloned().collect();
        Self { verb: verb.to_owned(), profile: profile.map(str::to_owned), set, branch: None }
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.verb)?;
        self.branch.iter().try_for_each(|branch| write!(f, " [{branch}]"))?;
        self.profile.iter().try_for_each(|profile| write!(f, " --profile {profile}"))?;
        self.set.iter().try_for_each(|change| write!(f, " --set {change}"))
    }
}

impl RunRecord {
    /// Derives an id for a run started by this process at this time.
    pub fn make_id(spec_digest: &str, started: f64) -> String {
        const LENGTH: usize = 8;
        let seed = format!("{spec_digest} {started} {}", std::process::id());
        blake3::hash(seed.as_bytes()).to_hex().chars().take(LENGTH).collect()
    }
}

impl Store {
    /// Appends a record. If a crash or a full disk left an unfinished line, terminates that line first, so
    /// that it does not swallow this record.
    pub fn record(&self, record: &RunRecord) -> Result<(), StoreError> {
        if self.is_read_only() {
            return Ok(());
        }
        let mut file = Folder::root_made(self.root())?.open_made(FILE)?;
        let path = self.root().join(FILE);
        let mut line = json(record, &path)?;
        line.push(b'\n');
        let mut append = || -> std::io::Result<()> {
            let mut last = [b'\n'];
            if file.seek(SeekFrom::End(0))? > 0 {
                file.seek(SeekFrom::End(-1))?;
                file.read_exact(&mut last)?;
            }
            if last != [b'\n'] {
                line.insert(0, b'\n');
            }
            file.write_all(&line)
        };
        append().map_err(StoreError::io("write the file", &path))
    }

    /// Returns the records, oldest first. Of an overlong file only the tail is read, and unfinished lines are
    /// skipped.
    pub fn records(&self) -> Result<Vec<RunRecord>, StoreError> {
        let text = self.folders.root().and_then(|folder| {
            let mut file = folder.open(FILE)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(MOST_READ)))?;
            let mut text = Vec::new();
            file.take(MOST_READ).read_to_end(&mut text)?;
            Ok(text)
        });
        let text = match text {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            text => text.map_err(|error| StoreError::unknown(&self.root().join(FILE), &error))?,
        };
        let lines = text.split(|byte| *byte == b'\n');
        // Parsed line by line, since the first one may begin in the middle of a character.
        Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }
}
