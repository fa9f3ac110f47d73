//! A level of a graph, with its recording if there is one.

use super::reason::RemeasureReason;
use crate::measure::LevelMetrics;
use crate::pacing::LoadPoint;
use crate::store::Manifest;
use std::sync::Arc;

/// A level of a graph.
#[derive(Clone, Debug)]
pub(super) struct GraphLevel {
    /// The level.
    pub point: LoadPoint,
    /// The number of runs that was chosen for it, where the spec does not say.
    pub runs: usize,
    /// Its recording, where an adaptive sweep found one that it may use.
    pub known: Option<Arc<KnownLevel>>,
    /// The reason why it is measured again despite that recording.
    pub again: Option<RemeasureReason>,
}

impl GraphLevel {
    /// A level that is still to be measured, or that is found by its key.
    pub fn new(point: LoadPoint, runs: usize) -> Self {
        Self { point, runs, known: None, again: None }
    }

    /// A level that is there; made again, it has as many runs.
    pub fn known((point, known): (LoadPoint, KnownLevel)) -> Self {
        let runs = usize::try_from(known.metrics.measured).unwrap_or(usize::MAX);
        Self { point, runs, known: Some(Arc::new(known)), again: None }
    }
}

/// A level in the store.
#[derive(Clone, Debug)]
pub(super) struct KnownLevel {
    /// Its recording.
    pub manifest: Manifest,
    /// The metrics of the recording.
    pub metrics: LevelMetrics,
}
