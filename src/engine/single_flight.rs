//! Artifacts that one run makes at most once, however many of its graphs need them.

use crate::store::Key;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OwnedMutexGuard;

/// The keys that a run makes or has made, over all its graphs.
#[derive(Default)]
pub(crate) struct SingleFlight {
    keys: Mutex<BTreeMap<Key, Arc<tokio::sync::Mutex<bool>>>>,
}

/// The right to make a key's artifact; holds whether this run has made it already.
pub(super) type Turn = OwnedMutexGuard<bool>;

impl SingleFlight {
    /// Returns true if this run has made a key's artifact already.
    pub fn has_made(&self, key: &Key) -> bool {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(key).is_some_and(|made| made.try_lock().is_ok_and(|made| *made))
    }

    /// Waits until no one else is making the same artifact.
    pub(super) async fn turn(&self, key: &Key) -> Turn {
        let lock = {
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(keys.entry(key.clone()).or_default())
        };
        lock.lock_owned().await
    }
}
