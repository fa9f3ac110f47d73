//! Errors in a recording, with their positions.

use crate::spec::{Spec, SpecError};

/// Reason why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForeignError {
    /// The file cannot be read.
    #[error("the recording {path} cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// Error of the system.
        #[source]
        error: std::io::Error,
    },
    /// The extension is not that of a recording.
    #[error("{path}: unsupported file type: a recording ends in .jsonl, .csv or .parquet")]
    UnknownFormat {
        /// The file.
        path: String,
    },
    /// A file is something else than its name says.
    #[error("the recording {path} {what}")]
    Mistaken {
        /// The file.
        path: String,
        /// Description of the file, with the remedy.
        what: String,
    },
    /// A value or a row makes no sense.
    #[error("{at}: {message}{}", help.as_ref().map_or(String::new(), |it| format!("\n  = help: {it}")))]
    Wrong {
        /// The file, with line and column where they are known.
        at: String,
        /// The problem.
        message: String,
        /// The remedy.
        help: Option<String>,
    },
}

impl ForeignError {
    /// An error of a whole file.
    pub(super) fn file(path: &str, message: impl Into<String>) -> Self {
        Self::Wrong { at: path.to_owned(), message: message.into(), help: None }
    }

    /// The same at the place of the spec that names the files.
    pub fn in_spec(self, spec: &Spec) -> SpecError {
        const AT: &str = "workflow.path";
        let error = match &self {
            Self::Wrong { at, message, help: Some(help) } => {
                spec.error_at(AT, format!("{at}: {message}")).help(help.as_str())
            }
            other => spec.error_at(AT, other.to_string()),
        };
        error.because(self)
    }

    /// Says what to do about it.
    #[must_use]
    pub(super) fn help(mut self, text: impl Into<String>) -> Self {
        if let Self::Wrong { help, .. } = &mut self {
            *help = Some(text.into());
        }
        self
    }
}

/// A row of a file.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub path: &'a str,
    /// One-based line, or row where there are no lines.
    pub line: u64,
    /// Container of a value: a key or a column.
    pub value: &'static str,
    /// True if rows are lines of text.
    pub text: bool,
}

impl Place<'_> {
    fn at(&self) -> String {
        let word = if self.text { ":" } else { ": row " };
        format!("{}{word}{}", self.path, self.line)
    }

    /// An error of the row.
    pub fn wrong(&self, message: impl Into<String>) -> ForeignError {
        ForeignError::Wrong { at: self.at(), message: message.into(), help: None }
    }

    /// An error of one value.
    pub fn wrong_at(&self, key: &str, message: impl Into<String>) -> ForeignError {
        let at = format!("{}: {} `{key}`", self.at(), self.value);
        ForeignError::Wrong { at, message: message.into(), help: None }
    }

    /// An error at a character of a line, one-based.
    pub fn wrong_column(&self, column: usize, message: impl Into<String>) -> ForeignError {
        let at = format!("{}:{column}", self.at());
        ForeignError::Wrong { at, message: message.into(), help: None }
    }
}
