//! Shared memory budget for bodies held at the same time: a single one may be large, but not all of them.

use crate::measure::{Failure, FailureKind};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Limit for all bodies of runs in flight. Streams are parsed as they arrive and are not held.
const MOST: usize = 128 << 20;

static HELD: AtomicUsize = AtomicUsize::new(0);

/// Share of the budget taken by a body, returned on drop.
#[derive(Default)]
pub(super) struct BudgetShare {
    bytes: usize,
}

impl BudgetShare {
    /// Takes more of the budget.
    pub fn more(&mut self, bytes: usize) -> Result<(), Failure> {
        let before = HELD.fetch_add(bytes, Ordering::Relaxed);
        self.bytes = self.bytes.saturating_add(bytes);
        if before.saturating_add(bytes) <= MOST {
            return Ok(());
        }
        let message = format!(
            "the bodies of all runs in flight are together larger than {} MiB; measure with lower levels",
            MOST >> 20
        );
        Err(Failure::new(FailureKind::TooLarge, message))
    }
}

impl Drop for BudgetShare {
    fn drop(&mut self) {
        HELD.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
