//! Request log of the simulator, to check a client's times against.

use serde_json::json;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Log with one line of JSON per request: the time at which its body had been read, and the time at which the
/// last piece of the answer was handed to the connection, in seconds since the server started.
pub(super) struct Log {
    began: Instant,
    file: Mutex<Written>,
}

/// File with what of it is still in memory.
struct Written {
    file: BufWriter<File>,
    flushed: Instant,
}

/// Longest time that a line stays in memory while others are written: a server that is killed leaves a log.
const FLUSHED: Duration = Duration::from_millis(200);

impl Log {
    pub fn new(file: File) -> Self {
        let began = Instant::now();
        let file = Written { file: BufWriter::new(file), flushed: began };
        Self { began, file: Mutex::new(file) }
    }

    /// Records a completed request. Failure to write must not stop the server.
    pub fn write(&self, entered: Instant, in_flight: usize) {
        let since = |at: Instant| at.saturating_duration_since(self.began).as_secs_f64();
        let line = json!({
            "start": since(entered), "end": since(Instant::now()), "in_flight": in_flight,
        });
        let mut written = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(written.file, "{line}");
        if written.flushed.elapsed() > FLUSHED {
            let _ = written.file.flush();
            written.flushed = Instant::now();
        }
    }

    /// Flushes the buffer.
    pub fn flush(&self) {
        let _ = self.file.lock().unwrap_or_else(PoisonError::into_inner).file.flush();
    }
}
