//! Recording of request and answer bodies, if the spec asks for it.

use crate::redact::Redactor;
use crate::workflow::ConnectError;
use serde_json::json;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Number of bytes of each body that are kept.
pub(super) const MOST_KEPT: usize = 1 << 20;

/// File with one line of JSON per call.
pub(super) struct Bodies {
    file: Mutex<BufWriter<File>>,
}

/// Completed call.
pub(super) struct Call<'a> {
    pub run: &'a str,
    pub upstream: &'a str,
    pub request: &'a [u8],
    pub answer: &'a [u8],
}

impl Bodies {
    pub fn create(path: &Path) -> Result<Self, ConnectError> {
        let file = crate::workflow::private::create(path).map_err(|error| {
            let path = path.display();
            ConnectError::Client(format!("the bodies cannot be written to {path}: {error}"))
        })?;
        Ok(Self { file: Mutex::new(BufWriter::new(file)) })
    }

    /// Writes a call. Failure to write must not stop the calls.
    pub fn write(&self, redactor: &Redactor, call: &Call<'_>) {
        let Call { run, upstream, request, answer } = *call;
        let text = |body: &[u8]| {
            // Somewhat more than is kept, since a secret cut in two is no longer recognised.
            let mut body = redactor.bytes(body.get(..MOST_KEPT + (16 << 10)).unwrap_or(body));
            body.truncate(body.floor_char_boundary(MOST_KEPT));
            body
        };
        let line = json!({
            "run": run, "upstream": upstream, "request": text(request), "answer": text(answer),
        });
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(file, "{line}");
        let _ = file.flush();
    }
}
