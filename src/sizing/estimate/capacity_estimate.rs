//! The capacity found, and its basis.

use super::refit::Models;
use crate::sizing::CapacitySamples;
use crate::sizing::grade::Doubt;
use crate::sizing::verdict::{Bounds, Level};
use std::rc::Rc;

/// Factor from the answer within which levels still tell something about it.
pub(super) const NEAR: f64 = 5.0;

/// The capacity found, and its basis.
pub(in crate::sizing) struct CapacityEstimate {
    pub models: Rc<Models>,
    pub drawn: CapacitySamples,
    pub bounds: Bounds,
    pub left_out: Option<f64>,
    pub doubts: Vec<Doubt>,
}

impl CapacityEstimate {
    /// Returns true if nothing that was measured shows where the capacity ends.
    pub fn is_open(&self) -> bool {
        let range = self.drawn.range(|it| it.concurrency);
        self.drawn.point.capped || self.drawn.is_capped_at(range.high)
    }

    /// Returns true if a level is near the answer.
    pub fn is_near(&self, level: &Level<'_>) -> bool {
        let point = self.drawn.point.concurrency.max(1.0);
        (level.concurrency() / point).ln().abs() <= NEAR.ln() * (1.0 + 1e-9)
    }
}
