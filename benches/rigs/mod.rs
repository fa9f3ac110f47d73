//! Simulated rigs of which the truth is known, and sizer's own sweeps of them in virtual time: what the
//! benches of its answers share.

mod agent;
pub mod scenario;
pub mod sweep;
mod trouble;
mod truth;

pub use scenario::Scenario;
pub use sweep::{adaptive, estimate, sweep};
pub use trouble::Trouble;

/// Calls `of` with every index below `count`, on all cores, and gives what it returned in that order.
pub fn on_all_cores<T: Send>(count: usize, of: impl Fn(usize) -> Option<T> + Sync) -> Vec<T> {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        break;
                    }
                    if let (Some(result), Ok(mut results)) = (of(index), results.lock()) {
                        results.push((index, result));
                    }
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_default();
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
