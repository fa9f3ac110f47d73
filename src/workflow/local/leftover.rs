//! Cleanup of servers left by an earlier sizer that was killed together with its guard.

use std::path::Path;

/// Environment variable that identifies a server started by a spec's `serve`.
pub(super) const SERVE: &str = "SIZER_SERVE";
/// Environment variable that identifies the sizer process that started it.
pub(super) const STARTED_BY: &str = "SIZER_STARTED_BY";

/// Name of the server that a program started from this folder provides.
pub(super) fn name_of(base_dir: &Path, run: &[String]) -> String {
    let folder = base_dir.canonicalize().unwrap_or_else(|_| base_dir.to_owned());
    let text = format!("{}\0{}", folder.display(), run.join("\0"));
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// Name of this process, unique on this machine across reuse of process ids.
pub(super) fn this_process() -> String {
    let id = std::process::id();
    // If the system does not report the start time, the id has to do.
    started(&id.to_string()).map_or_else(|| format!("{id}."), |ticks| format!("{id}.{ticks}"))
}

/// Start time of a live process, in clock ticks.
fn started(id: &str) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The program's name, in brackets, may contain anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    (!matches!(state, "Z" | "X")).then_some(fields.nth(18)?.to_owned())
}

/// Ends servers with this name whose sizer is gone.
#[cfg(target_os = "linux")]
pub(super) async fn end_leftovers(name: &str) {
    use super::strays::variables_of;
    use rustix::process::{Pid, Signal, kill_process};
    use std::time::{Duration, Instant};
    const PATIENCE: Duration = Duration::from_secs(2);
    let wanted = format!("{SERVE}={name}");
    let is_orphan = |variables: &[Vec<u8>]| {
        let ours = variables.iter().any(|it| it == wanted.as_bytes());
        let mut by = variables.iter().filter_map(|it| {
            std::str::from_utf8(it).ok()?.strip_prefix(STARTED_BY)?.strip_prefix('=')
        });
        let gone = |by: &str| {
            // Not written by sizer, so not sizer's to end.
            by.split_once('.').is_some_and(|(id, ticks)| {
                id.bytes().all(|byte| byte.is_ascii_digit())
                    && started(id).as_deref() != Some(ticks)
            })
        };
        ours && by.next().is_some_and(gone)
    };
    let mut ending: Vec<Pid> = Vec::new();
    for (pid, variables) in variables_of() {
        if is_orphan(&variables) {
            let _ = kill_process(pid, Signal::KILL);
            ending.push(pid);
        }
    }
    // Their ports are free only once they are gone.
    let began = Instant::now();
    let lives = |pid: &Pid| started(&pid.as_raw_nonzero().to_string()).is_some();
    while ending.iter().any(lives) && began.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// On other systems nothing tells whose server a process is.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unused_async, reason = "it waits on Linux")]
pub(super) async fn end_leftovers(_name: &str) {}
