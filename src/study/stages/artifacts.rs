//! The artifacts of stages that are done, in the forms in which they are kept.

use crate::load::{ForeignRun, RecordedRuns, from_parquet};
use crate::measure::{Item, Recording, RecordingMeta, Row};
use crate::pacing::LoadPoint;
use crate::store::{Digest, Store};
use crate::study::stage_id::each_stage;
use crate::study::{Cause, PipelineError, StageId};
use parquet::errors::ParquetError;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};

/// Reads the artifacts of finished stages.
pub(in crate::study) struct Artifacts<'a> {
    store: &'a Store,
    digests: BTreeMap<StageId, Digest>,
}

impl<'a> Artifacts<'a> {
    pub fn new(store: &'a Store, digests: BTreeMap<StageId, Digest>) -> Self {
        Self { store, digests }
    }

    /// The rows or runs that the dataset was expanded into.
    pub fn expanded(&self) -> ExpandedDataset<'_> {
        ExpandedDataset { artifacts: self }
    }

    /// The runs of all levels.
    pub fn runs(&self) -> Runs<'_> {
        Runs { artifacts: self }
    }

    /// The digests of all artifacts, by stage.
    pub fn digests(&self) -> BTreeMap<String, String> {
        self.digests.iter().map(|(id, digest)| (id.to_string(), digest.to_string())).collect()
    }

    fn digest(&self, id: &StageId) -> Result<&Digest, PipelineError> {
        let missing = || PipelineError::NotRun { stage: id.clone() };
        self.digests.get(id).ok_or_else(missing)
    }

    fn bytes(&self, id: &StageId) -> Result<Vec<u8>, PipelineError> {
        Ok(self.store.read(self.digest(id)?)?)
    }

    fn document<T: DeserializeOwned>(&self, id: &StageId) -> Result<T, PipelineError> {
        serde_json::from_slice(&self.bytes(id)?).map_err(|error| unreadable(id, error))
    }

    /// Hands lines over one by one, until none is wanted.
    fn each_line<T: DeserializeOwned>(
        &self,
        id: &StageId,
        mut wants_more: impl FnMut(T) -> bool,
    ) -> Result<(), PipelineError> {
        let bytes = self.bytes(id)?;
        for value in serde_json::Deserializer::from_slice(&bytes).into_iter() {
            if !wants_more(value.map_err(|error| unreadable(id, error))?) {
                break;
            }
        }
        Ok(())
    }
}

macro_rules! documents {
    ($(
        $(#[$about:meta])*
        $name:ident $(($own:ident: $type:ty))? = $word:literal, $module:ident::$stage:ident,
        $graph:tt, { $(one $one:ident: $document:ty,)? $(each $each:ident: $of_level:ty,)? };
    )+) => {
        /// Stages that keep one JSON document.
        impl Artifacts<'_> {
            $(
                $(
                    /// The document of the stage.
                    pub fn $one(&self) -> Result<$document, PipelineError> {
                        self.document(&StageId::$name)
                    }
                )?
                $(
                    /// The documents of all levels, ascending.
                    pub fn $each(&self) -> Result<Vec<$of_level>, PipelineError> {
                        let own = |id: &&StageId| matches!(id, StageId::$name { .. });
                        self.digests.keys().filter(own).map(|id| self.document(id)).collect()
                    }
                )?
            )+
        }
    };
}

each_stage!(documents);

/// The artifact of `expand`, read as far as it is needed.
#[derive(Clone, Copy)]
pub(in crate::study) struct ExpandedDataset<'a> {
    artifacts: &'a Artifacts<'a>,
}

impl ExpandedDataset<'_> {
    /// The items of the dataset, or the first ones if no more are needed.
    pub fn items(self, most: Option<usize>) -> Result<Vec<Item>, PipelineError> {
        let mut items = Vec::new();
        self.artifacts.each_line(&StageId::Expand, |row: Row| {
            if let Row::Item(item) = row {
                items.push(item);
            }
            most.is_none_or(|most| items.len() < most)
        })?;
        Ok(items)
    }

    /// One level of what was recorded elsewhere.
    pub fn foreign_level(self, concurrency: u32) -> Result<Recording, PipelineError> {
        let mut level = Recording {
            runs: Vec::new(),
            around: RecordingMeta { concurrency: Some(concurrency), ..RecordingMeta::default() },
        };
        let mut counts: BTreeMap<usize, u64> = BTreeMap::new();
        self.artifacts.each_line(&StageId::Expand, |foreign: ForeignRun| {
            if foreign.concurrency == concurrency {
                level.around.burst = foreign.burst;
                *counts.entry(foreign.repetition).or_default() += 1;
                level.runs.push(foreign.run);
            }
            true
        })?;
        if counts.len() > 1 {
            level.around.repetitions = counts.into_values().collect();
        }
        Ok(level)
    }

    /// The number of dropped rows. Lines are counted and not parsed: there can be millions.
    pub fn dropped_rows(self) -> Result<usize, PipelineError> {
        let unreadable = |error: std::io::Error| unreadable(&StageId::Expand, error);
        let file = self.artifacts.store.open(self.artifacts.digest(&StageId::Expand)?)?;
        let (mut lines, mut line) = (BufReader::new(file), Vec::new());
        let mut dropped = 0;
        while lines.read_until(b'\n', &mut line).map_err(unreadable)? > 0 {
            dropped += usize::from(Row::is_dropped(&line));
            line.clear();
        }
        Ok(dropped)
    }
}

/// The artifacts of sweeps, each opened when it is needed.
#[derive(Clone, Copy)]
pub(in crate::study) struct Runs<'a> {
    artifacts: &'a Artifacts<'a>,
}

impl Runs<'_> {
    /// The sweep with a place on the axis.
    fn sweep(self, concurrency: u32) -> StageId {
        let is_it = |id: &&StageId| matches!(id, StageId::Sweep(it) if it.axis() == concurrency);
        let sweep = self.artifacts.digests.keys().find(is_it);
        sweep.map_or(StageId::Sweep(LoadPoint::InFlight(concurrency)), StageId::clone)
    }

    /// The recording of a level, by its place on the axis.
    pub fn recording(self, concurrency: u32) -> Result<Recording, PipelineError> {
        let id = self.sweep(concurrency);
        from_parquet(self.artifacts.bytes(&id)?).map_err(|error| unreadable(&id, error))
    }

    /// Computes something from the runs of a level without holding them.
    pub fn at<T>(
        self,
        concurrency: u32,
        compute: impl FnOnce(&RecordedRuns) -> Result<T, ParquetError>,
    ) -> Result<T, PipelineError> {
        let id = self.sweep(concurrency);
        let file = self.artifacts.store.open(self.artifacts.digest(&id)?)?;
        let computed = RecordedRuns::open(file).and_then(|runs| compute(&runs));
        computed.map_err(|error| unreadable(&id, error))
    }
}

fn unreadable(id: &StageId, error: impl Into<Cause>) -> PipelineError {
    PipelineError::Artifact { stage: id.clone(), error: error.into() }
}
