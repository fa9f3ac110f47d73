//! The producer of a spec's recordings: a workflow that is measured here, or another load
//! generator, whose files are read. All that differs between the two follows from this.

use super::PipelineError;
use super::content::Content;
use super::file_digests::FileDigests;
use crate::dataset::DatasetError;
use crate::load::{read_foreign, recorded_files};
use crate::pacing::LoadPoint;
use crate::sizing::Plan;
use crate::spec::{Adaptive, Levels, Spec};
use crate::store::{Digest, Store};
use crate::workflow::recorded::RecordedSpec;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Producer of the recordings of a spec.
#[derive(Clone, Copy)]
pub(super) enum Producer<'a> {
    /// Executors, which load the workflow with a dataset.
    Workflow(&'a Spec),
    /// Another load generator, which left files.
    Elsewhere(&'a Spec, &'a RecordedSpec),
}

impl<'a> Producer<'a> {
    pub fn of(spec: &'a Spec) -> Self {
        match spec.workflow.recorded() {
            Some(recorded) => Self::Elsewhere(spec, recorded),
            None => Self::Workflow(spec),
        }
    }

    /// True if levels are measured, by whatever asks a server.
    pub fn measures(self) -> bool {
        matches!(self, Self::Workflow(_))
    }

    /// The levels that the spec itself names, or that the files have.
    pub fn levels(
        self,
        store: &Store,
        digests: &FileDigests,
    ) -> Result<Vec<LoadPoint>, PipelineError> {
        match self {
            Self::Elsewhere(spec, recorded) if spec.concurrency.levels == Levels::FromData => {
                // Files that are not there are told with their place in the spec.
                self.content(store, digests)?;
                let recording = read_foreign(recorded, &|path| spec.resolve(path))?;
                let levels = recording.levels().into_iter();
                Ok(levels.map(|level| spec.concurrency.point(level)).collect())
            }
            Self::Workflow(spec) | Self::Elsewhere(spec, _) => Ok(spec.concurrency.in_order()),
        }
    }

    /// The way in which further levels come about.
    pub fn plan(self) -> Plan {
        let spec = match self {
            Self::Workflow(spec) => spec,
            Self::Elsewhere(..) => return Plan::Recorded,
        };
        let Some(Adaptive { start, max, budget }) = spec.concurrency.levels.adaptive() else {
            return Plan::Listed(spec.concurrency.levels.values());
        };
        let keys =
            [("start", start.is_some()), ("max", max.is_some()), ("budget", budget.is_some())];
        Plan::Adaptive(keys.into_iter().filter(|(_, set)| *set).map(|(key, _)| key).collect())
    }

    /// The path of the first file that it starts from: the dataset or its copy, or the first file
    /// of a recording. Where there is none it leads nowhere, and whoever opens it is told.
    pub fn first_file(self, store: &Store) -> PathBuf {
        match self {
            Self::Workflow(spec) => match spec.dataset.url() {
                Some(url) => store.download_path(url),
                None => spec.resolve(&spec.dataset.path),
            },
            Self::Elsewhere(spec, recorded) => {
                let files = recorded_files(recorded, &|path| spec.resolve(path));
                files.ok().and_then(|files| files.into_iter().next()).unwrap_or_default()
            }
        }
    }

    /// The files on this machine that it starts from, and what each is.
    pub fn inputs(self) -> Vec<(PathBuf, &'static str)> {
        match self {
            Self::Workflow(spec) if spec.dataset.is_given() && spec.dataset.url().is_none() => {
                vec![(spec.resolve(&spec.dataset.path), "the dataset")]
            }
            Self::Workflow(_) => Vec::new(),
            Self::Elsewhere(spec, recorded) => {
                // Files that cannot be read are told where they are needed.
                let files = recorded_files(recorded, &|path| spec.resolve(path));
                let files = files.into_iter().flatten();
                files.map(|path| (path, "the recording")).collect()
            }
        }
    }

    /// The content of the files that it starts from. A chain can go without files.
    pub fn content(self, store: &Store, digests: &FileDigests) -> Result<Content, PipelineError> {
        match self {
            Self::Workflow(spec) if spec.dataset.is_given() => {
                let path = self.first_file(store);
                if spec.dataset.url().is_some_and(|url| !store.has_download(url)) {
                    return Ok(Content { files: vec![path], digest: None });
                }
                let digest = digests.of(&path).map_err(|error| self.error(error))?;
                Ok(Content { files: vec![path], digest: Some(digest) })
            }
            Self::Workflow(_) => Ok(Content { files: Vec::new(), digest: Some(Digest::of(b"")) }),
            Self::Elsewhere(spec, recorded) => self.recording(spec, recorded, digests),
        }
    }

    /// All files of a recording; the digest is that of their digests.
    fn recording(
        self,
        spec: &Spec,
        recorded: &RecordedSpec,
        digests: &FileDigests,
    ) -> Result<Content, PipelineError> {
        let files = recorded_files(recorded, &|path| spec.resolve(path))
            .map_err(|error| error.in_spec(spec))?;
        let digests: Result<Vec<Digest>, _> = files.iter().map(|path| digests.of(path)).collect();
        let digests = digests.map_err(|error| self.error(error))?;
        if let [only] = digests.as_slice() {
            return Ok(Content { files, digest: Some(only.clone()) });
        }
        // A copy, or a link: its runs would count twice.
        let mut known = BTreeMap::new();
        for (path, digest) in files.iter().zip(&digests) {
            if let Some(first) = known.insert(digest, path) {
                let (copy, first) = (path.display(), first.display());
                let message = format!("{copy} is the same recording as {first}, byte for byte");
                let error = spec.error_at("workflow.path", message);
                return Err(error.help("name one of them, or move the other away").into());
            }
        }
        let all: Vec<String> = digests.iter().map(ToString::to_string).collect();
        Ok(Content { files, digest: Some(Digest::of(all.join("\n").as_bytes())) })
    }

    /// An error of a file, at the place of the spec that names it.
    pub fn error(self, error: DatasetError) -> PipelineError {
        let (spec, wrong) = match self {
            Self::Workflow(spec) => (spec, spec.error_at("dataset.path", error.to_string())),
            Self::Elsewhere(spec, _) => {
                let message = error.to_string().replacen("the dataset", "the recording", 1);
                (spec, spec.error_at("workflow.path", message))
            }
        };
        wrong.help(spec.path_help()).because(error).into()
    }
}
