//! Processes that left their group: daemons of a workflow's own making.

/// The variable by which processes are known as a workflow's, wherever they went.
pub(super) const MARK: &str = "SIZER_WORKFLOW";

/// Kills every process that has the workflow's mark in its environment. Processes inherit it, whatever
/// group or session they go to.
#[cfg(target_os = "linux")]
pub(super) fn kill_strays(mark: &str) {
    use rustix::process::{Pid, Signal, kill_process};
    const ROUNDS: usize = 20;
    let wanted = format!("{MARK}={mark}");
    // One that is being killed can have started another.
    for _ in 0..ROUNDS {
        let mut found = false;
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let id = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
            let Some(pid) = id.and_then(Pid::from_raw) else { continue };
            // Processes of others cannot be read, and are none of ours.
            let Ok(environment) = std::fs::read(entry.path().join("environ")) else { continue };
            let mut variables = environment.split(|byte| *byte == 0);
            if variables.any(|variable| variable == wanted.as_bytes()) {
                found = true;
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        if !found {
            return;
        }
    }
}

/// Elsewhere the group is all that is known of.
#[cfg(not(target_os = "linux"))]
pub(super) fn kill_strays(_mark: &str) {}
