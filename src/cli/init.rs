//! `sizer init`.

use super::End;
use super::diagnose::{CliError, print};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

const SPEC: &str = include_str!("../../templates/starter.yml");
const DATASET: &str = include_str!("../../templates/starter.jsonl");

/// Write a commented starter spec that runs
///
/// It measures the embedded simulator until you point it at your own server.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The folder to write sizer.yml and questions.jsonl into
    #[arg(default_value = ".")]
    dir: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<End, CliError> {
    std::fs::create_dir_all(&args.dir).map_err(|error| {
        CliError::system(format!("{}: cannot create the folder", args.dir.display()), error)
    })?;
    let spec = args.dir.join("sizer.yml");
    let dataset = args.dir.join("questions.jsonl");
    // Both or neither: a spec beside somebody else's dataset would run on that.
    for path in [&spec, &dataset] {
        if path.exists() {
            return Err(CliError::Usage(format!(
                "{} already exists; name another folder: sizer init DIR",
                path.display()
            )));
        }
    }
    write_new(&dataset, DATASET)?;
    write_new(&spec, SPEC)?;
    print(&format!(
        "wrote {} and {}\nrun it: sizer run {}\n",
        spec.display(),
        dataset.display(),
        spec.display()
    ))?;
    Ok(End::Done)
}

/// Writes a new file; never overwrites an existing one.
pub(super) fn write_new(path: &Path, text: &str) -> Result<(), CliError> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => CliError::Usage(format!("{} already exists", path.display())),
        _ => CliError::system(format!("{}: cannot write the file", path.display()), error),
    })
}
