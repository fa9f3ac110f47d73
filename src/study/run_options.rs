//! Options of a run.

use super::{CancellationToken, Observer, Selection, SilentObserver};
use crate::store::Invocation;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Options of a run.
#[derive(Clone)]
pub struct RunOptions {
    /// Watches the run.
    pub observer: Arc<dyn Observer>,
    /// Stops the run; finished stages are kept.
    pub cancel: CancellationToken,
    /// The stages to run.
    pub selection: Selection,
    /// Ask no server: a level that is not there is an error.
    pub offline: bool,
    /// After a stage failed, run what does not depend on it.
    pub keep_going: bool,
    /// The number of test rigs that may be measured at the same time. They share this machine's cores, so more than
    /// one makes sense only if it is far less busy than the rigs.
    pub jobs: NonZeroUsize,
    /// Wait for another process that works on the same store, instead of failing.
    pub wait: bool,
    /// Command behind the run, for its record.
    pub asked: Invocation,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            observer: Arc::new(SilentObserver),
            cancel: CancellationToken::new(),
            selection: Selection::default(),
            offline: false,
            keep_going: false,
            jobs: NonZeroUsize::MIN,
            wait: false,
            asked: Invocation::default(),
        }
    }
}
