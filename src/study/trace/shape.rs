//! The shape of runs: which calls follow each other, which go side by side, and what differs from run
//! to run. Pure.

use crate::measure::{LlmCall, Run};
use crate::workflow::chain::{Choice, Draw, LlmStep, Step, ToolStep};

/// A pause that is shorter than this is the client's own work, and timers are no finer.
const SHORTEST_PAUSE: f64 = 0.001;
/// Numbers that differ by less than this share are the same.
const SAME: f64 = 0.02;
/// Answers of unknown length are as long as this, in tokens.
const SOME_TOKENS: f64 = 128.0;

/// The fixed properties of a call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    model: Option<String>,
    upstream: Option<String>,
    streamed: bool,
}

/// One call with the pause before it.
#[derive(Clone, Debug)]
struct PacedCall {
    pause: f64,
    kind: Kind,
    prompt: Option<f64>,
    answer: Option<f64>,
}

/// Calls that overlap, as lists of calls that do not.
type CallBlock = Vec<Vec<PacedCall>>;

/// A run as blocks, and the pause after the last of them.
#[derive(Clone, Debug)]
struct RunForm {
    blocks: Vec<CallBlock>,
    final_pause: f64,
}

/// The shapes of several runs, and which of them are alike.
pub(super) struct Shape {
    /// Runs of the same form, those of the most frequent one first.
    groups: Vec<Vec<RunForm>>,
    uncounted: bool,
}

impl Shape {
    /// The shape of runs that succeeded; `None` where no call was seen.
    pub fn of(runs: &[Run]) -> Option<Self> {
        if runs.iter().all(|run| run.llm_calls.is_empty()) {
            return None;
        }
        let mut groups: Vec<Vec<RunForm>> = Vec::new();
        for run in runs {
            let form = RunForm::of(run);
            match groups.iter_mut().find(|group| group.iter().all(|it| it.is_like(&form))) {
                Some(group) => group.push(form),
                None => groups.push(vec![form]),
            }
        }
        groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
        let mut calls = runs.iter().flat_map(|run| &run.llm_calls);
        let uncounted = calls.any(|call| call.completion_tokens.is_none());
        Some(Self { groups, uncounted })
    }

    /// The steps of a chain that does the same, as short as can be said where the chain has a model
    /// and, by itself, one server.
    pub fn steps(&self, model: Option<&str>, one_server: bool) -> Vec<Step> {
        let mut steps = self.all_steps();
        each_call(&mut steps, &mut |call| {
            if call.model.as_deref() == model {
                call.model = None;
            }
            if one_server {
                call.upstream = None;
            }
            // Streamed is what a chain does by itself.
            call.stream = call.stream.filter(|streamed| !streamed);
        });
        steps
    }

    fn all_steps(&self) -> Vec<Step> {
        if let [group] = self.groups.as_slice() {
            return steps(group);
        }
        let choices = self.groups.iter().map(|group| Choice {
            weight: u32::try_from(group.len()).unwrap_or(u32::MAX),
            steps: steps(group),
        });
        vec![Step::Choose(choices.collect())]
    }

    /// The model that most calls ask.
    pub fn model(&self) -> Option<String> {
        let kinds = self.groups.iter().flatten().flat_map(|form| form.blocks.iter().flatten());
        kinds.flatten().find_map(|call| call.kind.model.clone())
    }

    /// Remarks for the reader of the traced spec.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.groups.len() > 1 {
            let sizes: Vec<String> =
                self.groups.iter().map(|group| group.len().to_string()).collect();
            notes.push(format!(
                "The runs have {} different forms ({} runs of each); the chain chooses them in these proportions.",
                self.groups.len(),
                sizes.join(", ")
            ));
        }
        if self.uncounted {
            notes.push(format!(
                "The length of some answers is unknown: {SOME_TOKENS} tokens are assumed."
            ));
        }
        notes
    }
}

