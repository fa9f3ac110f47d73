//! Destination of a recording that a command writes.

use super::diagnose::CliError;
use crate::store::AtomicFile;
use std::fs::File;
use std::io::{self, IsTerminal, Seek, Write};
use std::path::Path;

/// Destination of the recording once it is complete.
pub(super) enum Destination<'a> {
    /// A file, by way of one beside it.
    Beside(AtomicFile<'a>, &'a Path),
    /// Stdout, by way of a file without a name.
    Stdout(File),
}

impl<'a> Destination<'a> {
    /// Fails if a recording would go to a terminal.
    pub fn check(path: Option<&Path>) -> Result<(), CliError> {
        if path.is_some() || !io::stdout().is_terminal() {
            return Ok(());
        }
        let message = "a recording is a Parquet file, which cannot be shown on a terminal: name an output file with `-o FILE`";
        Err(CliError::Usage(message.to_owned()))
    }

    /// Prepares a file, or stdout without a path.
    pub fn beside(path: Option<&'a Path>) -> Result<Self, CliError> {
        let cannot = |error| CliError::system("a temporary file cannot be made", error);
        let Some(path) = path else {
            return tempfile::tempfile().map(Self::Stdout).map_err(cannot);
        };
        AtomicFile::create(path).map(|beside| Self::Beside(beside, path)).map_err(unwritten(path))
    }

    /// Returns the file to which a recorder writes while the level is under way.
    pub fn file(&self) -> Result<File, CliError> {
        let file = match self {
            Self::Beside(beside, _) => beside.file().try_clone(),
            Self::Stdout(file) => file.try_clone(),
        };
        file.map_err(|error| CliError::system("a temporary file cannot be used", error))
    }

    /// Hands over the recording: `bytes`, or the content of the file if they are `None`.
    pub fn end(self, bytes: Option<&[u8]>) -> Result<(), CliError> {
        match self {
            Self::Beside(beside, path) => {
                let written = bytes.map_or(Ok(()), |bytes| beside.file().write_all(bytes));
                written.and_then(|()| beside.put()).map_err(unwritten(path))
            }
            Self::Stdout(mut file) => {
                let cannot = |error| CliError::system("stdout cannot be written", error);
                let mut stdout = io::stdout().lock();
                if let Some(bytes) = bytes {
                    stdout.write_all(bytes).map_err(cannot)?;
                } else {
                    file.rewind().map_err(cannot)?;
                    io::copy(&mut file, &mut stdout).map_err(cannot)?;
                }
                stdout.flush().map_err(cannot)
            }
        }
    }
}

fn unwritten(path: &Path) -> impl Fn(io::Error) -> CliError {
    move |error| CliError::system(format!("{}: cannot write the file", path.display()), error)
}
