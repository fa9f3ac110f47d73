//! Counts over all runs of a level, and their failures.

use super::window::Window;
use super::{FailureKind, RunColumns, RunFields};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Number of failures of one kind at a level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct FailureCount {
    /// The kind.
    pub kind: FailureKind,
    /// Runs that failed in this way.
    pub count: u64,
    /// Their share of all runs, 0 to 1.
    pub share: f64,
    /// Message of the one that ended first.
    pub first_message: String,
}

/// Counts over all runs, whatever their phase.
#[derive(Default)]
pub(super) struct Tally {
    runs: usize,
    pub reconnected: u64,
    pub retries: u64,
    pub failed_calls: u64,
    pub statuses: BTreeMap<u16, u64>,
    /// Per kind: number of failed runs, index and end (seconds) of the one that ended first.
    kinds: BTreeMap<FailureKind, (u64, usize, f64)>,
}

impl Tally {
    pub fn add(&mut self, head: &RunFields) {
        self.reconnected += u64::from(head.reconnected);
        self.retries += u64::from(head.retries);
        self.failed_calls += u64::from(head.failed_calls);
        if let Some(status) = head.http_status {
            *self.statuses.entry(status).or_default() += 1;
        }
        if let Some(kind) = head.failure {
            let (count, first, first_end) =
                self.kinds.entry(kind).or_insert((0, self.runs, head.end));
            *count += 1;
            if head.end < *first_end {
                (*first, *first_end) = (self.runs, head.end);
            }
        }
        self.runs += 1;
    }

    pub fn failures<S: RunColumns>(
        &self,
        source: &S,
        window: &Window,
    ) -> Result<Vec<FailureCount>, S::Error> {
        let mut messages: BTreeMap<usize, String> = BTreeMap::new();
        if !self.kinds.is_empty() {
            source.each_message(&mut |run, message| {
                if self.kinds.values().any(|(_, first, _)| *first == run) {
                    messages.insert(run, message.to_owned());
                }
            })?;
        }
        let counts = self.kinds.iter().map(|(kind, (count, first, _))| FailureCount {
            kind: *kind,
            count: *count,
            share: *count as f64 / window.runs().max(1) as f64,
            first_message: messages.remove(first).unwrap_or_default(),
        });
        Ok(counts.collect())
    }
}