impl RunForm {
    fn of(run: &Run) -> Self {
        let mut calls: Vec<&LlmCall> = run.llm_calls.iter().collect();
        calls.sort_by(|a, b| a.start.total_cmp(&b.start));
        let mut blocks: Vec<CallBlock> = Vec::new();
        // Where the calls of the block begin, and when each of its lists is free again.
        let (mut block_start, mut ends): (f64, Vec<f64>) = (run.start, Vec::new());
        let mut last_end = run.start;
        for call in calls {
            let overlaps = ends.iter().any(|end| *end > call.start);
            if blocks.is_empty() || !overlaps {
                blocks.push(CallBlock::new());
                (block_start, ends) = (last_end, Vec::new());
            }
            // After the list that was free last: what a call waits for is most likely that.
            let free = ends.iter().enumerate().filter(|(_, end)| **end <= call.start);
            let free = free.max_by(|a, b| a.1.total_cmp(b.1)).map(|(list, end)| (list, *end));
            let Some(block) = blocks.last_mut() else { continue };
            let (list, after) = free.unwrap_or_else(|| {
                block.push(Vec::new());
                ends.push(block_start);
                (block.len() - 1, block_start)
            });
            if let (Some(list), Some(end)) = (block.get_mut(list), ends.get_mut(list)) {
                list.push(PacedCall::of(call, (call.start - after).max(0.0)));
                *end = call.end;
            }
            last_end = last_end.max(call.end);
        }
        for block in &mut blocks {
            // What begins at the same time comes in either order.
            block.sort_by(|a, b| {
                let key = |list: &Vec<PacedCall>| {
                    list.iter().map(|it| (it.kind.clone(), it.prompt.map(f64::to_bits))).collect()
                };
                let (a, b): (Vec<_>, Vec<_>) = (key(a), key(b));
                a.cmp(&b)
            });
        }
        Self { blocks, final_pause: (run.end - last_end).max(0.0) }
    }

    /// Returns true if two runs make the same calls in the same order.
    fn is_like(&self, other: &Self) -> bool {
        let kinds = |form: &Self| {
            let lists = |block: &CallBlock| {
                block.iter().map(|list| list.iter().map(|it| it.kind.clone()).collect()).collect()
            };
            form.blocks.iter().map(lists).collect::<Vec<Vec<Vec<Kind>>>>()
        };
        kinds(self) == kinds(other)
    }
}

impl PacedCall {
    fn of(call: &LlmCall, pause: f64) -> Self {
        let kind = Kind {
            model: call.model.clone(),
            upstream: call.upstream.clone(),
            streamed: call.ttft.is_some(),
        };
        let count = |tokens: Option<u64>| tokens.map(|tokens| tokens as f64);
        let (prompt, answer) = (count(call.prompt_tokens), count(call.completion_tokens));
        Self { pause, kind, prompt, answer }
    }
}

/// Visits the calls of the steps that are made here.
fn each_call(steps: &mut [Step], each: &mut dyn FnMut(&mut LlmStep)) {
    for step in steps {
        match step {
            Step::Llm(call) => each(call),
            Step::Parallel(lists) => lists.iter_mut().for_each(|steps| each_call(steps, each)),
            Step::Choose(choices) => {
                for choice in choices {
                    each_call(&mut choice.steps, each);
                }
            }
            Step::Tool(_) | Step::Repeat(_) | Step::When(_) => {}
        }
    }
}

/// The steps of runs that are alike.
fn steps(group: &[RunForm]) -> Vec<Step> {
    let mut steps = Vec::new();
    let Some(first) = group.first() else { return steps };
    for (nth, block) in first.blocks.iter().enumerate() {
        let lists: Vec<Vec<Step>> = (0..block.len())
            .map(|list| {
                let calls = group.iter().filter_map(|form| form.blocks.get(nth)?.get(list));
                list_steps(&calls.collect::<Vec<_>>())
            })
            .collect();
        match <[Vec<Step>; 1]>::try_from(lists) {
            Ok([list]) => steps.extend(list),
            Err(lists) => steps.push(Step::Parallel(lists)),
        }
    }
    steps.extend(pause(group.iter().map(|form| form.final_pause).collect()));
    steps
}

/// The steps of lists of calls that are alike.
fn list_steps(lists: &[&Vec<PacedCall>]) -> Vec<Step> {
    let mut steps = Vec::new();
    let length = lists.first().map_or(0, |list| list.len());
    for nth in 0..length {
        let calls: Vec<&PacedCall> = lists.iter().filter_map(|list| list.get(nth)).collect();
        let Some(first) = calls.first() else { continue };
        steps.extend(pause(calls.iter().map(|call| call.pause).collect()));
        let prompts = calls.iter().map(|call| call.prompt.unwrap_or(SOME_TOKENS));
        let answers = calls.iter().map(|call| call.answer.unwrap_or(SOME_TOKENS));
        steps.push(Step::Llm(Box::new(LlmStep {
            prompt_tokens: Some(draw(prompts.collect())),
            max_tokens: Some(draw(answers.collect())),
            model: first.kind.model.clone(),
            upstream: first.kind.upstream.clone(),
            stream: Some(first.kind.streamed),
            ..LlmStep::default()
        })));
    }
    steps
}

