//! Delimited text under a header line, whatever its separator and encoding.

use super::checking_reader::{CheckingReader, Limit, TextError};
use super::text::{decoded, not_utf8};
use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Trim};
use encoding_rs::Encoding;
use std::fs::File;
use std::io::{BufRead, Cursor, Read};

/// Separators that are recognised by the header line.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Longest header line in bytes; with it, the most columns: each row repeats all names.
const LONGEST_NAMES: u64 = 1 << 20;
const MOST_COLUMNS: usize = 20_000;

type Source = CheckingReader<Box<dyn Read>>;

/// Options of reading a table.
#[derive(Default)]
pub(crate) struct TableOptions<'a> {
    /// Separator of cells; if `None`, it is inferred from the header line.
    pub separator: Option<u8>,
    pub encoding: Option<&'static Encoding>,
    /// Columns that are looked for: a separator that yields one of them is the right one.
    pub wanted: &'a [&'a str],
    /// Strips spaces around cells.
    pub trim: bool,
    /// Lets rows have fewer cells than there are columns.
    pub short_rows: bool,
}

/// A table that is read row by row.
pub(crate) struct Table {
    /// The names of the columns.
    pub names: Vec<String>,
    reader: Reader<Source>,
    limit: Limit,
    record: StringRecord,
    separator: u8,
    /// Number of columns, if rows may be short.
    columns: Option<usize>,
    /// Number of lines before the header line.
    skipped: u64,
}

/// Error in a table.
pub(crate) struct TableError {
    /// One-based line.
    pub line: u64,
    pub message: String,
}

impl Table {
    /// Opens a table and reads its column names; an empty file has none.
    pub fn open(file: File, options: &TableOptions<'_>) -> Result<Self, TableError> {
        let mut text = decoded(file, options.encoding);
        let mut head = Vec::new();
        let unread = |error: std::io::Error| TableError { line: 1, message: error.to_string() };
        read_line(&mut text, &mut head).map_err(unread)?;
        let declared = declared_separator(&head);
        let skipped = u64::from(declared.is_some());
        if declared.is_some() {
            head.clear();
            read_line(&mut text, &mut head).map_err(unread)?;
        }
        let separator = options.separator.or(declared);
        let separator = separator.unwrap_or_else(|| separator_of(&head, options.wanted));
        let source: Box<dyn Read> = Box::new(Cursor::new(head).chain(text));
        let (source, limit) = CheckingReader::new(source, separator, 1 + skipped);
        let trim = if options.trim { Trim::All } else { Trim::None };
        let mut builder = ReaderBuilder::new();
        let reader = builder
            .has_headers(false)
            .delimiter(separator)
            .trim(trim)
            .flexible(options.short_rows)
            .from_reader(source);
        let record = StringRecord::new();
        let (names, columns) = (Vec::new(), None);
        let mut table = Self { names, reader, limit, record, separator, columns, skipped };
        if let Some((line, names)) = table.next()? {
            if names.len() > MOST_COLUMNS || names.as_slice().len() as u64 > LONGEST_NAMES {
                let mib = LONGEST_NAMES >> 20;
                let message =
                    format!("a table has at most {MOST_COLUMNS} columns, and {mib} MiB of names");
                return Err(TableError { line, message });
            }
            let names: Vec<String> = names.iter().map(|name| name.trim().to_owned()).collect();
            table.columns = options.short_rows.then_some(names.len());
            table.names = names;
        }
        Ok(table)
    }

    /// Returns the next row with its line (one-based).
    pub fn next(&mut self) -> Result<Option<(u64, &StringRecord)>, TableError> {
        self.limit.renew();
        let mut bytes = std::mem::take(&mut self.record).into_byte_record();
        let more = self.reader.read_byte_record(&mut bytes);
        if !more.map_err(|error| self.explain(&error))? {
            return Ok(None);
        }
        let line = self.line(bytes.position());
        // The reader itself checks rows that may not be short.
        if let Some(columns) = self.columns.filter(|columns| bytes.len() > *columns) {
            return Err(TableError { line, message: self.unequal(bytes.len(), columns) });
        }
        self.record = StringRecord::from_byte_record(bytes).map_err(|error| {
            let at = (error.utf8_error().field(), error.utf8_error().valid_up_to());
            let bytes = error.into_byte_record();
            let byte = bytes.get(at.0).and_then(|cell| cell.get(at.1));
            TableError { line, message: not_utf8(byte.copied()) }
        })?;
        Ok(Some((line, &self.record)))
    }

