//! Health of the client: its ability to keep up with its own load.

use crate::measure::{ClientHealth, Quantile, quantile_of_sorted};
use rustix::time::{ClockId, clock_gettime};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

/// Interval at which the client's timers are checked.
const TICK: Duration = Duration::from_millis(20);
/// Samples that are kept of a long level: more would say nothing else.
const MOST_SAMPLES: usize = 100_000;

/// Watches the client while a level runs.
pub(super) struct Monitor {
    began: Instant,
    cpu_began: f64,
    lags: Arc<Mutex<Vec<f64>>>,
    task: AbortHandle,
}

impl Monitor {
    pub fn start() -> Self {
        let lags = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(watch(Arc::clone(&lags))).abort_handle();
        Self { began: Instant::now(), cpu_began: cpu_seconds(), lags, task }
    }

    pub fn stop(self) -> ClientHealth {
        let cores = std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64);
        let elapsed = self.began.elapsed().as_secs_f64();
        let used = cpu_seconds() - self.cpu_began;
        let mut lags =
            std::mem::take(&mut *self.lags.lock().unwrap_or_else(PoisonError::into_inner));
        lags.sort_unstable_by(f64::total_cmp);
        ClientHealth {
            cpu_share: if elapsed > 0.0 { (used / elapsed / cores).clamp(0.0, 1.0) } else { 0.0 },
            lag_p95: quantile_of_sorted(&lags, Quantile::P95.share()).unwrap_or_default(),
            lag_max: lags.last().map_or(0.0, |lag| *lag),
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(lags: Arc<Mutex<Vec<f64>>>) {
    loop {
        let due = Instant::now() + TICK;
        sleep_until(due).await;
        let late = Instant::now().saturating_duration_since(due).as_secs_f64();
        let mut lags = lags.lock().unwrap_or_else(PoisonError::into_inner);
        if lags.len() < MOST_SAMPLES {
            lags.push(late);
        }
    }
}

/// CPU time of this process so far, over all its threads.
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}
