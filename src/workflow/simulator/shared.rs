//! State shared by all requests to a simulator.

use super::config::SimulatorSpec;
use super::driver::Driver;
use super::log::Log;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

/// State shared by all requests.
pub(super) struct SharedState {
    pub spec: SimulatorSpec,
    pub driver: Driver,
    pub requests: AtomicU64,
    pub in_flight: AtomicUsize,
    pub highest_in_flight: AtomicUsize,
    pub log: Option<Log>,
}

impl SharedState {
    /// Counts a request for an answer as in flight until the guard is dropped.
    pub fn enter(self: &Arc<Self>) -> InFlight {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.highest_in_flight.fetch_max(now, Ordering::Relaxed);
        InFlight { shared: Arc::clone(self), count: now, entered: Instant::now() }
    }
}

/// Guard of a request in flight.
pub(super) struct InFlight {
    shared: Arc<SharedState>,
    /// Number of requests in flight when it arrived, including itself.
    pub count: usize,
    entered: Instant,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.shared.in_flight.fetch_sub(1, Ordering::Relaxed);
        if let Some(log) = &self.shared.log {
            log.write(self.entered, self.count);
        }
    }
}
