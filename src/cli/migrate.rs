//! `sizer migrate`.

use super::End;
use super::diagnose::{CliError, print};
use crate::spec::migrate_file;
use crate::store::write_atomically;
use crate::study::PipelineError;
use std::path::PathBuf;

/// Rewrite specs of an older version for this sizer; comments and formatting stay
#[derive(clap::Args)]
pub(super) struct Args {
    /// The spec files
    #[arg(required = true)]
    specs: Vec<PathBuf>,
    /// Print the new text instead of writing it
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args) -> Result<End, CliError> {
    for path in &args.specs {
        let name = path.display();
        match migrate_file(path)? {
            None => print(&format!("{name} already has the current version\n"))?,
            Some(migrated) if args.dry_run => print(&migrated.text)?,
            Some(migrated) => {
                write_atomically(path, migrated.text.as_bytes()).map_err(PipelineError::from)?;
                let (from, to) = (migrated.from, migrated.to);
                print(&format!("{name}: version {from} → {to}\n"))?;
            }
        }
    }
    Ok(End::Done)
}
