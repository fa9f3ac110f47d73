//! A file format of datasets: its names, and how a file of it is recognised and read.

use super::conventions::Conventions;
use super::{DatasetError, EachRow};
use std::fs::File;

/// File format.
pub(super) struct Format {
    /// Name in a spec.
    pub name: &'static str,
    /// Description in the JSON schema of the spec.
    pub description: &'static str,
    /// Endings of file names; messages recommend the first.
    pub extensions: &'static [&'static str],
    /// True for text, which can be in any encoding.
    pub is_text: bool,
    /// First bytes of a binary file, and the remedy where text was expected.
    pub recognised: Option<(&'static [u8], &'static str)>,
    /// Reads a file row by row. Returns advice for the case that no row has a question.
    pub read: ReadFn,
}

/// Function that reads the file of a path.
pub(super) type ReadFn = fn(
    path: &str,
    file: File,
    options: &ReadOptions<'_>,
    each: &mut EachRow<'_>,
) -> Result<Option<String>, DatasetError>;

/// Keys of the spec's `dataset` that formats read by.
pub(super) struct ReadOptions<'a> {
    /// Encoding of text.
    pub encoding: Option<&'a str>,
    /// Separator of the cells of delimited text.
    pub separator: Option<u8>,
    /// Sheet of a spreadsheet.
    pub sheet: Option<&'a str>,
    /// Reading of cells and rows of a table.
    pub conventions: Conventions,
    /// Key or column that holds the id.
    pub id_key: &'a str,
    /// Key or column that holds the question.
    pub question_key: &'a str,
}
