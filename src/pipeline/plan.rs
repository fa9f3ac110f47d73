//! What would run, and why.

use super::context::Context;
use super::graph::StageId;
use super::keys::look_up;
use super::observer::Silent;
use super::{CancellationToken, Pipeline, PipelineError};
use crate::store::{Digest, LockFile};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Why a stage has to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There is no trace of an earlier run.
    NeverRan,
    /// It ran elsewhere: the lock file knows it, this store does not.
    NotInStore,
    /// Its artifact is there but is not what it was.
    Damaged,
    /// This version of sizer does the stage differently.
    NewVersion,
    /// What it reads of the spec, or of a file, changed.
    Changed(Vec<String>),
    /// What it reads of other stages changed.
    InputsChanged(Vec<String>),
    /// Another stage has to run first; whether this one must is known only then.
    Needs(Vec<StageId>),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverRan => f.write_str("never ran"),
            Self::NotInStore => f.write_str("in sizer.lock, but not in this store"),
            Self::Damaged => f.write_str("artifact damaged"),
            Self::NewVersion => f.write_str("this version of sizer does it differently"),
            Self::Changed(changes) => write_list(f, changes.iter().map(String::as_str)),
            Self::InputsChanged(inputs) => {
                f.write_str("changed: ")?;
                write_list(f, inputs.iter().map(String::as_str))
            }
            Self::Needs(stages) => {
                let names: Vec<String> = stages.iter().map(ToString::to_string).collect();
                f.write_str("needs ")?;
                write_list(f, names.iter().map(String::as_str))
            }
        }
    }
}

fn write_list<'a>(
    f: &mut fmt::Formatter<'_>,
    mut items: impl ExactSizeIterator<Item = &'a str>,
) -> fmt::Result {
    const SHOWN: usize = 3;
    let more = items.len().saturating_sub(SHOWN);
    let shown: Vec<&str> = items.by_ref().take(SHOWN).collect();
    f.write_str(&shown.join(", "))?;
    if more > 0 { write!(f, " and {more} more") } else { Ok(()) }
}

/// Whether a stage would run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Its artifact is there.
    Cached,
    /// It would run, and why.
    Run(Reason),
}

/// One stage of a plan.
#[derive(Clone, Debug)]
pub struct PlannedStage {
    /// The stage.
    pub id: StageId,
    /// Whether it would run.
    pub status: Status,
}

/// All stages, in the order in which they would run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The stages.
    pub stages: Vec<PlannedStage>,
}

impl Pipeline {
    /// Says what a run would do. Reads the spec's files and the store; changes nothing, asks no
    /// server.
    pub fn plan(&self) -> Result<Plan, PipelineError> {
        let context = Context::new(&self.spec, Arc::new(Silent), CancellationToken::new());
        let lock = LockFile::beside(self.spec.base_dir(), &self.lock_name());
        let mut known: BTreeMap<&StageId, Digest> = BTreeMap::new();
        let mut stages = Vec::new();
        for (id, needs) in self.graph.stages() {
            let open: Vec<StageId> = needs
                .iter()
                .filter(|need| !known.contains_key(**need))
                .map(|need| (*need).clone())
                .collect();
            let status = if open.is_empty() {
                let inputs = needs
                    .iter()
                    .filter_map(|need| Some((need.to_string(), known.get(*need)?.clone())));
                match look_up(&context, &lock, id, inputs.collect())?.found {
                    Ok(manifest) => {
                        known.insert(id, manifest.digest);
                        Status::Cached
                    }
                    Err(reason) => Status::Run(reason),
                }
            } else {
                Status::Run(Reason::Needs(open))
            };
            stages.push(PlannedStage { id: id.clone(), status });
        }
        Ok(Plan { stages })
    }

    /// The name under which this spec stands in the lock file.
    pub(super) fn lock_name(&self) -> String {
        let file = self.spec.file().and_then(std::path::Path::file_name);
        file.map_or_else(|| self.spec.name.clone(), |name| name.to_string_lossy().into_owned())
    }
}
