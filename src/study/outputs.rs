//! The places of outputs, which are never those of inputs and never in the store.

use super::PipelineError;
use super::files::of_programs;
use super::producer::Producer;
use crate::spec::{Extensions, PROJECT_FILE, ReadOptions, Spec, SpecSet};
use crate::store::{Store, StoreError, WrittenReports};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Files that a comparison of branches is written to.
pub(super) const COMPARISON: [&str; 2] = ["comparison.md", "comparison.json"];

/// Fails where an output would take the place of a file that the spec is made of or names, or of
/// something in the store.
pub(super) fn check_outputs(spec: &Spec) -> Result<(), PipelineError> {
    let mut places = Places::default();
    let store = places.entry(Store::beside(spec.base_dir()).root());
    let lock = places.entry(&spec.base_dir().join("sizer.lock"));
    // Each where it lies, and where it leads if it is a link.
    let inputs: Vec<(PathBuf, Option<PathBuf>, &str)> = inputs(spec)
        .into_iter()
        .map(|(path, what)| (places.entry(&path), path.canonicalize().ok(), what))
        .collect();
    for Output { key, path, follows_links } in outputs(spec) {
        let mut written = vec![places.entry(&path)];
        if follows_links && let Ok(target) = path.canonicalize() {
            written.push(target);
        }
        let refuse = |what: &str| {
            let message = format!("{key}: {} would be written {what}", path.display());
            let help = "choose another name or another `outputs.dir`";
            Err(spec.error_at(&key, message).help(help).into())
        };
        for place in &written {
            if place.starts_with(&store) {
                return refuse("into the store `.sizer`");
            }
            if *place == lock {
                return refuse("over the lock file");
            }
            let input =
                inputs.iter().find(|(at, target, _)| at == place || target.as_ref() == Some(place));
            if let Some((.., what)) = input {
                return refuse(&format!("over {what}"));
            }
            if place.file_name().is_some_and(|name| name == PROJECT_FILE) {
                return refuse("where specs look for the defaults of their project");
            }
        }
    }
    Ok(())
}

/// A sentence where a report takes the place of another spec's, which is then read as that of both.
pub(super) fn report_of_two(spec: &Spec) -> Option<String> {
    let own = spec.file().and_then(Path::file_name).map(OsStr::to_string_lossy)?;
    let base = spec.base_dir();
    let others: Vec<WrittenReports> =
        Store::beside(base).written().into_iter().filter(|other| other.spec != own).collect();
    // Most folders have one spec, and finding out where its reports lie asks the system about each folder on the way.
    if others.is_empty() {
        return None;
    }
    let mut places = Places::default();
    let reports: Vec<PathBuf> = reports(spec).map(|path| places.entry(&path)).collect();
    for other in others {
        let theirs: Vec<PathBuf> =
            other.files.iter().map(|file| places.entry(&base.join(file))).collect();
        let Some(shared) = reports.iter().find(|path| theirs.contains(path)) else { continue };
        if still_writes(&base.join(&other.spec), other.profile.clone(), spec.extensions(), shared) {
            let stem = Path::new(&*own).with_extension("");
            let stem = stem.display();
            return Some(format!(
                "{} is a report of `{}` as well as of `{own}`, and whichever runs last overwrites it: to keep both, \
                 give each spec in a folder its own `outputs.dir`, such as out/{stem}",
                beside(&places.entry(base), shared).display(),
                other.spec
            ));
        }
    }
    None
}

/// Returns true if a spec still exists and still writes this report.
fn still_writes(
    file: &Path,
    profile: Option<String>,
    extensions: Arc<Extensions>,
    report: &Path,
) -> bool {
    if !file.is_file() {
        return false;
    }
    let options = ReadOptions { profile, overrides: Vec::new(), extensions };
    match SpecSet::from_path_with(file, &options) {
        Ok(specs) => {
            let (specs, mut places) = (specs.into_specs(), Places::default());
            specs.iter().flat_map(|spec| reports(spec)).any(|path| places.entry(&path) == *report)
        }
        // As it stands it cannot be run; once it can, it writes what it wrote before.
        Err(_) => true,
    }
}

