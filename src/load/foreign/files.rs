//! The files of a recording: one, several, a folder of them, or a glob.

use super::ForeignError;
use crate::workflow::recorded::RecordedSpec;
use std::path::{Path, PathBuf};

/// Beyond this a glob was not meant.
const MOST_FILES: usize = 10_000;
const EXTENSIONS: [&str; 6] = ["jsonl", "ndjson", "csv", "tsv", "parquet", "pq"];

/// The files that a spec names: in its order, those of a folder or a glob by name, each once.
pub fn recorded_files(
    spec: &RecordedSpec,
    resolve: &dyn Fn(&Path) -> PathBuf,
) -> Result<Vec<PathBuf>, ForeignError> {
    let mut files: Vec<PathBuf> = Vec::new();
    for named in spec.path.iter() {
        let path = resolve(named);
        let shown = path.display().to_string();
        let found = if path.is_dir() {
            in_folder(&path)?
        } else if !path.exists() && shown.contains(['*', '?', '[']) {
            matching(&shown)?
        } else if path.exists() && !path.is_file() {
            let error = ForeignError::file(&shown, "this is not a regular file");
            return Err(
                error.help("a pipe or a device cannot be read twice; write it to a file first")
            );
        } else {
            vec![path]
        };
        if found.is_empty() {
            let error = ForeignError::file(&shown, "there is no recording here");
            return Err(error.help("recordings are named .jsonl, .csv or .parquet"));
        }
        for file in found {
            if !files.contains(&file) {
                files.push(file);
            }
        }
        if files.len() > MOST_FILES {
            return Err(ForeignError::file(&shown, format!("more than {MOST_FILES} files")));
        }
    }
    Ok(files)
}

fn is_recording(path: &Path) -> bool {
    let extension = path.extension().and_then(|it| it.to_str());
    extension.is_some_and(|it| EXTENSIONS.contains(&it.to_ascii_lowercase().as_str()))
        && path.is_file()
}

fn in_folder(path: &Path) -> Result<Vec<PathBuf>, ForeignError> {
    let unreadable = |error| ForeignError::Unreadable { path: path.display().to_string(), error };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if is_recording(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn matching(pattern: &str) -> Result<Vec<PathBuf>, ForeignError> {
    let wrong = |error: glob::PatternError| {
        ForeignError::file(pattern, format!("this is not a valid glob: {}", error.msg))
    };
    let mut files: Vec<PathBuf> = Vec::new();
    for path in glob::glob(pattern).map_err(wrong)?.take(MOST_FILES * 10) {
        let path = path.map_err(|error| ForeignError::Unreadable {
            path: error.path().display().to_string(),
            error: error.into(),
        })?;
        if is_recording(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
