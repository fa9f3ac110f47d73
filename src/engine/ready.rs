//! The queue of stages that can run.

use super::id::Id;
use super::progress::Progress;
use std::collections::{BTreeMap, BTreeSet};

/// The stages that are needed and not settled, with those at the front for which everything is there.
pub(super) struct Ready<I> {
    /// Stages that can run, by their place in the order of the graph.
    queue: BTreeSet<(usize, I)>,
    /// The other stages: their places, and the number of stages that each waits for.
    waiting: BTreeMap<I, (usize, usize)>,
}

impl<I: Id> Ready<I> {
    /// Sorts out what is left of a graph.
    pub fn of(progress: &Progress<I>) -> Self {
        let mut ready = Self { queue: BTreeSet::new(), waiting: BTreeMap::new() };
        for (place, (id, needs)) in progress.graph.in_order().enumerate() {
            if progress.is_settled(id) {
                continue;
            }
            match needs.into_iter().filter(|need| !progress.is_settled(need)).count() {
                0 => drop(ready.queue.insert((place, id.clone()))),
                open => drop(ready.waiting.insert(id.clone(), (place, open))),
            }
        }
        ready
    }

    /// The first stage that can run.
    pub fn next(&mut self) -> Option<I> {
        self.queue.pop_first().map(|(_, id)| id)
    }

    /// Takes note that a stage is settled.
    pub fn settle(&mut self, progress: &Progress<I>, id: &I) {
        for reader in progress.graph.waiting_for(id) {
            let Some((place, open)) = self.waiting.get_mut(reader) else { continue };
            *open -= 1;
            if *open == 0 {
                self.queue.insert((*place, reader.clone()));
                self.waiting.remove(reader);
            }
        }
    }

    /// All stages that are left.
    pub fn left(&self) -> impl Iterator<Item = &I> {
        self.queue.iter().map(|(_, id)| id).chain(self.waiting.keys())
    }
}
