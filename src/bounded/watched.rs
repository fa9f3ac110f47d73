//! Work on a thread of its own that is watched: for how long it takes, and for what memory the process
//! needs meanwhile. A thread cannot be ended; what exceeds its bounds goes on unheard until it ends, or
//! the process does, which follows an error of this kind.

use super::Exceeded;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

const MOST_SECONDS: u64 = 8;
const MOST_MIB: usize = 192;
/// How often it is looked at. Memory grows by some 5 MiB in a millisecond.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// Runs something with a stack of that size.
pub(super) fn run<T: Send + 'static>(
    stack: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Exceeded> {
    let (done, result) = sync_channel(1);
    let before = resident_mib();
    let began = Instant::now();
    let thread = std::thread::Builder::new().name("template".to_owned()).stack_size(stack);
    let spawned = thread.spawn(move || {
        // Nobody listens any more where it took too long.
        let _ = done.send(work());
    });
    spawned.map_err(|error| Exceeded::Broken(error.to_string()))?;
    loop {
        match result.recv_timeout(LOOK_AGAIN) {
            Ok(value) => return Ok(value),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Exceeded::Broken("the template engine failed".to_owned()));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if resident_mib().saturating_sub(before) > MOST_MIB {
            return Err(Exceeded::Memory(MOST_MIB));
        }
        if began.elapsed() > Duration::from_secs(MOST_SECONDS) {
            return Err(Exceeded::Time(MOST_SECONDS));
        }
    }
}

/// Memory that the process uses; 0 where the system does not say.
fn resident_mib() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: Option<usize> = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or_default().saturating_mul(rustix::param::page_size()) >> 20
}
