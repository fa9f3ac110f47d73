//! Recordings of other load generators: files in, levels out.
//!
//! | room | what it does |
//! |---|---|
//! | `files` | which files a spec names |
//! | `json_lines`, `csv`, `parquet` | a file as rows, each with its place |
//! | `own` | a file that sizer wrote, whole |
//! | `row`, `calls`, `value`, `failure` | a row as a run, and what makes no sense in it |
//! | `clock` | units, and times since the level began |
//! | `stretch` | repetitions of a level, told apart and laid end to end |
//! | `reached` | whether the concurrency was what the file claims |
//! | `steady` | whether runs met an idle server or a steady load |

mod bursts;
mod calls;
mod clock;
mod csv;
mod error;
mod failure;
mod files;
mod json_lines;
mod level;
mod mismatch;
mod own;
mod parquet;
mod row;
mod run;
mod steps;
mod stretch;
mod value;

pub use error::ForeignError;
pub use files::recorded_files;
pub use own::read_shares;
pub use run::ForeignRun;

use crate::dataset::{head_of, no_text, pointer};
use crate::workflow::recorded::RecordedSpec;
use clock::Clock;
use error::Place;
use row::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Memory limit of the runs of a recording, which are all held.
const MOST_MIB: usize = 192;
/// As many levels as a spec can have.
const MOST_LEVELS: usize = 10_000;

/// The content of a recording's files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForeignRecording {
    /// All runs: level by level, in each the repetitions end to end, in each the runs by start.
    pub runs: Vec<ForeignRun>,
    /// Keys that mean nothing to sizer.
    pub unread: BTreeSet<String>,
}

impl ForeignRecording {
    /// The levels, ascending.
    pub fn levels(&self) -> BTreeSet<u32> {
        self.runs.iter().map(|run| run.concurrency).collect()
    }
}

/// Reads everything that a spec names, or says what is wrong with it.
pub fn read_foreign(
    spec: &RecordedSpec,
    resolve: &dyn Fn(&Path) -> PathBuf,
) -> Result<ForeignRecording, ForeignError> {
    let clock = Clock::of(spec.unit);
    let measured = spec.concurrency.is_some();
    let files = recorded_files(spec, resolve)?;
    let mut unread = BTreeSet::new();
    let mut levels: BTreeMap<Option<u32>, Vec<Entry>> = BTreeMap::new();
    let (mut count, mut taken) = (0_usize, 0_usize);
    for (source, path) in files.iter().enumerate() {
        let before = count;
        let shown = path.display().to_string();
        let mut each = |place: &Place<'_>, entry: Entry| {
            count += 1;
            taken += entry.weight();
            if taken > MOST_MIB << 20 {
                let message = format!(
                    "the {count} runs up to here take {MOST_MIB} MiB, which is the most that sizer reads of a \
                     recording"
                );
                return Err(place
                    .wrong(message)
                    .help("leave out levels, or some runs of the largest ones"));
            }
            levels.entry(entry.concurrency).or_default().push(Entry { source, ..entry });
            if levels.len() > MOST_LEVELS {
                return Err(place.wrong(format!("a recording has at most {MOST_LEVELS} levels")));
            }
            Ok(())
        };
        let mut rows = row::Rows { clock: &clock, measured, unread: &mut unread, each: &mut each };
        let extension = path.extension().and_then(|it| it.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("jsonl" | "ndjson") => json_lines::read(&shown, opened(path, true)?, &mut rows)?,
            Some("csv" | "tsv") => csv::read(&shown, opened(path, true)?, &mut rows)?,
            Some("parquet" | "pq") => parquet::read(&shown, opened(path, false)?, &mut rows)?,
            _ => return Err(ForeignError::UnknownFormat { path: shown }),
        }
        if count == before {
            return Err(ForeignError::file(&shown, "the recording holds no runs"));
        }
    }
    clock.check_lengths(&files, levels.values().flatten().map(|entry| &entry.run))?;
    let runs = level::arranged(levels, &files, &clock, measured)?;
    Ok(ForeignRecording { runs, unread })
}

/// Opens a file, unless it is something else than its name says.
fn opened(path: &Path, is_text: bool) -> Result<File, ForeignError> {
    let shown = path.display().to_string();
    let unreadable = |error| ForeignError::Unreadable { path: shown.clone(), error };
    let mut file = File::open(path).map_err(unreadable)?;
    let head = head_of(&mut file).map_err(unreadable)?;
    let no_text = || no_text(&head).filter(|_| is_text);
    match pointer(&head, &shown).or_else(no_text) {
        Some(what) => Err(ForeignError::Mistaken { path: shown, what }),
        None => Ok(file),
    }
}
