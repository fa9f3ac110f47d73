//! `sizer import`.

use super::End;
use super::diagnose::{CliError, print, tell};
use super::init::write_new;
use crate::study::imported_spec;
use clap::Subcommand;
use std::path::{Path, PathBuf};

/// Write a spec from another tool's configuration
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    from: ImportSource,
}

#[derive(Subcommand)]
enum ImportSource {
    Nat(NatArgs),
}

/// Convert a configuration of NeMo Agent Toolkit: its `eval` section and its workflow
#[derive(clap::Args)]
struct NatArgs {
    /// The configuration
    config: PathBuf,
    /// Where to write the spec; without it, it is printed
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Address of the workflow behind `nat serve`, in place of the configuration's own workflow
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<End, CliError> {
    let ImportSource::Nat(args) = &args.from;
    let base = args.output.as_deref().and_then(Path::parent);
    let base = base.filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (text, notes) = imported_spec(&args.config, args.endpoint.as_deref(), base)?;
    for note in notes {
        tell(&format!("note: {note}"));
    }
    match &args.output {
        None => print(&text)?,
        Some(file) => {
            write_new(file, &text)?;
            print(&format!("wrote {0}\nrun it: sizer run {0}\n", file.display()))?;
        }
    }
    Ok(End::Done)
}
