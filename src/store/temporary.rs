//! Names of temporary files. They identify the process and machine that writes the file, so that leftovers of
//! killed processes can be recognised.

use rustix::process::{Pid, test_kill_process};
use std::path::Path;
use uuid::Uuid;

/// Suffix of all temporary files. Earlier versions used nothing else.
const SUFFIX: &str = ".tmp";
const PREFIX: &str = ".sizer-";

/// Names for temporary files of this process.
pub(super) struct Temporary;

impl Temporary {
    /// Returns a unique name.
    pub fn name() -> String {
        format!("{}{}{SUFFIX}", Self::prefix(), Uuid::new_v4().simple())
    }

    /// Returns the prefix and suffix around the random part of a name.
    pub fn around() -> (String, &'static str) {
        (Self::prefix(), SUFFIX)
    }

    fn prefix() -> String {
        format!("{PREFIX}{}-{}-", machine(), std::process::id())
    }
}

/// Returns true if a file of the store is a temporary one.
pub(super) fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(SUFFIX)
}

/// Removes temporary files left by dead processes of this machine from a folder that others write to as well.
pub(super) fn sweep_dead(dir: &Path) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_str().and_then(writer_of).is_some_and(is_dead) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Process that writes a file with this name, if it runs on this machine.
fn writer_of(name: &str) -> Option<Pid> {
    let rest = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let rest = rest.strip_prefix(&machine())?.strip_prefix('-')?;
    let (id, _) = rest.split_once('-')?;
    Pid::from_raw(id.parse().ok()?)
}

fn is_dead(id: Pid) -> bool {
    test_kill_process(id) == Err(rustix::io::Errno::SRCH)
}

/// Short name of this machine, since process ids mean nothing on another one that shares the disk.
fn machine() -> String {
    let uname = rustix::system::uname();
    let digest = blake3::hash(uname.nodename().to_bytes()).to_hex();
    digest.chars().take(8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_dead_processes_left_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        let mine = Temporary::name();
        // Larger than any process id.
        let dead = format!("{PREFIX}{}-{}-x{SUFFIX}", machine(), i32::MAX);
        let elsewhere = format!("{PREFIX}00000000-{}-x{SUFFIX}", i32::MAX);
        for name in [&mine, &dead, &elsewhere] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        sweep_dead(dir.path());
        let there = |name: &String| dir.path().join(name).exists();
        assert!(there(&mine) && !there(&dead) && there(&elsewhere));
        assert!(is_temporary(&mine));
    }
}
