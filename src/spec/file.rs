//! Reading specs from disk: the one file of this floor that touches the world.

use super::{Override, Spec, SpecError};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// No spec that a person wrote is larger.
const LARGEST_SPEC: u64 = 1 << 20;

/// Looks up a variable of this process's environment.
pub fn process_env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Spec {
    /// Reads a spec file with the process's environment.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self, SpecError> {
        Self::from_path_with(path, &[])
    }

    /// Reads a spec file and changes it by overrides (`--set`).
    pub fn from_path_with(
        path: impl AsRef<Path>,
        overrides: &[Override],
    ) -> Result<Self, SpecError> {
        let path = path.as_ref();
        let text = read(path)?;
        Self::parse(&text, path, overrides, &process_env)
    }
}

fn read(path: &Path) -> Result<String, SpecError> {
    let name = path.display().to_string();
    let unreadable = |error: std::io::Error| {
        let help = match error.kind() {
            std::io::ErrorKind::NotFound => {
                "check the path, or write a starter spec with `sizer init`"
            }
            _ => "check that it is a file you may read, in UTF-8",
        };
        SpecError::in_file(&name, format!("the spec cannot be read: {error}")).help(help)
    };
    let mut text = String::new();
    let mut file = File::open(path).map_err(unreadable)?.take(LARGEST_SPEC + 1);
    file.read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > LARGEST_SPEC {
        return Err(SpecError::in_file(&name, "the spec is larger than 1 MiB")
            .help("is this a dataset? A spec names its dataset in `dataset.path`"));
    }
    Ok(text)
}
