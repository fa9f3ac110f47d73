//! Recent output of a program.

use crate::redact::{Redactor, printable};
use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::JoinHandle;
use tracing::debug;

/// Time after the exit of a process within which its last output arrives.
pub(super) const LAST_WORDS: Duration = Duration::from_millis(100);
/// Number of bytes shown to people.
const SHOWN: usize = 400;
/// Number of bytes kept. Far more than is shown, since a secret cut in two is no longer recognised.
const KEPT: usize = 16 << 10;

/// Buffer with the end of the output.
#[derive(Default)]
pub(super) struct Tail {
    bytes: Mutex<VecDeque<u8>>,
}

/// Place for all output of a program, written line by line without the secrets it was given.
pub(super) struct Log {
    to: Destination,
    redactor: Redactor,
    line: Vec<u8>,
}

enum Destination {
    File(File),
    /// The log of sizer itself, where this name stands before each line.
    OwnLog(String),
}

impl Log {
    /// Creates a log in a file.
    pub fn new(file: File, redactor: Redactor) -> Self {
        Self { to: Destination::File(file), redactor, line: Vec::new() }
    }

    /// Creates a log that is part of sizer's own, under a name.
    pub fn named(name: String, redactor: Redactor) -> Self {
        Self { to: Destination::OwnLog(name), redactor, line: Vec::new() }
    }

    fn write(&mut self, said: &[u8]) {
        const LONGEST_LINE: usize = 64 << 10;
        for piece in said.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.line.len() > LONGEST_LINE {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let line = self.redactor.bytes(&self.line);
        match &mut self.to {
            // Failure to write the log must not stop the program.
            Destination::File(file) => drop(file.write_all(printable(&line).as_bytes())),
            Destination::OwnLog(name) if !line.trim().is_empty() => {
                debug!("{name}: {}", line.trim_end());
            }
            Destination::OwnLog(_) => {}
        }
        self.line.clear();
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.end_line();
    }
}

/// Task that reads a program's output; dropping it stops reading.
pub(super) struct Listener(JoinHandle<()>);

impl Listener {
    /// Creates a listener that reads nothing.
    pub fn none() -> Self {
        Self(tokio::spawn(std::future::ready(())))
    }

    /// Waits until the output of an exited program has been read, or gives up if a child of it keeps the
    /// stream open.
    pub async fn last_words(&mut self) {
        if !self.0.is_finished() {
            let _ = tokio::time::timeout(LAST_WORDS, &mut self.0).await;
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Tail {
    /// Reads until the stream ends, so that the writer never blocks.
    pub fn listen(
        this: &Arc<Self>,
        from: Option<impl AsyncRead + Unpin + Send + 'static>,
    ) -> Listener {
        Self::listen_and_write(this, from, None)
    }

    /// Reads until the stream ends, and writes everything to a file as well.
    pub fn listen_and_write(
        this: &Arc<Self>,
        from: Option<impl AsyncRead + Unpin + Send + 'static>,
        mut to: Option<Log>,
    ) -> Listener {
        let this = Arc::clone(this);
        Listener(tokio::spawn(async move {
            let Some(mut from) = from else { return };
            let mut buffer = vec![0; 4096];
            while let Ok(read) = from.read(&mut buffer).await {
                let Some(said) = buffer.get(..read).filter(|said| !said.is_empty()) else { break };
                if let Some(log) = &mut to {
                    log.write(said);
                }
                this.hear(said);
            }
        }))
    }

    fn hear(&self, said: &[u8]) {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.extend(said);
        let surplus = bytes.len().saturating_sub(KEPT);
        bytes.drain(..surplus);
    }

    /// Joins the last lines into one. The end says most, so it is cut at the front.
    pub fn text(&self, redactor: &Redactor) -> String {
        let bytes: Vec<u8> = {
            let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
            bytes.iter().copied().collect()
        };
        let text = redactor.bytes(&bytes);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let text = lines.collect::<Vec<_>>().join(" | ");
        if text.len() <= SHOWN {
            return text;
        }
        let (_, end) = text.split_at(text.ceil_char_boundary(text.len() - SHOWN));
        format!("… {end}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_stay() {
        let tail = Tail::default();
        for line in 0..3000 {
            tail.hear(format!("line {line}\n\n").as_bytes());
        }
        let text = tail.text(&Redactor::default());
        assert!(text.starts_with("… ") && text.ends_with("| line 2998 | line 2999"), "{text}");
        assert!(text.len() < 410 && tail.bytes.lock().unwrap().len() == KEPT);
    }
}