    fn line(&self, position: Option<&csv::Position>) -> u64 {
        self.skipped + position.map_or(1, csv::Position::line)
    }

    fn unequal(&self, cells: usize, columns: usize) -> String {
        let separator = char::from(self.separator).escape_default();
        let quotes = if cells > columns { "; quote a cell that contains one" } else { "" };
        format!(
            "{cells} cells in a table of {columns} columns (separated by `{separator}`{quotes})"
        )
    }

    fn explain(&self, error: &csv::Error) -> TableError {
        let line = self.line(error.position());
        let message = match error.kind() {
            ErrorKind::UnequalLengths { expected_len, len, .. } => {
                let count = |len: u64| usize::try_from(len).unwrap_or(usize::MAX);
                self.unequal(count(*len), count(*expected_len))
            }
            ErrorKind::Io(error) => {
                match error.get_ref().and_then(|it| it.downcast_ref::<TextError>()) {
                    Some(TextError { line, message }) => {
                        return TableError { line: *line, message: message.clone() };
                    }
                    None => error.to_string(),
                }
            }
            _ => "this is not a row of separated values".to_owned(),
        };
        TableError { line, message }
    }
}

/// Reads to the end of a line, past line ends inside quotes.
fn read_line(text: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<()> {
    let mut quoted = false;
    for byte in text.take(LONGEST_NAMES).bytes() {
        let byte = byte?;
        line.push(byte);
        quoted ^= byte == b'"';
        if byte == b'\n' && !quoted && !line.trim_ascii().is_empty() {
            break;
        }
    }
    Ok(())
}

/// Returns the separator that Excel declares in a first line of its own, `sep=;`.
fn declared_separator(line: &[u8]) -> Option<u8> {
    let line = std::str::from_utf8(line).ok()?.trim_matches(['\r', '\n', '"']);
    let (key, separator) = line.split_at_checked(4)?;
    let one = separator.len() == 1 && key.eq_ignore_ascii_case("sep=");
    separator.bytes().next().filter(|_| one)
}

/// Infers the separator of a header line: one that yields a wanted column, or else the one that
/// yields most columns.
fn separator_of(line: &[u8], wanted: &[&str]) -> u8 {
    let names = |separator: u8| -> Vec<String> {
        let mut builder = ReaderBuilder::new();
        let mut reader = builder.has_headers(false).delimiter(separator).from_reader(line);
        let first = reader.records().next().and_then(Result::ok).unwrap_or_default();
        first.iter().map(|name| name.trim().to_owned()).collect()
    };
    let is_wanted = |name: &String| wanted.contains(&name.as_str());
    let right = SEPARATORS.into_iter().find(|&it| names(it).iter().any(is_wanted));
    let most = || SEPARATORS.into_iter().rev().max_by_key(|&it| names(it).len());
    right.or_else(most).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_are_found() {
        for (line, separator) in [
            ("id,question", b','),
            ("id;question", b';'),
            ("id\tquestion", b'\t'),
            ("nr|frage|thema", b'|'),
            ("question", b','),
            ("\"a;b;c\",question", b','),
            ("a, b, c;question;id", b';'),
            ("frage;nr", b';'),
        ] {
            assert_eq!(separator_of(line.as_bytes(), &["id", "question"]), separator, "{line}");
        }
        assert_eq!(declared_separator(b"sep=;\r\n"), Some(b';'));
        assert_eq!(declared_separator(b"\"sep=\t\"\n"), Some(b'\t'));
        assert_eq!(declared_separator(b"separator=;\n"), None);
    }
}
