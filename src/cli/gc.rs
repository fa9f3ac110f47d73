//! `sizer gc`.

use super::diagnose::{CliError, print};
use super::numbers::whole;
use super::run::block_on;
use super::spec_args::{SpecArgs, WaitArgs};
use super::{Additions, End};
use crate::spec::Seconds;
use crate::store::{GcRules, Piece, RemovalReason};
use crate::study::RunOptions;
use bytesize::ByteSize;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// Remove artifacts that nothing refers to
///
/// Whatever the lock file (in the work tree or at the tip of a branch) or the last run of a spec refers to is
/// always kept. Past runs and older commits keep their artifacts too, unless these options say otherwise.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    spec: SpecArgs,
    /// Keep the artifacts of only this many of the newest runs
    #[arg(long, value_parser = whole::<usize>, value_name = "N")]
    keep_last: Option<usize>,
    /// Drop the artifacts of runs older than this, such as 30d
    #[arg(long, value_name = "AGE")]
    older_than: Option<String>,
    /// Drop the artifacts of old runs until the store is no larger than this, such as 500MB
    #[arg(long, value_name = "SIZE")]
    max_size: Option<String>,
    /// List what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    waiting: WaitArgs,
}

pub(super) fn run(args: &Args, additions: &Additions) -> Result<End, CliError> {
    let older_than = args.older_than.as_ref().map(|age| age.parse::<Seconds>());
    let older_than = older_than.transpose().map_err(|error| CliError::Usage(error.to_string()))?;
    let max_size = args.max_size.as_ref().map(|size| size.parse::<ByteSize>());
    let max_size =
        max_size.transpose().map_err(|error| CliError::Usage(format!("--max-size: {error}")))?;
    let rules = GcRules {
        keep_last: args.keep_last,
        older_than: older_than.map(Seconds::to_std),
        max_size: max_size.map(|size| size.as_u64()),
    };
    let archive = args.spec.archive(additions)?;
    let now = SystemTime::now();
    // Looking needs no right to write, and disturbs nobody.
    let garbage = if args.dry_run {
        archive.garbage(rules, now)?
    } else {
        let options = RunOptions { wait: args.waiting.wait, ..RunOptions::default() };
        block_on(async |cancel| {
            archive.collect_garbage(rules, now, &RunOptions { cancel, ..options }).await
        })??
    };
    let mut lines: Vec<String> = Vec::new();
    if args.dry_run {
        lines.extend(garbage.pieces.iter().map(|piece| piece.path.display().to_string()));
    }
    lines.extend(what_and_why(&garbage.pieces));
    let verb = if args.dry_run { "would remove" } else { "removed" };
    lines.push(format!(
        "{verb} {} files ({}); {} stay\n",
        garbage.pieces.len(),
        ByteSize(garbage.pieces.iter().map(|piece| piece.bytes).sum()),
        ByteSize(garbage.kept_bytes)
    ));
    print(&lines.join("\n"))?;
    Ok(End::Done)
}

/// Formats a line per stage, with the reason why its files are removed.
fn what_and_why(pieces: &[Piece]) -> Vec<String> {
    let mut groups: BTreeMap<(&str, RemovalReason), (usize, u64)> = BTreeMap::new();
    for Piece { stage, why, bytes, .. } in pieces {
        let stage = stage.as_deref().unwrap_or("unknown");
        let (files, size) = groups.entry((stage, *why)).or_default();
        *files += 1;
        *size += bytes;
    }
    let line = |((stage, why), (files, size)): ((&str, RemovalReason), (usize, u64))| {
        let files = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
        format!("{stage}: {files}, {}: {why}", ByteSize(size))
    };
    groups.into_iter().map(line).collect()
}