/// A tool that takes as long as the agent does between two calls.
fn pause(seconds: Vec<f64>) -> Option<Step> {
    if seconds.iter().all(|it| *it < SHORTEST_PAUSE) {
        return None;
    }
    // Tenths of a millisecond say as much as any timer keeps.
    let rounded = seconds.into_iter().map(|it| (it * 1e4).round() / 1e4);
    let sleep = Some(draw(rounded.collect()));
    Some(Step::Tool(Box::new(ToolStep { sleep, ..ToolStep::default() })))
}

/// One number where all are about the same, or all of them in the order of the runs.
fn draw(values: Vec<f64>) -> Draw {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    let same = values.iter().all(|value| (value - mean).abs() <= SAME * mean);
    match values.first() {
        Some(first) if same && values.len() == 1 => Draw::Same(*first),
        Some(_) if same && mean.fract() == 0.0 => Draw::Same(mean),
        Some(_) if same => Draw::Same((mean * 1e4).round() / 1e4),
        _ => Draw::Values { values },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(start: f64, end: f64, tokens: u64) -> LlmCall {
        let (prompt_tokens, completion_tokens) = (Some(10 * tokens), Some(tokens));
        LlmCall { start, end, prompt_tokens, completion_tokens, ..LlmCall::default() }
    }

    fn run(shift: f64, calls: &[(f64, f64, u64)], end: f64) -> Run {
        let llm_calls =
            calls.iter().map(|(from, to, tokens)| call(shift + from, shift + to, *tokens));
        let llm_calls = llm_calls.collect();
        Run { start: shift, end: shift + end, llm_calls, ..Run::default() }
    }

    fn text(shape: &Shape) -> String {
        serde_json::to_string(&shape.steps(None, true)).unwrap().replace('"', "")
    }

    #[test]
    fn calls_follow_each_other_or_go_side_by_side() {
        // One call; a tool of 0.5 s; two at once, one of which is followed by a third.
        let calls = [(0.0, 1.0, 4), (1.5, 3.5, 8), (1.5, 2.0, 2), (2.25, 3.0, 3)];
        let shape = Shape::of(&[run(10.0, &calls, 4.0)]).unwrap();
        let llm = |tokens: u64| {
            let prompt = 10 * tokens;
            format!("{{llm:{{prompt_tokens:{prompt},max_tokens:{tokens},stream:false}}}}")
        };
        let sleep = |seconds: f64| format!("{{tool:{{sleep:{seconds}}}}}");
        let expected = format!(
            "[{},{{parallel:[[{},{},{},{}],[{},{}]]}},{}]",
            llm(4),
            sleep(0.5),
            llm(2),
            sleep(0.25),
            llm(3),
            sleep(0.5),
            llm(8),
            sleep(0.5)
        );
        assert_eq!(text(&shape), expected);
    }

    #[test]
    fn what_differs_is_kept_in_the_order_of_the_runs() {
        let of = |tokens: u64, pause: f64| run(0.0, &[(pause, pause + 1.0, tokens)], pause + 1.0);
        let shape = Shape::of(&[of(5, 0.25), of(9, 0.25), of(7, 0.251)]).unwrap();
        let expected = "[{tool:{sleep:0.2503}},{llm:{prompt_tokens:{values:[50,90,70]},\
                        max_tokens:{values:[5,9,7]},stream:false}}]";
        assert_eq!(text(&shape), expected);
        assert!(shape.notes().is_empty());
    }

    #[test]
    fn runs_of_different_forms_are_chosen_as_often_as_they_came() {
        let one = run(0.0, &[(0.0, 1.0, 4)], 1.0);
        let two = run(0.0, &[(0.0, 1.0, 4), (1.0, 2.0, 4)], 2.0);
        let none = run(0.0, &[], 0.5);
        let shape = Shape::of(&[two.clone(), one, none, two]).unwrap();
        let steps = shape.steps(None, true);
        let Step::Choose(choices) = &steps[0] else { panic!("{steps:?}") };
        let weights: Vec<(u32, usize)> =
            choices.iter().map(|it| (it.weight, it.steps.len())).collect();
        assert_eq!(weights, [(2, 2), (1, 1), (1, 1)]);
        assert!(shape.notes()[0].contains("3 different forms (2, 1, 1 runs of each)"));
        assert!(Shape::of(&[run(0.0, &[], 1.0)]).is_none());
    }
}
