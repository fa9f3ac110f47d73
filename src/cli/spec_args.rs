//! Arguments that name a spec.

use super::Additions;
use super::diagnose::CliError;
use crate::spec::{Override, ReadOptions, SpecSet, redact};
use crate::store::Invocation;
use crate::study::{Archive, Study};
use std::path::PathBuf;
use std::sync::Arc;

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

/// The behaviour while another process works in the store.
#[derive(clap::Args)]
pub(super) struct WaitArgs {
    /// Wait for another sizer that works in the same folder, instead of failing
    #[arg(long)]
    pub wait: bool,
}

impl SpecArgs {
    /// Returns the options for reading the spec.
    pub fn options(&self, additions: &Additions) -> Result<ReadOptions, CliError> {
        let overrides: Vec<Override> =
            self.set.iter().map(|text| Override::parse(text)).collect::<Result<_, _>>()?;
        let extensions = Arc::clone(&additions.extensions);
        Ok(ReadOptions { profile: self.profile.clone(), overrides, extensions })
    }

    /// Returns the arguments quoted for a shell, for a command that can be pasted. A change to a
    /// key that may hold a secret is left out.
    pub fn as_typed(&self) -> String {
        let mut words = vec![quoted(&self.spec.display().to_string())];
        words.extend(self.profile.iter().map(|name| format!("--profile {}", quoted(name))));
        let open = self.set.iter().filter(|text| redact(text) == **text);
        words.extend(open.map(|text| format!("--set {}", quoted(text))));
        words.join(" ")
    }

    /// Returns what was asked for, for the record of the run. A change that may hold a secret is left
    /// out.
    pub fn asked(&self, verb: &str) -> Invocation {
        Invocation::new(verb, self.profile.as_deref(), &self.set)
    }

    /// Reads the spec into its pipelines.
    pub fn study(&self, additions: &Additions) -> Result<Study, CliError> {
        Ok(additions.study(self.specs(additions)?)?)
    }

    /// Reads the spec, and opens the store beside it.
    pub fn archive(&self, additions: &Additions) -> Result<Archive, CliError> {
        Ok(Archive::of(self.specs(additions)?))
    }

    fn specs(&self, additions: &Additions) -> Result<SpecSet, CliError> {
        Ok(SpecSet::from_path_with(&self.spec, &self.options(additions)?)?)
    }
}

/// Quotes a word for a shell, if needed.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=:,@%+".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_read_more_into_them() {
        assert_eq!(quoted("specs/a-1.yml"), "specs/a-1.yml");
        assert_eq!(quoted("my spec.yml"), "'my spec.yml'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
