//! Runs in the order in which they began, whatever the order in which they end.

use crate::measure::Run;
use std::collections::VecDeque;

/// Runs that have ended, by their position among all of a level.
#[derive(Default)]
pub(super) struct ReorderBuffer {
    /// From the first position that was not handed over: those under way have their places.
    places: VecDeque<Option<Run>>,
    first: usize,
    /// Runs before that, which ended after those around them were handed over.
    late: Vec<(usize, Run)>,
    count: usize,
}

impl ReorderBuffer {
    /// Takes a run that has ended.
    pub fn add(&mut self, position: usize, run: Run) {
        self.count += 1;
        let Some(place) = position.checked_sub(self.first) else {
            self.late.push((position, run));
            return;
        };
        while self.places.len() <= place {
            self.places.push_back(None);
        }
        if let Some(place) = self.places.get_mut(place) {
            *place = Some(run);
        }
    }

    /// Number of runs.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Hands over the first, so many of them.
    pub fn take(&mut self, most: usize) -> Vec<Run> {
        self.late.sort_by_key(|(position, _)| *position);
        let late = self.late.len().min(most);
        let mut taken: Vec<Run> = Vec::with_capacity(most.min(self.count));
        taken.extend(self.late.drain(..late).map(|(_, run)| run));
        while taken.len() < most
            && let Some(place) = self.places.pop_front()
        {
            self.first += 1;
            taken.extend(place);
        }
        self.count -= taken.len();
        taken
    }

    /// All of them.
    pub fn into_runs(mut self) -> Vec<Run> {
        if self.late.is_empty() {
            return self.places.into_iter().flatten().collect();
        }
        self.take(self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_positions() {
        let run = |position: usize| Run { id: position.to_string(), ..Run::default() };
        let ids = |runs: Vec<Run>| runs.into_iter().map(|run| run.id).collect::<Vec<_>>().join(" ");
        let mut ordered = ReorderBuffer::default();
        for position in [3, 1, 5, 0, 6] {
            ordered.add(position, run(position));
        }
        assert_eq!((ids(ordered.take(3)), ordered.len()), ("0 1 3".to_owned(), 2));
        for position in [4, 2, 7] {
            ordered.add(position, run(position));
        }
        assert_eq!((ids(ordered.take(2)), ordered.len()), ("2 4".to_owned(), 3));
        assert_eq!(ids(ordered.into_runs()), "5 6 7");
    }
}
