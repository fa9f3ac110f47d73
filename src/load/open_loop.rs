//! Open loop: runs begin at their times, whether or not others have ended. A run's time counts
//! from when it was due, so a client or a server that falls behind shows in every run (no
//! coordinated omission).

use super::level::Level;
use super::pause::Arrivals;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Beyond this the client would measure itself; further runs wait, and their waiting counts.
const MOST_IN_FLIGHT: usize = 50_000;

/// Begins the task that begins all runs.
pub(super) fn begin(level: &Arc<Level>, rate: f64, poisson: bool, tasks: &mut JoinSet<()>) {
    let arrivals = Arrivals::new(rate, level.ramp, poisson, level.seed);
    tasks.spawn(send(Arc::clone(level), arrivals));
}

async fn send(level: Arc<Level>, mut arrivals: Arrivals) {
    let mut runs = JoinSet::new();
    let room = Arc::new(Semaphore::new(MOST_IN_FLIGHT));
    let began = level.clock.now();
    loop {
        let due_at = began + arrivals.next();
        tokio::time::sleep_until(level.clock.at(due_at)).await;
        let Some(due) = level.next(due_at) else { break };
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { break };
        let level = Arc::clone(&level);
        runs.spawn(async move {
            level.run(due, Some(due_at)).await;
            drop(place);
        });
        // Whatever has ended makes room; a panic is reported when the level ends.
        while runs.try_join_next().is_some() {}
    }
    while runs.join_next().await.is_some() {}
}
