//! References from lock files in git. A measurement that a commit names is needed again by whoever checks
//! that commit out.

use super::lock_file::LOCK_FILE;
use super::lock_text::{Content, parse};
use super::{LockedStage, StoreError};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Range of commits to look at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The tips of branches, tags and the stash, and `HEAD`.
    Tips,
    /// All commits that can be reached from the tips.
    History,
}

/// Returns the stanzas of the lock files in these commits, by stage; nothing if there is no repository. In
/// the history, lock files of other folders count too, since this folder may have had another name.
pub(super) fn locked_in_git(
    base_dir: &Path,
    reach: Reach,
) -> Result<Vec<(String, LockedStage)>, StoreError> {
    let folder = if base_dir.as_os_str().is_empty() { Path::new(".") } else { base_dir };
    let Ok(folder) = folder.canonicalize() else { return Ok(Vec::new()) };
    if !folder.ancestors().any(|dir| dir.join(".git").exists()) {
        return Ok(Vec::new());
    }
    let names = match reach {
        Reach::Tips => tips(&folder)?,
        Reach::History => blobs(&folder)?,
    };
    contents(&folder, &names)
}

fn git(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    // Only look: fetch nothing and refresh nothing.
    command.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_NO_LAZY_FETCH", "1");
    command.arg("-C").arg(folder).args(args).stdin(Stdio::null());
    command
}

fn said(folder: &Path, args: &[&str]) -> Result<String, StoreError> {
    let output = git(folder, args).output().map_err(|error| refused(&error.to_string()))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(refused(text.split_once('\n').map_or(&*text, |(first, _)| first)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn refused(message: &str) -> StoreError {
    StoreError::Git { message: message.trim().to_owned() }
}

/// Git's names for the lock file of this folder at each tip.
fn tips(folder: &Path) -> Result<Vec<String>, StoreError> {
    let refs = said(folder, &["for-each-ref", "--format=%(objectname)"])?;
    let commits: BTreeSet<&str> = refs.lines().chain(["HEAD"]).collect();
    Ok(commits.into_iter().map(|commit| format!("{commit}:./{LOCK_FILE}")).collect())
}

/// Hashes of every version of a lock file in the history.
fn blobs(folder: &Path) -> Result<Vec<String>, StoreError> {
    let lock = format!(":(top,glob)**/{LOCK_FILE}");
    let args = ["log", "--all", "-m", "--full-history", "--format=", "--raw", "--no-abbrev"];
    let log = said(folder, &[&args[..], &["--no-renames", "--", &lock]].concat())?;
    // `:100644 100644 BEFORE NOW M<tab>path`
    let now = log.lines().filter_map(|line| line.split_whitespace().nth(3));
    let now: BTreeSet<&str> = now.filter(|blob| blob.bytes().any(|byte| byte != b'0')).collect();
    Ok(now.into_iter().map(str::to_owned).collect())
}

/// Reads the lock files with these git names. Names without a file are skipped.
fn contents(folder: &Path, names: &[String]) -> Result<Vec<(String, LockedStage)>, StoreError> {
    let failed = |error: std::io::Error| refused(&error.to_string());
    let mut command = git(folder, &["cat-file", "--batch"]);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed)?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(refused("it has no pipes"));
    };
    let mut stdout = BufReader::new(stdout);
    let mut found = Vec::new();
    let mut read = || -> std::io::Result<()> {
        for name in names {
            // One name at a time, so that neither side can block on a full pipe.
            writeln!(stdin, "{name}")?;
            stdin.flush()?;
            let mut head = String::new();
            if stdout.read_line(&mut head)? == 0 {
                return Err(std::io::Error::other("it ended early"));
            }
            // `OBJECT blob SIZE`, or `NAME missing`.
            let size = head.split_whitespace().nth(2).and_then(|size| size.parse().ok());
            let Some(size) = size.filter(|_| head.split_whitespace().nth(1) == Some("blob")) else {
                continue;
            };
            let mut text = Vec::new();
            let length: u64 = size;
            // Includes the line feed that git adds at the end.
            (&mut stdout).take(length + 1).read_to_end(&mut text)?;
            let (Content { specs }, _) = parse(&String::from_utf8_lossy(&text));
            found.extend(specs.into_values().flatten());
        }
        Ok(())
    };
    let read = read();
    drop(stdin);
    let _ = child.wait();
    read.map_err(failed).map(|()| found)
}