/// Writes down which reports the spec has, for the other specs of its folder.
pub(super) fn note_written(spec: &Spec, store: &Store) -> Result<(), StoreError> {
    let Some(name) = spec.file().and_then(Path::file_name) else { return Ok(()) };
    let mut places = Places::default();
    let base = places.entry(spec.base_dir());
    let written = WrittenReports {
        spec: name.to_string_lossy().into_owned(),
        profile: spec.profile().map(str::to_owned),
        files: reports(spec).map(|path| beside(&base, &places.entry(&path))).collect(),
    };
    store.set_written(&spec.key_name(), &written)
}

fn beside(base: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(base).unwrap_or(path).to_owned()
}

/// The paths of a spec's reports.
fn reports(spec: &Spec) -> impl Iterator<Item = PathBuf> {
    spec.outputs.reports.iter().map(|report| spec.output_dir().join(&report.name))
}

/// A file that sizer writes.
struct Output {
    /// The key of the spec that asks for it, as a dotted path.
    key: String,
    path: PathBuf,
    /// True if it is written through a symbolic link; false if it replaces the link.
    follows_links: bool,
}

fn outputs(spec: &Spec) -> Vec<Output> {
    let reports = spec.outputs.reports.iter().enumerate().map(|(index, report)| Output {
        key: format!("outputs.reports.{index}"),
        path: spec.output_dir().join(&report.name),
        follows_links: false,
    });
    let mut outputs: Vec<Output> = reports.collect();
    if spec.branch().is_some() {
        outputs.extend(COMPARISON.iter().map(|name| Output {
            key: "outputs.dir".to_owned(),
            path: spec.resolve(&spec.outputs.dir).join(name),
            follows_links: false,
        }));
    }
    if let Some(bodies) = spec.workflow.llm().and_then(|llm| llm.bodies.as_ref()) {
        let (key, path) = ("workflow.llm.bodies".to_owned(), spec.resolve(bodies));
        outputs.push(Output { key, path, follows_links: true });
    }
    if let Some(log) = spec.workflow.serve().and_then(|serve| serve.log.as_ref()) {
        let (key, path) = ("workflow.serve.log".to_owned(), spec.resolve(log));
        outputs.push(Output { key, path, follows_links: true });
    }
    outputs
}

/// The files that a spec is made of or names, and what each is.
fn inputs(spec: &Spec) -> Vec<(PathBuf, &'static str)> {
    let mut inputs: Vec<(PathBuf, &'static str)> =
        spec.files().into_iter().map(|path| (path, "the spec or a part of it")).collect();
    inputs.extend(Producer::of(spec).inputs());
    let templates = spec.outputs.reports.iter().filter_map(|report| report.template.as_ref());
    inputs.extend(templates.map(|path| (spec.resolve(path), "a template")));
    let config = spec.workflow.configuration();
    inputs.extend(config.map(|config| (spec.resolve(config), "the configuration of the workflow")));
    let cwd = spec.workflow.program().and_then(|program| program.cwd);
    let cwd = spec.resolve(cwd.unwrap_or(Path::new("")));
    if let Ok(programs) = of_programs(spec) {
        inputs.extend(programs.keys().map(|name| (cwd.join(name), "a file of the program")));
    }
    inputs
}

/// The places of files, existing or not. Each folder is resolved once.
#[derive(Default)]
struct Places {
    known: BTreeMap<PathBuf, Option<PathBuf>>,
}

impl Places {
    /// The place of a file, existing or not, with the links in the path of its folder resolved. If the file itself is
    /// a link, it is the place of the link.
    fn entry(&mut self, path: &Path) -> PathBuf {
        let path = plain(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        // The nearest folder that is there says where the rest will be.
        for folder in path.ancestors().skip(1) {
            if let (Some(known), Ok(rest)) = (self.folder(folder), path.strip_prefix(folder)) {
                return known.join(rest);
            }
        }
        path
    }

    fn folder(&mut self, folder: &Path) -> Option<&PathBuf> {
        let look_up = || folder.canonicalize().ok();
        self.known.entry(folder.to_owned()).or_insert_with(look_up).as_ref()
    }
}

/// A path without `.` and, where that is sure, without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                // After a link, `..` is not the folder before it.
                plain = plain.canonicalize().unwrap_or(plain);
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}
