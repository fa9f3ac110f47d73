//! Who ran what, when, and how it ended: one JSON line per run.

use super::error::json;
use super::folder::Folder;
use super::{Digest, Key, Store, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};

/// The file of all records.
pub(super) const FILE: &str = "runs.jsonl";
/// So much of its end is read: thousands of runs.
pub(super) const MOST_READ: u64 = 16 << 20;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "exit", rename_all = "snake_case")]
pub enum Exit {
    /// Everything that was selected is there.
    Done,
    /// A stage failed.
    Failed {
        /// What it said.
        error: String,
    },
    /// The user stopped it.
    Cancelled,
}

/// The record of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Short name, unique in its store.
    pub id: String,
    /// The spec's file name.
    pub spec: String,
    /// Digest of the canonical spec.
    pub spec_digest: String,
    /// When it began, in epoch seconds.
    pub started: f64,
    /// How long it took, in seconds.
    pub duration: f64,
    /// Who ran it.
    pub user: String,
    /// Where.
    pub host: String,
    /// Version of sizer.
    pub tool: String,
    /// How it ended.
    #[serde(flatten)]
    pub exit: Exit,
    /// Stages that ran.
    pub ran: usize,
    /// GPUs recommended, where there was an answer.
    pub gpus: Option<u64>,
    /// Keys of all stages that are there, by stage.
    pub keys: BTreeMap<String, Key>,
    /// Digests of their artifacts: a key made again has another. Earlier versions wrote none.
    #[serde(default)]
    pub digests: BTreeMap<String, Digest>,
}

impl RunRecord {
    /// A name for a run that began then in this process.
    pub fn make_id(spec_digest: &str, started: f64) -> String {
        const LENGTH: usize = 8;
        let seed = format!("{spec_digest} {started} {}", std::process::id());
        blake3::hash(seed.as_bytes()).to_hex().chars().take(LENGTH).collect()
    }
}

impl Store {
    /// Adds a record. What a process that died, or a full disk, left of a line is ended first: else
    /// it would take this record with it.
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

    /// The records, oldest first: all of them, or those in the end of a file that is far too long. A line
    /// that a dying process left unfinished is passed over.
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
        // Line by line: what was cut off may end within a character.
        Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }
}
