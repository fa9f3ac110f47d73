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
        self.origin + Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }

    /// Seconds since it began.
    pub fn now(&self) -> f64 {
        self.origin.elapsed().as_secs_f64()
    }
}
