//! A run of a level that shows how its steps follow each other.

use super::step::Step;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most steps of a run that are shown: the longest.
const MOST_SHOWN: usize = 60;

/// A run with its steps, as an example of its level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct StepExample {
    /// Position of the run in the recording of the level, from 0.
    pub run: u64,
    /// Its runtime in seconds.
    pub runtime: f64,
    /// Its steps in the order in which they began; of more than sixty, the longest.
    pub steps: Vec<Step>,
    /// Number of steps that are not among them.
    pub left_out: u64,
}

impl StepExample {
    /// Replaces an example by a run that is nearer to a runtime; of two that are as near, the earlier one stays.
    pub(super) fn take_nearer(
        example: &mut Option<Self>,
        wanted: f64,
        (run, runtime): (usize, f64),
        steps: &[Step],
    ) {
        let distance = |runtime: f64| (runtime - wanted).abs();
        if example.as_ref().is_none_or(|it| distance(runtime) < distance(it.runtime)) {
            let kept = longest(steps);
            let left_out = (steps.len() - kept.len()) as u64;
            *example = Some(Self { run: run as u64, runtime, steps: kept, left_out });
        }
    }
}

/// Returns the longest steps in their order. One whose parent is left out is part of the next one further out.
fn longest(steps: &[Step]) -> Vec<Step> {
    let mut by_length: Vec<usize> = (0..steps.len()).collect();
    let length = |position: &usize| steps.get(*position).map_or(0.0, |step| step.end - step.start);
    by_length.sort_by(|a, b| length(b).total_cmp(&length(a)));
    let mut is_kept = vec![false; steps.len()];
    for position in by_length.into_iter().take(MOST_SHOWN) {
        if let Some(kept) = is_kept.get_mut(position) {
            *kept = true;
        }
    }
    let mut kept: Vec<Step> = Vec::new();
    let mut positions: Vec<Option<u32>> = Vec::with_capacity(steps.len());
    for (step, is_kept) in steps.iter().zip(is_kept) {
        let parent = step.parent.and_then(|it| *positions.get(usize::try_from(it).ok()?)?);
        positions.push(if is_kept { u32::try_from(kept.len()).ok() } else { parent });
        if is_kept {
            kept.push(Step { parent, ..step.clone() });
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::StepKind;

    #[test]
    fn the_longest_steps_are_shown_in_their_order() {
        let step = |number: u32| Step {
            kind: StepKind::Function,
            name: number.to_string(),
            start: f64::from(number),
            end: f64::from(number) + if number.is_multiple_of(2) { 1.0 } else { 0.5 },
            parent: number.checked_sub(1),
        };
        let steps: Vec<Step> = (0..120).map(step).collect();
        let mut example = None;
        StepExample::take_nearer(&mut example, 2.0, (7, 3.0), &steps);
        // It is no nearer.
        StepExample::take_nearer(&mut example, 2.0, (8, 1.0), &steps);
        let example = example.unwrap();
        assert_eq!((example.run, example.steps.len(), example.left_out), (7, 60, 60));
        assert_eq!(example.steps[2].name, "4");
        assert_eq!(
            example.steps[2].parent,
            Some(1),
            "its parent is left out, not what that is part of"
        );
    }
}
