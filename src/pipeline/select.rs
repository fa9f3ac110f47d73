//! Choosing what runs: by name, from a stage on, up to a stage, again although it is there.

use super::PipelineError;
use super::graph::{Graph, StageId};
use std::collections::BTreeSet;
use wildmatch::WildMatch;

/// Names stages: one by its name (`sweep@8`), all of a kind (`sweep`), or by a glob (`sweep@1?`).
#[derive(Clone, Debug)]
pub struct Pattern(String);

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl Pattern {
    fn matches(&self, id: &StageId) -> bool {
        self.0 == id.kind() || WildMatch::new(&self.0).matches(&id.to_string())
    }

    fn find<'a>(&self, graph: &'a Graph) -> Result<Vec<&'a StageId>, PipelineError> {
        let found: Vec<&StageId> =
            graph.stages().map(|(id, _)| id).filter(|id| self.matches(id)).collect();
        if found.is_empty() {
            let stages = graph.stages().map(|(id, _)| id.to_string()).collect();
            return Err(PipelineError::NoSuchStage { pattern: self.0.clone(), stages });
        }
        Ok(found)
    }
}

/// What to run. By default everything that is not there.
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

/// A selection worked out on a graph.
pub(super) struct Chosen {
    /// Stages that may run.
    pub wanted: BTreeSet<StageId>,
    /// Stages whose artifacts are needed: the wanted ones and all that they rest on.
    pub needed: BTreeSet<StageId>,
    /// Stages that run although their artifacts are there.
    pub forced: BTreeSet<StageId>,
}

impl Selection {
    /// Works the selection out.
    pub(super) fn choose(&self, graph: &Graph) -> Result<Chosen, PipelineError> {
        let mut wanted: BTreeSet<StageId> = graph.stages().map(|(id, _)| id.clone()).collect();
        for (patterns, reach) in [
            (&self.only, Reach::Alone),
            (&self.from, Reach::Onwards),
            (&self.until, Reach::Backwards),
        ] {
            if !patterns.is_empty() {
                let within = reach.of(graph, &find(patterns, graph)?);
                wanted.retain(|id| within.contains(id));
            }
        }
        let forced = match &self.force {
            None => BTreeSet::new(),
            Some(patterns) if patterns.is_empty() => wanted.clone(),
            Some(patterns) => {
                let forced = find(patterns, graph)?;
                forced.into_iter().filter(|id| wanted.contains(id)).collect()
            }
        };
        let needed = Reach::Backwards.of(graph, &wanted);
        Ok(Chosen { wanted, needed, forced })
    }
}

fn find(patterns: &[Pattern], graph: &Graph) -> Result<BTreeSet<StageId>, PipelineError> {
    let mut found = BTreeSet::new();
    for pattern in patterns {
        found.extend(pattern.find(graph)?.into_iter().cloned());
    }
    Ok(found)
}

/// Which neighbours of some stages belong to them.
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
