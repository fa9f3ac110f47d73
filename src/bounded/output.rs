//! Output of a template, limited in size.

use std::io::Write;

/// A writer that fails once it is given more than a number of MiB.
pub(crate) struct BoundedWriter {
    pub bytes: Vec<u8>,
    most_mib: usize,
    what: &'static str,
}

impl BoundedWriter {
    /// Creates a writer; `what` names the output in the error.
    pub fn new(what: &'static str, most_mib: usize) -> Self {
        Self { bytes: Vec::new(), most_mib, what }
    }
}

impl Write for BoundedWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len().saturating_add(bytes.len()) > self.most_mib << 20 {
            let message = format!("{} is larger than {} MiB", self.what, self.most_mib);
            return Err(std::io::Error::other(message));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
