//! Work on a thread of its own, whose CPU time and the memory that the process needs meanwhile are
//! watched. A thread cannot be killed; work that exceeds its bounds goes on unheard until it ends
//! or the process exits, which follows an error of this kind.

use super::LimitExceeded;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Polling interval. Memory grows by some 5 MiB in a millisecond.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// Stack of the thread, in bytes. A library may recurse into nested input; this is more than the
/// deepest accepted input needs.
const STACK: usize = 64 << 20;

/// Factor by which wall-clock time may exceed CPU time, as on a busy machine.
const PATIENCE: u32 = 4;

/// Limits on a piece of work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Most CPU time, in seconds; while the machine is busy, waiting does not count.
    pub seconds: u64,
    /// Most memory that the process may need beyond what it had, in MiB.
    pub mib: usize,
}

/// A thread that computes.
pub(super) struct WatchedThread {
    /// The `schedstat` file with the thread's CPU time.
    thread: Arc<OnceLock<PathBuf>>,
    bounds: Bounds,
}

impl WatchedThread {
    /// Starts the work on a new thread.
    pub fn start(
        bounds: Bounds,
        work: impl FnOnce() + Send + 'static,
    ) -> Result<Self, LimitExceeded> {
        let thread = Arc::new(OnceLock::new());
        let builder = std::thread::Builder::new().name("bounded".to_owned()).stack_size(STACK);
        let own = Arc::clone(&thread);
        let spawned = builder.spawn(move || {
            if let Ok(path) = std::fs::read_link("/proc/thread-self") {
                let _ = own.set(PathBuf::from("/proc").join(path).join("schedstat"));
            }
            work();
        });
        spawned.map_err(|error| LimitExceeded::Broken(error.to_string()))?;
        Ok(Self { thread, bounds })
    }

    /// Waits for a value that the work makes; `None` if it ended without one.
    pub fn wait<T>(&self, made: &Receiver<T>) -> Result<Option<T>, LimitExceeded> {
        let (before, began) = (resident_mib(), Instant::now());
        let computed = self.computed();
        loop {
            match made.recv_timeout(LOOK_AGAIN) {
                Ok(value) => return Ok(Some(value)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let Bounds { seconds, mib } = self.bounds;
            // Where only one of them is known, nothing is known of the growth.
            let grown = resident_mib().zip(before).map(|(now, before)| now.saturating_sub(before));
            if grown.is_some_and(|grown| grown > mib) {
                return Err(LimitExceeded::Memory(mib));
            }
            let took = match (computed, self.computed()) {
                (before, Some(now)) => now.saturating_sub(before.unwrap_or_default()),
                (_, None) => began.elapsed(),
            };
            let most = Duration::from_secs(seconds);
            if took > most || began.elapsed() > most * PATIENCE {
                return Err(LimitExceeded::Time(seconds));
            }
        }
    }

    /// Returns the CPU time so far, if the system tells it.
    fn computed(&self) -> Option<Duration> {
        let text = std::fs::read_to_string(self.thread.get()?).ok()?;
        text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    }
}

/// Runs work within bounds and returns its result.
pub(super) fn run<T: Send + 'static>(
    bounds: Bounds,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, LimitExceeded> {
    let (done, result) = sync_channel(1);
    let watched = WatchedThread::start(bounds, move || {
        // Nobody listens any more where it took too long.
        let _ = done.send(work());
    })?;
    let value = watched.wait(&result)?;
    value.ok_or_else(|| LimitExceeded::Broken("the template engine failed".to_owned()))
}

/// Returns the memory used by the process, in MiB; `None` if the system does not tell it.
fn resident_mib() -> Option<usize> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages.saturating_mul(rustix::param::page_size()) >> 20)
}
