//! Processes that left their group, such as daemons started by a workflow.

/// Environment variable that identifies the processes of a workflow, whatever group they are in.
pub(super) const MARK: &str = "SIZER_WORKFLOW";

/// Kills every process that carries the workflow's mark in its environment. Processes inherit it, whatever
/// group or session they move to.
#[cfg(target_os = "linux")]
pub(super) fn kill_strays(mark: &str) {
    use rustix::process::{Signal, kill_process};
    const ROUNDS: usize = 20;
    let wanted = format!("{MARK}={mark}");
    // A process may start another one while it is being killed.
    for _ in 0..ROUNDS {
        let mut found = false;
        for (pid, variables) in variables_of() {
            if variables.iter().any(|variable| variable == wanted.as_bytes()) {
                found = true;
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        if !found {
            return;
        }
    }
}

/// Iterates over processes with their environments. Unreadable ones belong to other users and are never ours.
#[cfg(target_os = "linux")]
pub(super) fn variables_of() -> impl Iterator<Item = (rustix::process::Pid, Vec<Vec<u8>>)> {
    std::fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let id = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        let pid = id.and_then(rustix::process::Pid::from_raw)?;
        let environment = std::fs::read(entry.path().join("environ")).ok()?;
        Some((pid, environment.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()))
    })
}

/// On other systems only the group is known.
#[cfg(not(target_os = "linux"))]
pub(super) fn kill_strays(_mark: &str) {}
