//! Tasks that begin the runs of a level when its pacing says so.

use super::level::Level;
use crate::pacing::{MOST_IN_FLIGHT, Starts, Times};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Begins the tasks that make the runs.
pub(super) fn begin(level: &Arc<Level>, starts: Starts, tasks: &mut JoinSet<()>) {
    match starts {
        Starts::Users(users) => {
            for pauses in users {
                tasks.spawn(work(Arc::clone(level), pauses));
            }
        }
        Starts::Arrivals(arrivals) => {
            tasks.spawn(send(Arc::clone(level), arrivals));
        }
    }
}

/// Acts as one user, who runs item after item until none is due.
async fn work(level: Arc<Level>, pauses: Times) {
    for pause in pauses {
        if pause > 0.0 {
            tokio::time::sleep(Duration::from_secs_f64(pause)).await;
        }
        let Some(due) = level.next(level.clock.now()) else { break };
        level.run(due, None).await;
    }
}

/// Begins runs at their times, whether or not others have ended.
async fn send(level: Arc<Level>, arrivals: Times) {
    let mut runs = JoinSet::new();
    let room = Arc::new(Semaphore::new(MOST_IN_FLIGHT as usize));
    let began = level.clock.now();
    for (position, at) in arrivals.enumerate() {
        let due_at = began + at;
        if position == level.warmup {
            // In the whole it is the first of the window, whoever begins it.
            level.open_window(due_at);
        }
        if position % level.segment.of as usize != level.segment.index as usize {
            continue;
        }
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
