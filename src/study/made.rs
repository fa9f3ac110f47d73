//! The artifacts that the branches of one run have made already, so that none makes them again.

use crate::store::Key;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OwnedMutexGuard;

/// The keys that a run makes or has made, over all its branches.
#[derive(Default)]
pub(super) struct Made {
    keys: Mutex<BTreeMap<Key, Arc<tokio::sync::Mutex<bool>>>>,
}

/// The right to make a key's artifact; holds whether this run has made it already.
pub(super) type Turn = OwnedMutexGuard<bool>;

impl Made {
    /// Returns true if this run has made a key's artifact already.
    pub fn holds(&self, key: &Key) -> bool {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(key).is_some_and(|made| made.try_lock().is_ok_and(|made| *made))
    }

    /// Waits until no other branch is making the same artifact.
    pub async fn turn(&self, key: &Key) -> Turn {
        let lock = {
            let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(keys.entry(key.clone()).or_default())
        };
        lock.lock_owned().await
    }
}
