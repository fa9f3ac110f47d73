//! The bodies of requests and answers, where the spec asks for them.

use crate::workflow::ConnectError;
use crate::workflow::masks::Masks;
use serde_json::json;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Of each body, no more is kept.
pub(super) const MOST_KEPT: usize = 1 << 20;

/// A file with a line of JSON per call.
pub(super) struct Bodies {
    file: Mutex<BufWriter<File>>,
    masks: Masks,
}

impl Bodies {
    pub fn create(path: &Path, masks: &Masks) -> Result<Self, ConnectError> {
        let file = File::create(path).map_err(|error| {
            let path = path.display();
            ConnectError::Client(format!("the bodies cannot be written to {path}: {error}"))
        })?;
        Ok(Self { file: Mutex::new(BufWriter::new(file)), masks: masks.clone() })
    }

    /// Keeps a call. A file that cannot be written must not stop the calls.
    pub fn write(&self, run: &str, upstream: &str, request: &[u8], answer: &[u8]) {
        let text = |body: &[u8]| {
            let body = String::from_utf8_lossy(body.get(..MOST_KEPT).unwrap_or(body));
            self.masks.text(body.into_owned())
        };
        let line = json!({
            "run": run, "upstream": upstream, "request": text(request), "answer": text(answer),
        });
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(file, "{line}");
        let _ = file.flush();
    }
}
