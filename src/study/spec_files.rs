//! A spec with the files that it names.

use super::PipelineError;
use super::file_digests::FileDigests;
use super::files::of_programs;
use crate::dataset::DatasetError;
use crate::load::recorded_files;
use crate::spec::Spec;
use crate::store::{Digest, Store};
use crate::workflow::recorded::RecordedSpec;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// A spec, and the digests of the files that it names: what slices are cut out of.
pub(super) struct SpecFiles {
    pub spec: Arc<Spec>,
    /// For copies of remote files.
    store: Store,
    digests: Arc<FileDigests>,
    dataset: OnceLock<Content>,
    program_files: OnceLock<BTreeMap<String, Digest>>,
}

/// The content of files. In a key it is told by its digest, wherever the files lie.
#[derive(Clone, Debug)]
pub(super) struct Content {
    /// Their paths.
    pub files: Vec<PathBuf>,
    /// Of all of them; `None` for a remote file that was never downloaded.
    pub digest: Option<Digest>,
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.digest.serialize(serializer)
    }
}

impl SpecFiles {
    pub fn of(spec: &Arc<Spec>, digests: &Arc<FileDigests>) -> Self {
        Self {
            spec: Arc::clone(spec),
            store: Store::beside(spec.base_dir()),
            digests: Arc::clone(digests),
            dataset: OnceLock::new(),
            program_files: OnceLock::new(),
        }
    }

    /// The digests of the files that the workflow's program is made of.
    pub fn program_files(&self) -> Result<&BTreeMap<String, Digest>, PipelineError> {
        if let Some(known) = self.program_files.get() {
            return Ok(known);
        }
        let found = of_programs(&self.spec)?;
        Ok(self.program_files.get_or_init(|| found))
    }

    /// The path of the dataset on this machine: the spec's file, or the copy of a remote one; of a recording,
    /// its first file.
    pub fn dataset_path(&self) -> PathBuf {
        match (self.spec.workflow.recorded(), self.spec.dataset.url()) {
            (Some(recorded), _) => {
                let files = recorded_files(recorded, &|path| self.spec.resolve(path));
                // Without a file it leads nowhere, and whoever opens it is told.
                files.ok().and_then(|files| files.into_iter().next()).unwrap_or_default()
            }
            (None, Some(url)) => self.store.download_path(url),
            (None, None) => self.spec.resolve(&self.spec.dataset.path),
        }
    }

    /// The dataset's content, or that of what was recorded. A chain can go without files.
    pub fn dataset(&self) -> Result<Content, PipelineError> {
        if let Some(known) = self.dataset.get() {
            return Ok(known.clone());
        }
        let content = if let Some(recorded) = self.spec.workflow.recorded() {
            self.recording(recorded)?
        } else if self.spec.dataset.is_given() {
            let path = self.dataset_path();
            if self.spec.dataset.url().is_some_and(|url| !self.store.has_download(url)) {
                return Ok(Content { files: vec![path], digest: None });
            }
            let digest = self.digests.of(&path).map_err(|error| self.dataset_error(error))?;
            Content { files: vec![path], digest: Some(digest) }
        } else {
            Content { files: Vec::new(), digest: Some(Digest::of(b"")) }
        };
        Ok(self.dataset.get_or_init(|| content).clone())
    }

    /// All that was recorded; its digest is that of the files' digests.
    fn recording(&self, recorded: &RecordedSpec) -> Result<Content, PipelineError> {
        let files = recorded_files(recorded, &|path| self.spec.resolve(path))
            .map_err(|error| error.in_spec(&self.spec))?;
        let digests: Result<Vec<Digest>, _> =
            files.iter().map(|path| self.digests.of(path)).collect();
        let digests = digests.map_err(|error| self.dataset_error(error))?;
        if let [only] = digests.as_slice() {
            return Ok(Content { files, digest: Some(only.clone()) });
        }
        // A copy, or a link: its runs would count twice.
        let mut known = BTreeMap::new();
        for (path, digest) in files.iter().zip(&digests) {
            if let Some(first) = known.insert(digest, path) {
                let (copy, first) = (path.display(), first.display());
                let message = format!("{copy} is the same recording as {first}, byte for byte");
                let error = self.spec.error_at("workflow.path", message);
                return Err(error.help("name one of them, or move the other away").into());
            }
        }
        let all: Vec<String> = digests.iter().map(ToString::to_string).collect();
        Ok(Content { files, digest: Some(Digest::of(all.join("\n").as_bytes())) })
    }

    /// An error of a dataset, at the place of the spec that names it.
    pub fn dataset_error(&self, error: DatasetError) -> PipelineError {
        let wrong = if self.spec.workflow.recorded().is_some() {
            let message = error.to_string().replacen("the dataset", "the recording", 1);
            self.spec.error_at("workflow.path", message)
        } else {
            self.spec.error_at("dataset.path", error.to_string())
        };
        wrong.help(self.spec.path_help()).because(error).into()
    }
}
