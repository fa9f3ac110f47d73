//! The reference calculator's own way: its parameters in, its job folders out, the same pipeline
//! between.

mod gather;
mod jobs;
mod offline;
mod options;
mod outcome;
mod spec_text;

pub use options::{CalcFormat, CalcOptions};
pub use outcome::{CalcError, CalcOutcome};
pub use spec_text::{emitted_spec, imported_spec};

use super::{CancellationToken, Observer};
use std::sync::Arc;

impl CalcOptions {
    /// Runs the calculation.
    pub async fn run(
        &self,
        observer: Arc<dyn Observer>,
        cancel: CancellationToken,
    ) -> Result<CalcOutcome, CalcError> {
        self.check()?;
        let outcome = if self.offline {
            offline::run(self, &*observer)?
        } else {
            gather::run(self, observer, cancel).await?
        };
        if let (CalcFormat::Aiq, Some(job)) = (self.format, &outcome.job) {
            jobs::to_older_shape(job)?;
        }
        Ok(outcome)
    }
}
