//! `sizer gc`.

use super::End;
use super::diagnose::{CliError, print};
use super::spec_args::SpecArgs;
use crate::spec::Seconds;
use crate::store::GcRules;
use bytesize::ByteSize;
use std::time::SystemTime;

/// Remove artifacts that nothing refers to
///
/// What a lock file or the last run of a spec refers to always stays. Past runs keep their artifacts
/// too, unless these options say otherwise.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    spec: SpecArgs,
    /// Keep the artifacts of only this many of the newest runs
    #[arg(long, value_name = "N")]
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
}

pub(super) fn run(args: &Args) -> Result<End, CliError> {
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
    let garbage = args.spec.study()?.collect_garbage(rules, SystemTime::now(), args.dry_run)?;
    let mut lines: Vec<String> = Vec::new();
    if args.dry_run {
        lines.extend(garbage.files.iter().map(|path| path.display().to_string()));
    }
    let verb = if args.dry_run { "would remove" } else { "removed" };
    lines.push(format!(
        "{verb} {} files ({}); {} stay\n",
        garbage.files.len(),
        ByteSize(garbage.bytes),
        ByteSize(garbage.kept_bytes)
    ));
    print(&lines.join("\n"))?;
    Ok(End::Done)
}
