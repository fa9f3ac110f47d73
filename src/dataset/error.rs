//! Why a dataset cannot be used.

/// Why a dataset cannot be used. The message names the line where there is one.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// The file cannot be read.
    #[error("the dataset {path} cannot be read: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
    /// A pipe or a device: it has no end, or only one.
    #[error(
        "the dataset {path} is no plain file: a pipe or a device cannot be read twice; write it to a file first"
    )]
    NoFile {
        /// Its path.
        path: String,
    },
    /// The file is not what its format says.
    #[error("{path}:{line}:{column}: {message}")]
    Malformed {
        /// The file.
        path: String,
        /// One-based line.
        line: usize,
        /// One-based column.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// A file without lines is not what its format says.
    #[error("the dataset {path} is no {format}: {message}")]
    Damaged {
        /// The file.
        path: String,
        /// The format.
        format: &'static str,
        /// What is wrong.
        message: String,
    },
    /// A file is something else than its name or its format says.
    #[error("the dataset {path} {what}")]
    Mistaken {
        /// The file.
        path: String,
        /// What it is, and what to do.
        what: String,
    },
    /// A spreadsheet has no sheet of that name.
    #[error("the dataset {path} has no sheet `{sheet}`; it has {sheets}")]
    NoSuchSheet {
        /// The file.
        path: String,
        /// What was asked for.
        sheet: String,
        /// What there is.
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
        /// What is wrong with it.
        message: String,
    },
    /// No row can be asked.
    #[error("the dataset {path} has no question to ask: {detail}")]
    Empty {
        /// The file.
        path: String,
        /// What was found instead.
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
        /// Where the spec names it.
        named: &'static str,
        /// The keys of the first row.
        known: String,
    },
    /// More than can be held, or than any honest dataset has.
    #[error("the dataset {path} has {what}, which is more than sizer reads")]
    TooLarge {
        /// The file.
        path: String,
        /// What there is too much of.
        what: String,
    },
    /// The extension says nothing.
    #[error(
        "the format of {path} is not known: name it .json, .jsonl, .csv, .parquet or .xlsx, or set dataset.format"
    )]
    UnknownFormat {
        /// The file.
        path: String,
    },
    /// A remote dataset could not be fetched.
    #[error("the dataset {url} cannot be downloaded: {message}")]
    Download {
        /// Its address.
        url: String,
        /// What happened.
        message: String,
        /// The client's own error, without the address.
        #[source]
        error: Option<reqwest::Error>,
    },
    /// A remote dataset does not find its place on this machine.
    #[error("the dataset {url} cannot be downloaded: {path}: {error}")]
    Unkept {
        /// Its address.
        url: String,
        /// Where it was to be.
        path: String,
        /// What the system said.
        #[source]
        error: std::io::Error,
    },
    /// The file changed under the reader.
    #[error("the dataset {path} changed while it was read; run again")]
    Changed {
        /// The file.
        path: String,
    },
}

impl DatasetError {
    /// What is wrong with a spreadsheet.
    pub(super) fn of_sheet(path: &str, message: String) -> Self {
        Self::Damaged { path: path.to_owned(), format: "spreadsheet", message }
    }

    /// A spreadsheet of which no more is known than that no reader takes it.
    pub(super) fn unread_sheet(path: &str) -> Self {
        let message = "it cannot be read: it is damaged, or protected by a password";
        Self::of_sheet(path, message.to_owned())
    }
}
