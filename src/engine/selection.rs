//! Choosing what runs: by name, from a stage on, up to a stage, again although it is there.

use super::graph::Graph;
use super::id::Id;
use super::resolved_selection::ResolvedSelection;
use std::collections::BTreeSet;

/// Names stages: one by its name (`pack@8`), all of a kind (`pack`), or by a glob (`pack@1?`);
/// with `[GLOB]` behind it, in graphs with such a label alone (`pack@8[small,*]`).
#[derive(Clone, Debug)]
pub struct Pattern {
    stage: String,
    label: Option<String>,
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        let label = text.strip_suffix(']').and_then(|text| text.split_once('['));
        match label {
            Some((stage, label)) => Self { stage: stage.to_owned(), label: Some(label.to_owned()) },
            None => Self { stage: text.to_owned(), label: None },
        }
    }
}

impl Pattern {
    fn find<'a, I: Id>(
        &self,
        graph: &'a Graph<I>,
        label: Option<&str>,
    ) -> impl Iterator<Item = &'a I> + use<'a, I> {
        let label = label.unwrap_or_default();
        let here = self.label.as_ref().is_none_or(|glob| I::matches(glob, label));
        let stage = self.stage.clone();
        let named = move |id: &&I| stage == id.kind() || I::matches(&stage, &id.to_string());
        graph.in_order().map(|(id, _)| id).filter(move |_| here).filter(named)
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

/// A name that means no stage.
pub(crate) struct UnknownStage {
    /// The name or pattern that was given.
    pub pattern: String,
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

    /// Refuses a name that means no stage in any of the graphs, each given with its label.
    pub(crate) fn check<I: Id>(
        &self,
        graphs: &[(&Graph<I>, Option<&str>)],
    ) -> Result<(), UnknownStage> {
        let unknown = |pattern: &&Pattern| {
            graphs.iter().all(|(graph, label)| pattern.find(graph, *label).next().is_none())
        };
        match self.patterns().find(unknown) {
            Some(pattern) => Err(UnknownStage { pattern: pattern.stage.clone() }),
            None => Ok(()),
        }
    }

    fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        [&self.only, &self.from, &self.until].into_iter().chain(&self.force).flatten()
    }

    /// Returns true if it names this very stage, not only its kind or a stage that depends on it.
    pub(crate) fn names<I: Id>(&self, graph: &Graph<I>, label: Option<&str>, id: &I) -> bool {
        let mut single = self.patterns().filter(|pattern| pattern.stage.contains('@'));
        single.any(|pattern| pattern.find(graph, label).any(|named| named == id))
    }

    /// Works the selection out on a graph.
    pub(crate) fn choose<I: Id>(
        &self,
        graph: &Graph<I>,
        label: Option<&str>,
    ) -> ResolvedSelection<I> {
        let find = |patterns: &[Pattern]| -> BTreeSet<I> {
            patterns.iter().flat_map(|pattern| pattern.find(graph, label)).cloned().collect()
        };
        let mut wanted: BTreeSet<I> = graph.in_order().map(|(id, _)| id.clone()).collect();
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
        ResolvedSelection { wanted, needed, forced }
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
    fn of<I: Id>(self, graph: &Graph<I>, stages: &BTreeSet<I>) -> BTreeSet<I> {
        let mut reached = stages.clone();
        match self {
            Self::Alone => {}
            // Stages come after all that they need, so one pass each way sees everything.
            Self::Onwards => {
                for (id, needs) in graph.in_order() {
                    if needs.iter().any(|need| reached.contains(*need)) {
                        reached.insert(id.clone());
                    }
                }
            }
            Self::Backwards => {
                for (id, needs) in graph.in_order().rev() {
                    if reached.contains(id) {
                        reached.extend(needs.into_iter().cloned());
                    }
                }
            }
        }
        reached
    }
}
