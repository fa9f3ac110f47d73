//! Destination of a recording that a command writes.

use super::diagnose::CliError;
use std::fs::File;
use std::io::{self, IsTerminal, Seek, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Destination of the recording once it is complete.
pub(super) enum Destination {
    /// A file, by way of one beside it.
    Beside(NamedTempFile, PathBuf),
    /// Stdout, by way of a file without a name.
    Stdout(File),
}

impl Destination {
    /// Fails if a recording would go to a terminal.
    pub fn check(path: Option<&Path>) -> Result<(), CliError> {
        if path.is_some() || !io::stdout().is_terminal() {
            return Ok(());
        }
        let message =
            "a recording is a Parquet file, which no terminal shows: name one with `-o FILE`";
        Err(CliError::Usage(message.to_owned()))
    }

    /// Prepares a file, or stdout without a path.
    pub fn beside(path: Option<&Path>) -> Result<Self, CliError> {
        let cannot = |error| CliError::system("a temporary file cannot be made", error);
        let Some(path) = path else {
            return tempfile::tempfile().map(Self::Stdout).map_err(cannot);
        };
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let beside = NamedTempFile::new_in(dir.unwrap_or(Path::new("."))).map_err(|error| {
            CliError::system(format!("{}: cannot write the file", path.display()), error)
        })?;
        Ok(Self::Beside(beside, path.to_owned()))
    }

    /// Returns the file to which a recorder writes while the level is under way.
    pub fn file(&self) -> Result<File, CliError> {
        let file = match self {
            Self::Beside(beside, _) => beside.as_file().try_clone(),
            Self::Stdout(file) => file.try_clone(),
        };
        file.map_err(|error| CliError::system("a temporary file cannot be used", error))
    }

    /// Hands over the recording: `bytes`, or the content of the file if they are `None`.
    pub fn end(self, bytes: Option<&[u8]>) -> Result<(), CliError> {
        match self {
            Self::Beside(mut beside, path) => {
                let cannot = |error: io::Error| {
                    CliError::system(format!("{}: cannot write the file", path.display()), error)
                };
                if let Some(bytes) = bytes {
                    beside.write_all(bytes).map_err(cannot)?;
                }
                beside.as_file().sync_all().map_err(cannot)?;
                beside.persist(&path).map_err(|error| cannot(error.error)).map(drop)
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
