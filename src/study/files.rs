//! The files that a workflow's programs are made of: another program is another measurement.

use crate::spec::Spec;
use crate::store::Digest;
use crate::study::PipelineError;
use crate::workflow::ProgramSpec;
use std::collections::BTreeMap;
use std::fs::File;
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
