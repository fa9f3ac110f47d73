//! Writing down when a run was, who ran it, and how it ended.

use super::outcome::StageOutcome;
use crate::store::Exit;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A run whose record is not written yet.
pub(crate) struct RunLog {
    started: f64,
    clock: Instant,
}

/// The facts about a run that do not depend on what it was for.
pub(crate) struct LoggedRun {
    /// Start in seconds since the epoch.
    pub started: f64,
    /// Duration in seconds.
    pub duration: f64,
    /// User who started it.
    pub user: String,
    /// Host it ran on.
    pub host: String,
    /// Version of the program.
    pub tool: String,
    /// Outcome.
    pub exit: Exit,
    /// Number of stages that ran.
    pub ran: usize,
}

impl RunLog {
    /// Begins with the run.
    pub fn begin() -> Self {
        // A clock that stands before the epoch says nothing.
        let started =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |it| it.as_secs_f64());
        Self { started, clock: Instant::now() }
    }

    /// Ends with the run. One that ran nothing and changed nothing leaves no record: it would bury
    /// those that did.
    pub fn end<I, A>(self, stages: &[StageOutcome<I, A>], exit: Exit) -> Option<LoggedRun> {
        let ran = stages.iter().filter(|stage| stage.ran.is_some()).count();
        if ran == 0 && exit == Exit::Done {
            return None;
        }
        Some(LoggedRun {
            started: self.started,
            duration: self.clock.elapsed().as_secs_f64(),
            user: std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned()),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            exit,
            ran,
        })
    }
}
