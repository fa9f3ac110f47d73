//! Git attributes of the lock file.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

const ATTRIBUTES: &str = ".gitattributes";
const LINE: &str = "sizer.lock merge=union\n";

/// Makes git merge the lock files of two branches line by line, by `merge=union` in `.gitattributes`. Levels
/// measured on both branches are adjacent in the file, which git's default merge would report as a conflict.
/// Done once per folder of a work tree. If the file cannot be written, merges work as before.
pub(super) fn merge_by_stanza(folder: &Path) {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(folder) = folder.canonicalize() else { return };
    let Some(top) = folder.ancestors().find(|dir| dir.join(".git").exists()) else { return };
    let inside = folder.ancestors().take_while(|dir| dir.starts_with(top));
    let says_so = |dir: &Path| {
        std::fs::read(dir.join(ATTRIBUTES))
            .is_ok_and(|text| String::from_utf8_lossy(&text).contains("sizer.lock"))
    };
    if inside.into_iter().any(says_so) {
        return;
    }
    let path = folder.join(ATTRIBUTES);
    // A link may lead to a file that is not ours to change.
    let before = match path.symlink_metadata() {
        Ok(there) if there.is_file() => match std::fs::read(&path) {
            Ok(text) => text,
            // Do not append to a file that cannot be read.
            Err(_) => return,
        },
        Ok(_) => return,
        Err(_) => Vec::new(),
    };
    let gap = if before.is_empty() || before.ends_with(b"\n") { "" } else { "\n" };
    let file = OpenOptions::new().create(true).append(true).open(path);
    // A failure is harmless: no measurement depends on it.
    let _ = file.and_then(|mut file| file.write_all(format!("{gap}{LINE}").as_bytes()));
}
