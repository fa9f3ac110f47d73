//! The clock of a level.

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

    /// Seconds since it began.
    pub fn now(&self) -> f64 {
        self.origin.elapsed().as_secs_f64()
    }
}
