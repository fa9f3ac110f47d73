//! A spec file as one spec, or as one per combination of its matrix.

use super::extensions::DecodedExtensions;
use super::whole::Origin;
use super::{Checked, Extensions, Parts, Spec, SpecError, migrate};
use crate::language::{Branch, Source, compose, decode};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Specs of one file: one, or one per combination of its matrix. Never empty.
#[derive(Clone, Debug)]
pub struct SpecSet {
    specs: Vec<Checked<Spec>>,
}

impl SpecSet {
    /// Parses the text of a spec, with or without a matrix.
    pub fn parse(text: &str, file: &Path, parts: &Parts<'_>) -> Result<Self, SpecError> {
        Self::parse_with(text, file, parts, &Arc::default())
    }

    /// Parses the text of a spec that can name extensions.
    pub fn parse_with(
        text: &str,
        file: &Path,
        parts: &Parts<'_>,
        extensions: &Arc<Extensions>,
    ) -> Result<Self, SpecError> {
        let source = Arc::new(Source { name: file.display().to_string(), text: text.to_owned() });
        let files = RefCell::new(BTreeSet::from([file.to_owned()]));
        files.borrow_mut().extend(parts.project.iter().map(|(path, _)| path.clone()));
        let read = |path: &Path| {
            files.borrow_mut().insert(path.to_owned());
            (parts.read)(path)
        };
        let branches = compose(
            &source,
            file,
            &Parts { read: &read, project: parts.project.clone(), ..*parts },
        )?;
        let files: Arc<BTreeSet<PathBuf>> = Arc::new(files.into_inner());
        let specs = branches
            .into_iter()
            .map(|branch| Spec::of_branch(branch, (file, &files), parts, extensions));
        Ok(Self { specs: specs.collect::<Result<_, _>>()? })
    }

    /// Returns the only spec of a file; fails if it has a matrix.
    pub fn single(mut self) -> Result<Checked<Spec>, SpecError> {
        match (self.specs.pop(), self.specs.is_empty()) {
            (Some(spec), true) if spec.branch().is_none() => Ok(spec),
            (Some(spec), _) => Err(spec
                .error_at("", "this spec has a matrix and stands for several specs")
                .help("leave `matrix` out, or read it as a set")),
            (None, _) => Err(SpecError::in_file("spec", "there is no spec here")),
        }
    }

    /// Returns the specs, in the order of the matrix.
    pub fn into_specs(self) -> Vec<Checked<Spec>> {
        self.specs
    }
}

impl Spec {
    /// Parses the text of a spec and composes it with its other parts. `file` is its name in
    /// errors; relative paths in the spec are relative to the folder that contains it. A spec with
    /// a matrix is several: [`SpecSet`] reads those.
    pub fn parse(text: &str, file: &Path, parts: &Parts<'_>) -> Result<Checked<Self>, SpecError> {
        SpecSet::parse(text, file, parts)?.single()
    }

    fn of_branch(
        branch: Branch,
        (file, files): (&Path, &Arc<BTreeSet<PathBuf>>),
        parts: &Parts<'_>,
        extensions: &Arc<Extensions>,
    ) -> Result<Checked<Self>, SpecError> {
        let Branch { label, tree } = branch;
        // Before anything else: with another version all other errors are moot.
        migrate::check_version(&tree)?;
        let DecodedExtensions { rest, workflow, method } = extensions.decode(&tree, parts.env)?;
        let mut spec: Self = decode(&rest, parts.env)?;
        drop(rest);
        spec.workflow = workflow.unwrap_or(spec.workflow);
        spec.estimate.method = method.unwrap_or(spec.estimate.method);
        spec.origin = Some(Origin {
            tree: Arc::new(tree),
            file: file.to_owned(),
            files: Arc::clone(files),
            profile: parts.profile.map(str::to_owned),
            branch: label,
            extensions: Arc::clone(extensions),
        });
        spec.checked()
    }
}

impl From<Checked<Spec>> for SpecSet {
    fn from(spec: Checked<Spec>) -> Self {
        Self { specs: vec![spec] }
    }
}
