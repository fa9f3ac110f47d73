//! The arguments that name a spec.

use super::diagnose::CliError;
use crate::pipeline::Study;
use crate::spec::{Override, ReadOptions, SpecSet};
use std::path::PathBuf;

/// A spec and the changes to it.
#[derive(clap::Args)]
pub(super) struct SpecArgs {
    /// The spec file
    spec: PathBuf,
    /// Pick one of the spec's profiles
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Change a key of the spec, such as targets.users=500
    ///
    /// The key is a dotted path, the value is read as YAML. Positions in lists count from 0. May be
    /// given several times; later ones win.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl SpecArgs {
    /// How the spec is to be read.
    pub fn options(&self) -> Result<ReadOptions, CliError> {
        let overrides: Vec<Override> =
            self.set.iter().map(|text| Override::parse(text)).collect::<Result<_, _>>()?;
        Ok(ReadOptions { profile: self.profile.clone(), overrides })
    }

    /// The pipelines of the spec.
    pub fn study(&self) -> Result<Study, CliError> {
        Ok(Study::new(SpecSet::from_path_with(&self.spec, &self.options()?)?))
    }
}
