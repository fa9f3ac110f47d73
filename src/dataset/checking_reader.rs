//! Guard between delimited text and its parser: limits the length of rows, and requires every quote
//! to be closed.

use super::LONGEST_ROW;
use std::cell::Cell;
use std::io::{Error, Read};
use std::rc::Rc;

/// Bytes left of the length that a row may have.
pub(super) struct Limit(Rc<Cell<u64>>);

impl Limit {
    /// Resets the limit for the next row.
    pub fn renew(&self) {
        self.0.set(LONGEST_ROW);
    }
}

/// Error in the text and its line; wrapped in the I/O error that the parser sees.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct TextError {
    pub line: u64,
    pub message: String,
}

/// Position within a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CellState {
    Start,
    Plain,
    Quoted,
    /// After a quote that ends the cell, unless another one follows.
    Closed,
}

/// Reader that checks delimited text on its way to the parser. A quote that is never closed would
/// make one cell of the rest of the file; one that is closed by another cell's opening quote would
/// swallow the rows in between.
pub(super) struct CheckingReader<R> {
    inner: R,
    separator: u8,
    left: Rc<Cell<u64>>,
    at: CellState,
    line: u64,
    /// Line of the last opening quote.
    opened: u64,
    last: u8,
    /// True if a row ended in a carriage return, to which a line feed may belong.
    returned: bool,
}

impl<R: Read> CheckingReader<R> {
    /// Wraps text that begins at a line of the file; returns the limit of the current row as well.
    pub fn new(inner: R, separator: u8, line: u64) -> (Self, Limit) {
        let left = Rc::new(Cell::new(LONGEST_ROW));
        let limit = Limit(Rc::clone(&left));
        (
            Self {
                inner,
                separator,
                left,
                at: CellState::Start,
                line,
                opened: line,
                last: 0,
                returned: false,
            },
            limit,
        )
    }

    fn follow(&mut self, byte: u8) -> Result<(), TextError> {
        let newline = byte == b'\n' || byte == b'\r';
        self.at = match (self.at, byte) {
            (CellState::Quoted, b'"') => CellState::Closed,
            (CellState::Quoted, _) | (CellState::Closed, b'"') => CellState::Quoted,
            (CellState::Start, b'"') => {
                self.opened = self.line;
                CellState::Quoted
            }
            _ if newline || byte == self.separator => CellState::Start,
            // A slip such as `"a" ,` loses nothing; a quote that closes a cell lines below does.
            (CellState::Closed, b' ' | b'\t') => CellState::Closed,
            (CellState::Closed, _) if self.opened < self.line => {
                return Err(self.wrong(format!(
                    "the quote that opens a cell here is not closed before line {}, where text \
                     follows a quote; close it, and write a quote inside a cell twice (\"\")",
                    self.line
                )));
            }
            (CellState::Closed, _) if self.last == b'\\' => {
                return Err(
                    self.wrong("a quote inside a cell is written \\\" here; write it twice (\"\")")
                );
            }
            _ => CellState::Plain,
        };
        if byte == b'\n' || self.last == b'\r' {
            self.line += 1;
        }
        // What stood before the quote that closed the cell is what counts after it.
        if self.at != CellState::Closed {
            self.last = byte;
        }
        Ok(())
    }

    /// Tracks bytes, and turns any row ending into a single line feed, the only one by which the
    /// parser counts lines. Returns the number of bytes left in the buffer.
    fn take(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let mut kept = 0;
        for index in 0..bytes.len() {
            let Some(&byte) = bytes.get(index) else { break };
            self.follow(byte).map_err(Error::other)?;
            let belongs = byte == b'\n' && std::mem::take(&mut self.returned);
            self.returned = byte == b'\r' && self.at != CellState::Quoted;
            if belongs {
                continue;
            }
            if let Some(place) = bytes.get_mut(kept) {
                *place = if self.returned { b'\n' } else { byte };
            }
            kept += 1;
        }
        Ok(kept)
    }

    fn wrong(&self, message: impl Into<String>) -> TextError {
        TextError { line: self.opened, message: message.into() }
    }
}

impl<R: Read> Read for CheckingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = loop {
            let count = self.inner.read(buffer)?;
            let read = buffer.get_mut(..count);
            let read = read.ok_or_else(|| Error::other("more was read than there was room for"))?;
            let kept = self.take(read)?;
            // Nothing at all would be the end.
            if kept > 0 || count == 0 {
                break kept;
            }
        };
        if count == 0 && !buffer.is_empty() && self.at == CellState::Quoted {
            return Err(Error::other(
                self.wrong("the quote that opens a cell here is never closed"),
            ));
        }
        let left = self.left.get().checked_sub(count as u64);
        let left = left.ok_or_else(|| {
            let mib = LONGEST_ROW >> 20;
            let line = if self.at == CellState::Quoted { self.opened } else { self.line };
            let message = format!("a row of more than {mib} MiB: is a quote not closed?");
            Error::other(TextError { line, message })
        })?;
        self.left.set(left);
        Ok(count)
    }
}
