//! The clock of a level.

use std::time::Duration;
use tokio::time::Instant;

/// Seconds since a level began, on the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that begins now.
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// The instant at which it shows so many seconds.
    pub fn at(&self, seconds: f64) -> Instant {
        // Nobody waits for longer, and an instant has an end.
        const FAR: f64 = 1e9;
        let after = Duration::try_from_secs_f64(seconds.min(FAR));
        // What is before the beginning is the beginning.
        after.map_or(self.origin, |after| self.origin + after)
    }

    /// Seconds since it began.
    pub fn now(&self) -> f64 {
        self.origin.elapsed().as_secs_f64()
    }
}
