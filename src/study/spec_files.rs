//! A spec with the files that it names.

use super::PipelineError;
use super::content::Content;
use super::file_digests::FileDigests;
use super::files::{of_configuration, of_programs};
use super::measurement::Measurement;
use super::producer::Producer;
use crate::dataset::DatasetError;
use crate::pacing::LoadPoint;
use crate::spec::Spec;
use crate::store::{Digest, Store};
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
    runs_in: OnceLock<Option<String>>,
    measurement: OnceLock<Arc<Measurement>>,
}

impl SpecFiles {
    pub fn of(spec: &Arc<Spec>, digests: &Arc<FileDigests>) -> Self {
        Self {
            spec: Arc::clone(spec),
            store: Store::beside(spec.base_dir()),
            digests: Arc::clone(digests),
            dataset: OnceLock::new(),
            program_files: OnceLock::new(),
            runs_in: OnceLock::new(),
            measurement: OnceLock::new(),
        }
    }

    /// The digests of the files that the workflow's program is made of, or its configuration.
    pub fn program_files(&self) -> Result<&BTreeMap<String, Digest>, PipelineError> {
        if let Some(known) = self.program_files.get() {
            return Ok(known);
        }
        let mut found = of_programs(&self.spec)?;
        found.extend(of_configuration(&self.spec)?);
        Ok(self.program_files.get_or_init(|| found))
    }

    /// The software on this machine that runs the workflow, with its version, if it is found.
    pub fn runs_in(&self) -> Option<&str> {
        let find = || self.spec.workflow.runs_in(self.spec.base_dir());
        self.runs_in.get_or_init(find).as_deref()
    }

    /// What is measured at every level.
    pub fn measurement(&self) -> Result<Arc<Measurement>, PipelineError> {
        let files = self.program_files()?;
        let find = || Arc::new(Measurement::of(&self.spec, files, self.runs_in()));
        Ok(Arc::clone(self.measurement.get_or_init(find)))
    }

    /// The path of the dataset on this machine: the spec's file, or the copy of a remote one; of a recording,
    /// its first file.
    pub fn dataset_path(&self) -> PathBuf {
        Producer::of(&self.spec).first_file(&self.store)
    }

    /// The dataset's content, or that of what was recorded.
    pub fn dataset(&self) -> Result<Content, PipelineError> {
        if let Some(known) = self.dataset.get() {
            return Ok(known.clone());
        }
        let content = Producer::of(&self.spec).content(&self.store, &self.digests)?;
        // A remote file may be downloaded yet.
        if content.digest.is_none() {
            return Ok(content);
        }
        Ok(self.dataset.get_or_init(|| content).clone())
    }

    /// Levels that do not depend on each other.
    pub fn levels(&self) -> Result<Vec<LoadPoint>, PipelineError> {
        Producer::of(&self.spec).levels(&self.store, &self.digests)
    }

    /// An error of a dataset, at the place of the spec that names it.
    pub fn dataset_error(&self, error: DatasetError) -> PipelineError {
        Producer::of(&self.spec).error(error)
    }
}
