//! Closed loop: as many users as the level says; each begins a run when the last one has ended.

use super::level::Level;
use super::pause::Pauses;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Begins one task per user.
pub(super) fn begin(level: &Arc<Level>, think: f64, sigma: f64, tasks: &mut JoinSet<()>) {
    let users = level.concurrency;
    for user in 0..users {
        let pauses = Pauses::new(think, sigma, level.seed ^ u64::from(user));
        let ramp = level.ramp * f64::from(user) / f64::from(users.max(1));
        tasks.spawn(work(Arc::clone(level), pauses, ramp));
    }
}

/// One user: runs item after item until none is due.
async fn work(level: Arc<Level>, mut pauses: Pauses, ramp: f64) {
    // Users that think do not all begin at once, or they would go on in step.
    sleep(ramp + pauses.first()).await;
    while let Some(due) = level.next(level.clock.now()) {
        level.run(due, None).await;
        sleep(pauses.next()).await;
    }
}

async fn sleep(seconds: f64) {
    if seconds > 0.0 {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    }
}
