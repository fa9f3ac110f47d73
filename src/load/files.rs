//! Room for as many connections as a level needs.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that a process has open besides its connections.
const OTHERS: u64 = 64;

/// The system does not let this process open as many files as a level needs connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a level of {concurrency} needs about {needed} open files, and this process may have {allowed}: raise the \
     limit (`ulimit -n {needed}`, or LimitNOFILE= of a service){}",
    instead(*allowed, *per_run)
)]
#[non_exhaustive]
pub struct TooFewFiles {
    /// The level.
    pub concurrency: u32,
    /// Files that it needs.
    pub needed: u64,
    /// Files that are allowed.
    pub allowed: u64,
    /// Files for each run in flight.
    pub per_run: u64,
}

/// Suggests an alternative if some levels have room; empty otherwise.
fn instead(allowed: u64, per_run: u64) -> String {
    match allowed.saturating_sub(OTHERS).checked_div(per_run) {
        None | Some(0) => String::new(),
        Some(highest) => format!(" or leave out the levels above {highest}"),
    }
}

/// Makes sure that a level can have its connections, raising the process's own limit as far as
/// the system allows. `per_run` is that of
/// [`WorkflowSpec::open_files_per_run`](crate::workflow::WorkflowSpec::open_files_per_run).
pub fn make_room(concurrency: u32, per_run: u64) -> Result<(), TooFewFiles> {
    let needed = u64::from(concurrency) * per_run + OTHERS;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // `None` means unlimited.
    let Some(soft) = current.filter(|soft| *soft < needed) else { return Ok(()) };
    let most = maximum.unwrap_or(needed);
    let raised = Rlimit { current: Some(needed.min(most)), maximum };
    let allowed = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => needed.min(most),
        Err(_) => soft,
    };
    if allowed >= needed {
        Ok(())
    } else {
        Err(TooFewFiles { concurrency, needed, allowed, per_run })
    }
}
