//! Processes that left their group: daemons of a workflow's own making.

/// The variable by which processes are known as a workflow's, wherever they went.
pub(super) const MARK: &str = "SIZER_WORKFLOW";

/// Kills every process that has the workflow's mark in its environment. Processes inherit it, whatever
/// group or session they go to.
#[cfg(target_os = "linux")]
pub(super) fn kill_strays(mark: &str) {
    use rustix::process::{Signal, kill_process};
    const ROUNDS: usize = 20;
    let wanted = format!("{MARK}={mark}");
    // One that is being killed can have started another.
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

/// All processes whose environment can be read, and it. Those of others cannot, and are none of ours.
#[cfg(target_os = "linux")]
pub(super) fn variables_of() -> impl Iterator<Item = (rustix::process::Pid, Vec<Vec<u8>>)> {
    std::fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let id = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        let pid = id.and_then(rustix::process::Pid::from_raw)?;
        let environment = std::fs::read(entry.path().join("environ")).ok()?;
        Some((pid, environment.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()))
    })
}

/// Elsewhere the group is all that is known of.
#[cfg(not(target_os = "linux"))]
pub(super) fn kill_strays(_mark: &str) {}
