//! Guard: a small process beside sizer that ends what sizer started once sizer is gone, whatever the cause. It reads
//! a pipe whose other end only sizer holds. When the pipe closes, no other process is left to stop them in an orderly
//! way. This is the only notification that works on every system and survives SIGKILL.
//!
//! Children hold the pipe between fork and exec as well, so by the time it closes each of them carries the
//! mark by which it is found.

use super::strays::kill_strays;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use std::collections::HashSet;
use std::ffi::OsString;
use std::io::{BufRead, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Hidden verb of the command line that runs the guard.
pub const GUARD_VERB: &str = "guard-of-processes";

/// The command that runs the guard; the first to be named counts.
static COMMAND: OnceLock<GuardCommand> = OnceLock::new();
static GUARD: OnceLock<Option<Mutex<ChildStdin>>> = OnceLock::new();

/// A command that watches over the children of this program; a word of its own is added as its last argument.
#[derive(Debug)]
pub enum GuardCommand {
    /// This program, started again.
    SameProgram,
    /// Another program, with arguments: for a process whose program is not sizer but loads it, as an interpreter
    /// does.
    Other(OsString, Vec<OsString>),
}

/// Names the command that runs the guard. Without this call there is no guard, since any other program would be
/// started for a purpose of its own.
pub fn enable_guard(command: GuardCommand) {
    // What a program named first stays: it knows better than the command line that it runs.
    let _ = COMMAND.set(command);
}

/// Tells the guard about a workflow's mark, before anything is started with it.
pub(super) fn watch_mark(mark: &str) {
    tell(&format!("mark {mark}\n"));
}

/// Tells the guard about a process group that was started.
pub(super) fn watch_group(leader: Pid) {
    tell(&format!("group {}\n", leader.as_raw_nonzero()));
}

/// Tells the guard that a group has ended, since its id may be reused.
pub(super) fn forget_group(leader: Pid) {
    tell(&format!("ended {}\n", leader.as_raw_nonzero()));
}

fn tell(line: &str) {
    let Some(command) = COMMAND.get() else { return };
    if let Some(pipe) = GUARD.get_or_init(|| start(command).map(Mutex::new)) {
        let mut pipe = pipe.lock().unwrap_or_else(PoisonError::into_inner);
        // Without a guard, sizer still ends its processes as long as it lives.
        let _ = pipe.write_all(line.as_bytes());
    }
}

fn start(command: &GuardCommand) -> Option<ChildStdin> {
    let mut command = match command {
        // The executable may have been replaced on disk since it was started.
        GuardCommand::SameProgram if cfg!(target_os = "linux") => Command::new("/proc/self/exe"),
        GuardCommand::SameProgram => Command::new(std::env::current_exe().ok()?),
        GuardCommand::Other(program, arguments) => {
            let mut command = Command::new(program);
            command.args(arguments);
            command
        }
    };
    // The guard keeps no folder in use, no secret, and no stream that somebody waits for.
    command.arg(GUARD_VERB).current_dir("/").env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().ok()?.stdin
}

/// Waits until sizer is gone, then ends whatever it left behind.
pub fn guard() {
    const GRACE: Duration = Duration::from_millis(500);
    const LOOK_AGAIN: Duration = Duration::from_millis(10);
    // Signals from sizer's terminal are not meant for its guard.
    let _ = rustix::process::setsid();
    let (mut groups, mut marks) = (HashSet::new(), Vec::new());
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let Some((what, name)) = line.split_once(' ') else { continue };
        let leader = || name.parse().ok().and_then(Pid::from_raw);
        match what {
            "mark" => marks.push(name.to_owned()),
            "group" => groups.extend(leader()),
            "ended" => drop(leader().map(|leader| groups.remove(&leader))),
            _ => {}
        }
    }
    for group in &groups {
        let _ = kill_process_group(*group, Signal::TERM);
    }
    let asked = Instant::now();
    while asked.elapsed() < GRACE && groups.iter().any(|it| test_kill_process_group(*it).is_ok()) {
        std::thread::sleep(LOOK_AGAIN);
    }
    for group in &groups {
        let _ = kill_process_group(*group, Signal::KILL);
    }
    for mark in &marks {
        kill_strays(mark);
    }
}
