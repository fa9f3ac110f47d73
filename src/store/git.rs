//! What git has to know of the files that are committed.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

const ATTRIBUTES: &str = ".gitattributes";
const LINE: &str = "sizer.lock merge=union\n";

/// Has git join the lock files of two branches line by line: levels that were measured side by side
/// lie side by side, where its usual way sees a conflict. Done once for each folder of a work tree;
/// where it cannot be, merges are as they were.
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
    // A link leads to a file that is not ours to change.
    let before = match path.symlink_metadata() {
        Ok(there) if there.is_file() => match std::fs::read(&path) {
            Ok(text) => text,
            // Nobody knows what would be added to.
            Err(_) => return,
        },
        Ok(_) => return,
        Err(_) => Vec::new(),
    };
    let gap = if before.is_empty() || before.ends_with(b"\n") { "" } else { "\n" };
    let file = OpenOptions::new().create(true).append(true).open(path);
    // Nothing that was measured depends on it.
    let _ = file.and_then(|mut file| file.write_all(format!("{gap}{LINE}").as_bytes()));
}
