//! The files that a workflow's programs are made of: another program is another measurement.

use crate::bounded::read_file;
use crate::nat::{ConfigParts, Sources};
use crate::redact::{names_a_secret_variable, secrets_among};
use crate::spec::{Spec, process_env};
use crate::store::Digest;
use crate::study::PipelineError;
use crate::workflow::ProgramSpec;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::ErrorKind::InvalidData;
use std::path::Path;

/// Beyond this a glob was not meant.
const MOST_FILES: usize = 10_000;

/// The digests of all files that the spec's programs name as a relative path among their arguments, or
/// under `files`.
pub(super) fn of_programs(spec: &Spec) -> Result<BTreeMap<String, Digest>, PipelineError> {
    let mut found = BTreeMap::new();
    let Some(program) = spec.workflow.program() else { return Ok(found) };
    let ProgramSpec { at, run, cwd, files, .. } = program;
    let base = spec.resolve(cwd.unwrap_or(Path::new("")));
    for argument in run {
        let path = Path::new(argument);
        // What lies elsewhere belongs to the machine, as the interpreter does.
        if path.is_relative() && base.join(path).is_file() {
            add(spec, &mut found, argument, &base.join(path), &format!("{at}.run"))?;
        }
    }
    for (index, pattern) in files.iter().enumerate() {
        let key = format!("{at}.files.{index}");
        let wrong = |message: String| {
            let help =
                "a glob such as src/**/*.py, relative to the folder that the program runs in";
            PipelineError::from(spec.error_at(&key, message).help(help))
        };
        let whole = base.join(pattern);
        let paths =
            glob::glob(&whole.to_string_lossy()).map_err(|error| wrong(error.to_string()))?;
        let mut any = false;
        for path in paths {
            let path = path.map_err(|error| wrong(error.to_string()))?;
            if !path.is_file() {
                continue;
            }
            any = true;
            if found.len() >= MOST_FILES {
                return Err(wrong(format!("more than {MOST_FILES} files")));
            }
            let name = path.strip_prefix(&base).unwrap_or(&path).to_string_lossy().into_owned();
            add(spec, &mut found, &name, &path, &key)?;
        }
        if !any {
            return Err(wrong(format!("no file matches `{pattern}`")));
        }
    }
    Ok(found)
}

/// The digests of the parts of the configuration that the spec's workflow runs: its files, by their paths as seen from
/// it, and the variables that it reads, unless they are secret.
pub(super) fn of_configuration(spec: &Spec) -> Result<BTreeMap<String, Digest>, PipelineError> {
    let mut found = BTreeMap::new();
    let Some(config) = spec.workflow.configuration() else { return Ok(found) };
    let config = spec.resolve(config);
    let unread = |error: std::io::Error| {
        let message = format!("{} cannot be read: {error}", config.display());
        PipelineError::from(spec.error_at("workflow.config", message).because(error))
    };
    found
        .insert("config".to_owned(), Digest::of(read_bounded(&config).map_err(unread)?.as_bytes()));
    let exists = |path: &str| Path::new(path).is_file();
    let parts = ConfigParts::of(
        &config,
        &Sources { env: &process_env, read: &read_bounded, exists: &exists },
    );
    let folder = config.parent().unwrap_or(Path::new(""));
    for (path, text) in parts.files.iter().filter(|(path, _)| **path != config) {
        let path = pathdiff::diff_paths(path, folder).unwrap_or_else(|| path.clone());
        found.insert(format!("config/{}", path.display()), Digest::of(text.as_bytes()));
    }
    for (name, value) in parts.variables {
        let value = value.filter(|value| {
            !names_a_secret_variable(&name) && secrets_among(std::slice::from_ref(value)).is_empty()
        });
        if let Some(value) = value {
            found.insert(format!("${name}"), Digest::of(value.as_bytes()));
        }
    }
    Ok(found)
}

/// Reads a configuration or a part of it; none that a person wrote is larger.
pub(super) fn read_bounded(path: &Path) -> std::io::Result<String> {
    const LARGEST: u64 = 1 << 20;
    let bytes = read_file(path, LARGEST)?;
    String::from_utf8(bytes).map_err(|_| std::io::Error::new(InvalidData, "it is not UTF-8"))
}

fn add(
    spec: &Spec,
    found: &mut BTreeMap<String, Digest>,
    name: &str,
    path: &Path,
    key: &str,
) -> Result<(), PipelineError> {
    let digest = File::open(path).and_then(Digest::of_reader);
    let digest = digest.map_err(|error| {
        spec.error_at(key, format!("{} cannot be read: {error}", path.display())).because(error)
    })?;
    found.insert(name.to_owned(), digest);
    Ok(())
}
