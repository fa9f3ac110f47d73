//! Clock of a level.

use std::time::Duration;
use tokio::time::Instant;

/// Monotonic clock that counts seconds since a level began.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// Starts a clock now.
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// Returns the instant at which the clock shows `seconds`.
    pub fn at(&self, seconds: f64) -> Instant {
        // Far beyond any wait, and within the range of `Instant`.
        const FAR: f64 = 1e9;
        let after = Duration::try_from_secs_f64(seconds.min(FAR));
        // Times before the start count as the start.
        after.map_or(self.origin, |after| self.origin + after)
    }

    /// Returns the seconds since the start.
    pub fn now(&self) -> f64 {
        self.origin.elapsed().as_secs_f64()
    }
}
