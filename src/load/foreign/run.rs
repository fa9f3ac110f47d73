//! A run of a recording.

use crate::measure::Run;
use serde::{Deserialize, Serialize};

/// A run with the level that it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForeignRun {
    /// Runs in flight.
    pub concurrency: u32,
    /// Index of the repetition that it belongs to, from 0.
    #[serde(default, skip_serializing_if = "is_first")]
    pub repetition: usize,
    /// True if the level's runs met an idle server; `None` if that cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<bool>,
    /// The run.
    #[serde(flatten)]
    pub run: Run,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_first(repetition: &usize) -> bool {
    *repetition == 0
}
