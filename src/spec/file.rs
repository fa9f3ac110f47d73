//! Reading of specs from disk: the only file of this floor that touches the outside world.

use super::{
    Checked, Extensions, MigratedSpec, Override, Parts, Spec, SpecError, SpecSet, migrate,
};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest spec, in bytes; none that a person wrote is larger.
const LARGEST_SPEC: u64 = 1 << 20;

/// File with the defaults of all specs in its folder and below.
pub const PROJECT_FILE: &str = "sizer.toml";

/// Looks up a variable of this process's environment.
pub fn process_env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Options for reading a spec.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// Profile to apply.
    pub profile: Option<String>,
    /// Changes, as `--set` makes them.
    pub overrides: Vec<Override>,
    /// Things that the spec can name besides what sizer has.
    pub extensions: Arc<Extensions>,
}

impl Spec {
    /// Reads a spec file with the process's environment.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Checked<Self>, SpecError> {
        SpecSet::from_path_with(path, &ReadOptions::default())?.single()
    }

    /// Returns help for a path in the spec that does not exist.
    pub fn path_help(&self) -> String {
        let help = "paths in a spec are relative to its folder";
        let link = self.file().and_then(|file| Some((file, std::fs::read_link(file).ok()?)));
        match link {
            Some((file, target)) => format!(
                "{help}; {} is a link to {}, and the link's folder counts",
                file.display(),
                target.display()
            ),
            None => help.to_owned(),
        }
    }
}

impl SpecSet {
    /// Reads a spec file, with a profile and changes.
    pub fn from_path_with(
        path: impl AsRef<Path>,
        options: &ReadOptions,
    ) -> Result<Self, SpecError> {
        let path = path.as_ref();
        Self::from_text_with(&read(path)?, path, options)
    }

    /// Reads the text of a spec as if the file `path` held it: its relative paths, the files that it includes,
    /// `sizer.toml`, the store and the lock file are found from there. The file itself need not exist.
    pub fn from_text_with(
        text: &str,
        path: impl AsRef<Path>,
        options: &ReadOptions,
    ) -> Result<Self, SpecError> {
        let path = path.as_ref();
        let parts = Parts {
            project: project_file(path)?,
            profile: options.profile.as_deref(),
            overrides: &options.overrides,
            env: &process_env,
            read: &read_bounded,
        };
        Self::parse_with(text, path, &parts, &options.extensions)
    }
}

/// Reads a spec file and converts its text to the current version; `None` if it is of that version
/// already.
pub fn migrate_file(path: &Path) -> Result<Option<MigratedSpec>, SpecError> {
    migrate(&read(path)?, path)
}

/// Finds the nearest `sizer.toml`: in the spec's folder or in one above it.
fn project_file(spec: &Path) -> Result<Option<(PathBuf, String)>, SpecError> {
    let parent = spec.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Where the folder cannot be resolved, reading the spec itself has failed already.
    let absolute = parent.canonicalize().unwrap_or_else(|_| parent.to_owned());
    let near = parent.join(PROJECT_FILE);
    let above = absolute.ancestors().skip(1).map(|dir| dir.join(PROJECT_FILE));
    match std::iter::once(near).chain(above).find(|path| path.is_file()) {
        Some(path) => read(&path).map(|text| Some((path, text))),
        None => Ok(None),
    }
}

fn read(path: &Path) -> Result<String, SpecError> {
    read_bounded(path).map_err(|error| {
        let help = match error.kind() {
            ErrorKind::NotFound => "check the path, or write a starter spec with `sizer init`",
            ErrorKind::FileTooLarge => {
                "is this a dataset? A spec names its dataset in `dataset.path`"
            }
            _ => "check that it is a file you may read, in UTF-8",
        };
        let message = format!("the spec cannot be read: {error}");
        SpecError::in_file(&path.display().to_string(), message).help(help)
    })
}

/// Reads a file whole, or fails if it is too large: half a spec can be a valid one with another
/// meaning.
fn read_bounded(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LARGEST_SPEC + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST_SPEC {
        return Err(std::io::Error::new(ErrorKind::FileTooLarge, "it is larger than 1 MiB"));
    }
    Ok(text)
}
