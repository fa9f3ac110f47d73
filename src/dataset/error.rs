//! Errors of reading a dataset.

/// Reason why a dataset cannot be used. The message names the line if there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// The file cannot be read.
    #[error("the dataset {path} cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// Error of the system.
        #[source]
        error: std::io::Error,
    },
    /// The path is a pipe or a device, which cannot be read twice.
    #[error(
        "the dataset {path} is not a regular file: a pipe or a device cannot be read twice; write it to a file first"
    )]
    NoFile {
        /// Its path.
        path: String,
    },
    /// The content does not conform to the format, at a known line.
    #[error("{path}:{line}:{column}: {message}")]
    Malformed {
        /// The file.
        path: String,
        /// One-based line.
        line: usize,
        /// One-based column.
        column: usize,
        /// Description of the error.
        message: String,
    },
    /// The content does not conform to a binary format.
    #[error("the dataset {path} is not a valid {format}: {message}")]
    Damaged {
        /// The file.
        path: String,
        /// The format.
        format: &'static str,
        /// Description of the error.
        message: String,
    },
    /// The file is of another kind than its name or format says.
    #[error("the dataset {path} {what}")]
    Mistaken {
        /// The file.
        path: String,
        /// Kind of the file, with a remedy.
        what: String,
    },
    /// The spreadsheet has no sheet of that name.
    #[error("the dataset {path} has no sheet `{sheet}`; it has {sheets}")]
    NoSuchSheet {
        /// The file.
        path: String,
        /// Name of the requested sheet.
        sheet: String,
        /// Names of the existing sheets.
        sheets: String,
    },
    /// A conversation cannot be sent.
    #[error("the dataset {path}, row {row}: `{key}`{message}")]
    Messages {
        /// The file.
        path: String,
        /// One-based position in the dataset.
        row: usize,
        /// The key that holds the conversation.
        key: String,
        /// Description of the error.
        message: String,
    },
    /// No row has a question.
    #[error("the dataset {path} has no questions: {detail}")]
    Empty {
        /// The file.
        path: String,
        /// Description of the rows instead, with a remedy.
        detail: String,
    },
    /// The spec names a key that no row has.
    #[error(
        "no row of the dataset {path} has `{key}`, which {named} names; its rows have: {known}"
    )]
    UnknownKey {
        /// The file.
        path: String,
        /// The key.
        key: String,
        /// The key of the spec that names it.
        named: &'static str,
        /// The keys of the first row.
        known: String,
    },
    /// The dataset exceeds a limit on its size.
    #[error("the dataset {path} has {what}, which is more than sizer reads")]
    TooLarge {
        /// The file.
        path: String,
        /// Description of the excess.
        what: String,
    },
    /// The format cannot be told from the extension.
    #[error("the format of {path} is not known: name it {extensions}, or set dataset.format")]
    UnknownFormat {
        /// The file.
        path: String,
        /// Extensions that tell a format.
        extensions: String,
    },
    /// The remote dataset could not be fetched.
    #[error("the dataset {url} cannot be downloaded: {message}")]
    Download {
        /// Its address.
        url: String,
        /// Description of the error.
        message: String,
        /// The client's own error, without the address.
        #[source]
        error: Option<reqwest::Error>,
    },
    /// The remote dataset could not be written to this machine.
    #[error("the dataset {url} cannot be downloaded: {path}: {error}")]
    Unkept {
        /// Its address.
        url: String,
        /// Path that it was to be written to.
        path: String,
        /// Error of the system.
        #[source]
        error: std::io::Error,
    },
    /// The file changed while it was read.
    #[error("the dataset {path} changed while it was being read; run again")]
    Changed {
        /// The file.
        path: String,
    },
}

impl DatasetError {
    /// Creates the error of a damaged spreadsheet.
    pub(super) fn of_sheet(path: &str, message: String) -> Self {
        Self::Damaged { path: path.to_owned(), format: "spreadsheet", message }
    }

    /// Creates the error of a spreadsheet that no reader accepts, for unknown reasons.
    pub(super) fn unread_sheet(path: &str) -> Self {
        let message = "it cannot be read: it is damaged, or protected by a password";
        Self::of_sheet(path, message.to_owned())
    }
}
