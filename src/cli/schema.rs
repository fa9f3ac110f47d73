//! `sizer schema`.

use super::diagnose::{CliError, print};
use super::{Additions, End};
use crate::report::result_schema;
use clap::ValueEnum;

/// Print the JSON schema of the spec, or of result.json
#[derive(clap::Args)]
pub(super) struct Args {
    /// The document whose schema is printed
    #[arg(value_enum, default_value_t = Document::Spec)]
    document: Document,
}

/// Documents that have a schema.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Document {
    /// The spec
    Spec,
    /// The result
    Result,
}

pub(super) fn run(args: &Args, additions: &Additions) -> Result<End, CliError> {
    let schema = match args.document {
        Document::Spec => additions.extensions.json_schema(),
        Document::Result => result_schema(),
    };
    print(&format!("{schema:#}\n"))?;
    Ok(End::Done)
}
