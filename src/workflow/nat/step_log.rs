//! The steps of a run as they are reported, bounded in number and in the length of their names.

use crate::measure::{Step, StepKind};
use std::collections::HashMap;

/// Most steps of a run that are kept.
const MOST_STEPS: usize = 1000;
/// Longest name, in bytes, that is kept until secrets are removed from it: more than is recorded of it.
const LONGEST_NAME: usize = 1 << 10;

/// Steps by their start; those that have not ended have no end.
#[derive(Debug, Default)]
pub(super) struct StepLog {
    begun: Vec<Begun>,
    /// Position by the id of the step.
    by_id: HashMap<String, u32>,
    is_cut: bool,
}

/// A step on the server's clock (seconds since the epoch).
#[derive(Debug)]
struct Begun {
    kind: StepKind,
    name: String,
    start: f64,
    end: Option<f64>,
    /// Position of its parent, which began before it.
    parent: Option<u32>,
}

impl StepLog {
    /// Takes the start of a step.
    pub fn start(&mut self, kind: StepKind, id: &str, parent: &str, name: &str, at: f64) {
        if self.by_id.contains_key(id) {
            return;
        }
        if self.begun.len() >= MOST_STEPS {
            self.is_cut = true;
            return;
        }
        let Ok(position) = u32::try_from(self.begun.len()) else { return };
        let parent = self.by_id.get(parent).copied();
        let name = name.get(..name.floor_char_boundary(LONGEST_NAME)).unwrap_or(name).to_owned();
        self.begun.push(Begun { kind, name, start: at, end: None, parent });
        self.by_id.insert(id.to_owned(), position);
    }

    /// Takes the end of a step.
    pub fn end(&mut self, id: &str, at: f64) {
        let position = self.by_id.get(id).and_then(|position| usize::try_from(*position).ok());
        if let Some(step) = position.and_then(|position| self.begun.get_mut(position)) {
            step.end.get_or_insert(at);
        }
    }

    /// Returns true if there were more steps than are kept.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Returns the steps that ended within `most` seconds from `origin` (seconds since the epoch), with times since then,
    /// and true if others ended at a time that cannot be. A step whose parent is left out is part of the next one further
    /// out.
    pub fn finish(self, origin: f64, most: f64) -> (Vec<Step>, bool) {
        let can_be = |start: f64, end: f64| start >= origin && start <= end && end - origin <= most;
        let mut impossible = false;
        let mut steps: Vec<Step> = Vec::with_capacity(self.begun.len());
        // The new position of each step: of one that did not end, that of its parent.
        let mut positions: Vec<Option<u32>> = Vec::with_capacity(self.begun.len());
        for Begun { kind, name, start, end, parent } in self.begun {
            let parent = parent.and_then(|it| *positions.get(usize::try_from(it).ok()?)?);
            impossible |= end.is_some_and(|end| !can_be(start, end));
            let Some(end) = end.filter(|end| can_be(start, *end)) else {
                positions.push(parent);
                continue;
            };
            positions.push(u32::try_from(steps.len()).ok());
            let (start, end) = (start - origin, end - origin);
            steps.push(Step { kind, name, start, end, parent });
        }
        (steps, impossible)
    }
}

/// Splits the type of an event, such as `TOOL_START`, into the kind of the step and whether it begins; `None` if it
/// does neither.
pub(super) fn begins_or_ends(event: &str) -> Option<(StepKind, bool)> {
    let starts = event.strip_suffix("_START").map(|kind| (kind, true));
    let (kind, begins) = starts.or_else(|| Some((event.strip_suffix("_END")?, false)))?;
    let kind = match kind {
        "LLM" => StepKind::Llm,
        "TOOL" => StepKind::Tool,
        "RETRIEVER" => StepKind::Retriever,
        "FUNCTION" => StepKind::Function,
        "WORKFLOW" => StepKind::Workflow,
        "TASK" => StepKind::Task,
        _ => StepKind::Other,
    };
    Some((kind, begins))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_part_of_the_next_one_that_ended() {
        let mut log = StepLog::default();
        log.start(StepKind::Workflow, "w", "root", "agent", 10.0);
        log.start(StepKind::Function, "f", "w", "never ends", 10.5);
        log.start(StepKind::Tool, "t", "f", "search", 11.0);
        // The same id again is the same step, and an end without a start is none.
        log.start(StepKind::Tool, "t", "w", "again", 11.5);
        log.end("t", 12.0);
        log.end("t", 13.0);
        log.end("nobody", 13.0);
        log.end("w", 14.0);
        assert!(!log.is_cut());
        let of = |kind, name: &str, start, end, parent| Step {
            kind,
            name: name.to_owned(),
            start,
            end,
            parent,
        };
        assert_eq!(
            log.finish(10.0, 5.0),
            (
                vec![
                    of(StepKind::Workflow, "agent", 0.0, 4.0, None),
                    of(StepKind::Tool, "search", 1.0, 2.0, Some(0)),
                ],
                false
            )
        );
    }

    #[test]
    fn a_hostile_server_is_bounded() {
        let mut log = StepLog::default();
        for number in 0..100_000 {
            let id = number.to_string();
            log.start(StepKind::Other, &id, &id, &"é".repeat(100_000 / (number + 1)), 1.0);
            log.end(&id, 2.0);
        }
        assert!(log.is_cut());
        let (steps, impossible) = log.finish(1.0, 1.0);
        assert_eq!((steps.len(), impossible), (MOST_STEPS, false));
        assert!(steps.iter().all(|step| step.name.len() <= LONGEST_NAME && step.end >= step.start));
    }

    #[test]
    fn steps_whose_times_cannot_be_are_left_out() {
        for (start, end) in
            [(11.0, 10.5), (10.0, 20.0), (f64::NEG_INFINITY, 11.0), (11.0, f64::INFINITY)]
        {
            let mut log = StepLog::default();
            log.start(StepKind::Tool, "t", "", "search", start);
            log.start(StepKind::Llm, "l", "t", "model", 10.0);
            log.end("l", 11.0);
            log.end("t", end);
            let (steps, impossible) = log.finish(10.0, 5.0);
            let [step] = steps.as_slice() else { panic!("{start} {end}: {steps:?}") };
            assert!(impossible && step.kind == StepKind::Llm && step.parent.is_none(), "{step:?}");
        }
    }

    #[test]
    fn kinds_are_those_of_the_events() {
        for (event, expected) in [
            ("LLM_START", Some((StepKind::Llm, true))),
            ("TOOL_END", Some((StepKind::Tool, false))),
            ("RETRIEVER_START", Some((StepKind::Retriever, true))),
            ("TTC_END", Some((StepKind::Other, false))),
            ("LLM_NEW_TOKEN", None),
            ("SPAN_CHUNK", None),
            ("", None),
        ] {
            assert_eq!(begins_or_ends(event), expected, "{event}");
        }
        let name = |kind: StepKind| serde_json::to_value(kind).unwrap();
        for kind in [StepKind::Llm, StepKind::Retriever, StepKind::Workflow, StepKind::Other] {
            assert_eq!(name(kind), kind.name());
        }
    }
}
