//! Choosing what runs: by name, from a stage on, up to a stage, again although it is there.

use super::chosen::Chosen;
use super::graph::Graph;
use super::stage_id::StageId;
use super::{Pipeline, PipelineError};
use crate::spec::glob_matches;
use std::collections::BTreeSet;

/// Names stages: one by its name (`sweep@8`), all of a kind (`sweep`), or by a glob (`sweep@1?`);
/// with `[GLOB]` behind it, in some branches of a matrix alone (`sweep@8[small,*]`).
#[derive(Clone, Debug)]
pub struct Pattern {
    stage: String,
    branch: Option<String>,
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        let branch = text.strip_suffix(']').and_then(|text| text.split_once('['));
        match branch {
            Some((stage, branch)) => {
                Self { stage: stage.to_owned(), branch: Some(branch.to_owned()) }
            }
            None => Self { stage: text.to_owned(), branch: None },
        }
    }
}

impl Pattern {
    fn find<'a>(
        &self,
        graph: &'a Graph,
        branch: Option<&str>,
    ) -> impl Iterator<Item = &'a StageId> + use<'a> {
        let branch = branch.unwrap_or_default();
        let here = self.branch.as_ref().is_none_or(|glob| glob_matches(glob, branch));
        let stage = self.stage.clone();
        let named =
            move |id: &&StageId| stage == id.kind() || glob_matches(&stage, &id.to_string());
        graph.stages().map(|(id, _)| id).filter(move |_| here).filter(named)
    }
}

/// A selection of stages. The default is all of them, run if their artifacts are missing.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// These alone; what they need has to be there.
    pub only: Vec<Pattern>,
    /// These and whatever depends on them; what they need has to be there.
    pub from: Vec<Pattern>,
    /// These and whatever they need.
    pub until: Vec<Pattern>,
    /// Run these again although their artifacts are there; with an empty list, all that are
    /// selected.
    pub force: Option<Vec<Pattern>>,
}

impl Selection {
    /// Some stages alone.
    pub fn only(pattern: &str) -> Self {
        Self { only: vec![pattern.into()], ..Self::default() }
    }

    /// Some stages and whatever they need.
    pub fn until(pattern: &str) -> Self {
        Self { until: vec![pattern.into()], ..Self::default() }
    }

    /// Refuses a name that means no stage in any of the pipelines.
    pub(super) fn check(&self, pipelines: &[Pipeline]) -> Result<(), PipelineError> {
        let lists = [&self.only, &self.from, &self.until].into_iter().chain(&self.force);
        for pattern in lists.flatten() {
            if pipelines.iter().all(|pipeline| {
                pattern.find(pipeline.graph(), pipeline.spec().branch()).next().is_none()
            }) {
                let stages =
                    pipelines.iter().take(1).flat_map(|pipeline| pipeline.graph().stages());
                return Err(PipelineError::NoSuchStage {
                    pattern: pattern.stage.clone(),
                    stages: stages.map(|(id, _)| id.to_string()).collect(),
                });
            }
        }
        Ok(())
    }

    /// Returns true if it names this very stage, not only its kind or a stage that depends on it.
    pub(super) fn names(&self, graph: &Graph, branch: Option<&str>, id: &StageId) -> bool {
        let lists = [&self.only, &self.from, &self.until].into_iter().chain(&self.force);
        let single = lists.flatten().filter(|pattern| pattern.stage.contains('@'));
        single.flat_map(|pattern| pattern.find(graph, branch)).any(|named| named == id)
    }

    /// Works the selection out on the graph of one branch.
    pub(super) fn choose(&self, graph: &Graph, branch: Option<&str>) -> Chosen {
        let find = |patterns: &[Pattern]| -> BTreeSet<StageId> {
            patterns.iter().flat_map(|pattern| pattern.find(graph, branch)).cloned().collect()
        };
        let mut wanted: BTreeSet<StageId> = graph.stages().map(|(id, _)| id.clone()).collect();
        for (patterns, reach) in [
            (&self.only, Reach::Alone),
            (&self.from, Reach::Onwards),
            (&self.until, Reach::Backwards),
        ] {
            if !patterns.is_empty() {
                let within = reach.of(graph, &find(patterns));
                wanted.retain(|id| within.contains(id));
            }
        }
        let forced = match &self.force {
            None => BTreeSet::new(),
            Some(patterns) if patterns.is_empty() => wanted.clone(),
            Some(patterns) => find(patterns).into_iter().filter(|id| wanted.contains(id)).collect(),
        };
        let needed = Reach::Backwards.of(graph, &wanted);
        Chosen { wanted, needed, forced }
    }
}

/// The neighbours of selected stages that are selected with them.
#[derive(Clone, Copy)]
enum Reach {
    Alone,
    Onwards,
    Backwards,
}

impl Reach {
    fn of(self, graph: &Graph, stages: &BTreeSet<StageId>) -> BTreeSet<StageId> {
        let mut reached = stages.clone();
        match self {
            Self::Alone => {}
            // Stages come after all that they need, so one pass each way sees everything.
            Self::Onwards => {
                for (id, needs) in graph.stages() {
                    if needs.iter().any(|need| reached.contains(*need)) {
                        reached.insert(id.clone());
                    }
                }
            }
            Self::Backwards => {
                for (id, needs) in graph.stages().collect::<Vec<_>>().into_iter().rev() {
                    if reached.contains(id) {
                        reached.extend(needs.into_iter().cloned());
                    }
                }
            }
        }
        reached
    }
}
