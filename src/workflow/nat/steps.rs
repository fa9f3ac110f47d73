//! Parser of the body that `/generate/full` streams: answer chunks and the workflow's intermediate steps.
//!
//! Each line begins with `data: ` (an answer chunk) or `intermediate_data: ` (a step, whose `payload` is JSON
//! inside a JSON string). A failed workflow ends the body with a bare JSON object that has `code` and
//! `message`, without a prefix or a line end.

use super::call::Call;
use super::prompts::Prompts;
use super::step_log::{StepLog, begins_or_ends};
use crate::measure::{Failure, FailureKind, LlmCall, Note, Step, longest_work};
use crate::workflow::loose::{LooseValue, is_something};
use crate::workflow::openai::answer::{ErrorFields, Usage, is_of_an_error};
use crate::workflow::transport::Progress;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(default, borrow)]
    parent_id: LooseValue<'a>,
    #[serde(default, borrow)]
    name: LooseValue<'a>,
    #[serde(borrow)]
    payload: &'a RawValue,
}

#[derive(Deserialize)]
struct Payload<'a> {
    event_timestamp: f64,
    #[serde(default, borrow)]
    usage_info: Option<UsageInfo<'a>>,
    #[serde(default, borrow)]
    data: Option<StepData<'a>>,
}

#[derive(Deserialize)]
struct UsageInfo<'a> {
    #[serde(default, borrow)]
    token_usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct StepData<'a> {
    // May hold anything, but only text counts as a token.
    #[serde(default, borrow)]
    chunk: LooseValue<'a>,
    /// The prompt of an LLM call: messages, or a text.
    #[serde(default, borrow)]
    input: Option<&'a RawValue>,
}

/// Parser that reads a body line by line.
#[derive(Debug, Default)]
pub struct Steps {
    calls: Vec<Call>,
    /// Index into `calls` by UUID. Calls can overlap, so their order does not pair starts with ends.
    by_uuid: HashMap<String, usize>,
    log: StepLog,
    prompts: Prompts,
    first: Option<f64>,
    last: Option<f64>,
    answered: bool,
    /// Number of steps and pieces of the answer.
    parts: usize,
    /// True while the current event reports an error.
    failing: bool,
    open_workflows: u32,
    workflow_ended: bool,
}

impl Steps {
    /// Parses one line of the body, without its line end.
    pub fn line(&mut self, line: &[u8]) -> Result<(), Failure> {
        // A byte order mark is ignored wherever it appears.
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        if let Some(step) = line.strip_prefix(b"intermediate_data:") {
            return self.step(step.trim_ascii_start());
        }
        if let Some(data) = line.strip_prefix(b"data:") {
            return self.data(data.trim_ascii());
        }
        if let Some(name) = line.strip_prefix(b"event:") {
            self.failing = is_of_an_error(name.trim_ascii());
            return Ok(());
        }
        if line.is_empty() {
            self.failing = false;
            return Ok(());
        }
        if line.starts_with(b"{") {
            return Err(error_event(line).unwrap_or_else(|| unexpected(line)));
        }
        // Other prefixed lines (traces, comments) and blank ones carry nothing that is measured.
        let prefixed = memchr::memchr(b':', line).is_some_and(|at| {
            line.iter().take(at).all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        });
        if prefixed { Ok(()) } else { Err(unexpected(line)) }
    }

    fn data(&mut self, data: &[u8]) -> Result<(), Failure> {
        if let Some(failure) = error_event(data) {
            return Err(failure);
        }
        if self.failing {
            return Err(reported(data));
        }
        // End marker, keep-alive and empty data are not answers.
        if matches!(data, b"" | b"[DONE]" | b"null") {
            return Ok(());
        }
        if serde_json::from_slice::<&RawValue>(data).is_err() {
            return Err(unexpected(data));
        }
        self.answered = true;
        self.parts += 1;
        Ok(())
    }

    fn step(&mut self, step: &[u8]) -> Result<(), Failure> {
        let Event { kind, id, parent_id, name, payload } =
            serde_json::from_slice(step).map_err(|_| unexpected(step))?;
        self.parts += 1;
        if kind == "LLM_NEW_TOKEN" && self.has_first_token(&id) {
            // Every token event repeats the whole prompt, so after the first one they are skipped.
            return Ok(());
        }
        let text: Cow<'_, str> =
            serde_json::from_str(payload.get()).map_err(|_| unexpected(step))?;
        let payload: Payload<'_> = serde_json::from_str(&text).map_err(|_| unexpected(step))?;
        let at = payload.event_timestamp;
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
        match begins_or_ends(&kind) {
            Some((kind, true)) => {
                let (parent, name) = (parent_id.text.as_deref(), name.text.as_deref());
                self.log.start(kind, &id, parent.unwrap_or(""), name.unwrap_or(""), at);
            }
            Some((_, false)) => self.log.end(&id, at),
            None => {}
        }
        match kind.as_ref() {
            "WORKFLOW_START" => self.open_workflows += 1,
            "WORKFLOW_END" => {
                self.open_workflows = self.open_workflows.saturating_sub(1);
                self.workflow_ended = true;
            }
            "LLM_START" => {
                self.by_uuid.insert(id.into_owned(), self.calls.len());
                let (end, first_token, usage) = (None, None, Usage::default());
                let prompt = payload.data.and_then(|data| data.input);
                let shared_prefix = prompt.and_then(|it| self.prompts.shared(it.get().as_bytes()));
                self.calls.push(Call { start: at, end, first_token, usage, shared_prefix });
            }
            "LLM_NEW_TOKEN" => {
                let said = payload.data.is_some_and(|data| data.chunk.amount.all() > 0);
                if let Some(call) = self.call(&id).filter(|_| said) {
                    call.first_token = Some(at);
                }
            }
            "LLM_END" => {
                let usage = payload.usage_info.and_then(|usage| usage.token_usage);
                if let Some(call) = self.call(&id) {
                    call.end.get_or_insert(at);
                    if let Some(usage) = usage {
                        call.usage = Usage::read(usage);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn call(&mut self, uuid: &str) -> Option<&mut Call> {
        let index = *self.by_uuid.get(uuid)?;
        self.calls.get_mut(index)
    }

    fn has_first_token(&self, uuid: &str) -> bool {
        let call = self.by_uuid.get(uuid).and_then(|index| self.calls.get(*index));
        call.is_none_or(|call| call.first_token.is_some())
    }

    /// Progress of the answer: complete once the workflow has ended and its answer has arrived, in either
    /// order.
    pub(in crate::workflow) fn progress(&self) -> Progress {
        let ended = self.workflow_ended && self.open_workflows == 0;
        if ended && self.answered {
            Progress::Complete { parts: self.parts }
        } else {
            Progress::Open
        }
    }

    /// Number of calls that began and did not end.
    pub fn unfinished(&self) -> u32 {
        let open = self.calls.iter().filter(|call| call.end.is_none()).count();
        u32::try_from(open).unwrap_or(u32::MAX)
    }

    /// Time from the first to the last step on the server's clock, in seconds; `None` without steps.
    pub fn server_runtime(&self) -> Option<f64> {
        Some(self.last? - self.first?)
    }

    /// Returns what the run did, once the body has ended. Shifts the server's clock so that its first step falls on the
    /// start of the run, which is `during` (seconds on the level's clock).
    pub fn finish(self, during: Range<f64>) -> Result<Done, Failure> {
        if self.open_workflows > 0 {
            let message = "the body ended before the workflow did";
            return Err(Failure::new(FailureKind::Truncated, message));
        }
        if !self.answered {
            let message = "the body ended without an answer";
            return Err(Failure::new(FailureKind::Truncated, message));
        }
        // No steps, no calls.
        let Some(first) = self.first else { return Ok(Done::default()) };
        let origin = first - during.start;
        let (mut llm_calls, mut impossible) = (Vec::new(), false);
        for call in self.calls.iter().filter(|call| call.end.is_some()) {
            let call = call.believed(origin, &during);
            impossible |= call.is_none();
            llm_calls.extend(call);
        }
        let cut = self.log.is_cut().then_some(Note::StepsLeftOut);
        let (steps, odd) = self.log.finish(first, longest_work(during.end - during.start));
        let odd = (impossible || odd).then_some(Note::ImpossibleTimes);
        Ok(Done { llm_calls, steps, notes: cut.into_iter().chain(odd).collect() })
    }
}

/// What a run did, by the reports of its server.
#[derive(Debug, Default)]
pub struct Done {
    /// LLM calls that ended, but for those whose times cannot be.
    pub llm_calls: Vec<LlmCall>,
    pub steps: Vec<Step>,
    pub notes: Vec<Note>,
}

fn error_event(line: &[u8]) -> Option<Failure> {
    let event = ErrorFields::read(line)?;
    let failed = |message: String| Some(Failure::new(FailureKind::WorkflowError, message));
    if let Some(error) = event.error.filter(|error| is_something(error)) {
        return failed(format!("the server reported an error: {}", error.get()));
    }
    let explains = [&event.message, &event.detail, &event.details].iter().any(|it| it.is_something);
    // A lone `detail` is what servers send for a request that they reject.
    let only_detail = || {
        let map = serde_json::from_slice::<HashMap<Cow<'_, str>, &RawValue>>(line);
        event.detail.is_something && map.is_ok_and(|map| map.len() == 1)
    };
    if event.is_named_error()
        || event.has_number_of_an_error() && explains && event.message.text.is_none()
        || only_detail()
    {
        return Some(reported(line));
    }
    let message = event.message.text.filter(|message| !message.is_empty())?;
    let number = event.code.number.or(event.status.number).or(event.status_code.number);
    let is_error = |code: &f64| *code != 0.0 && !(200.0..300.0).contains(code);
    let number = number.filter(is_error).map(|code| code.to_string());
    let code = event.code.text.map(Cow::into_owned).or(number)?;
    let details = event.details.text.filter(|details| !details.is_empty());
    let details = details.map_or_else(String::new, |details| format!(" ({details})"));
    failed(format!("{code}: {message}{details}"))
}

fn reported(line: &[u8]) -> Failure {
    let message = format!("the server reported an error: {}", String::from_utf8_lossy(line));
    Failure::new(FailureKind::WorkflowError, message)
}

fn unexpected(line: &[u8]) -> Failure {
    // More than is shown, since secrets are removed before it is cut.
    const QUOTED: usize = 4 << 10;
    let text = String::from_utf8_lossy(line.get(..QUOTED).unwrap_or(line));
    Failure::new(FailureKind::Malformed, format!("not a line of a workflow's stream: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::StepKind;
    use crate::workflow::lines::Lines;

    /// Bodies sent by `nat serve` 1.9.0, with the times of their `LLM_START` and `LLM_END` lines.
    const TRANSCRIPTS: [(&str, f64, f64, f64); 2] = [
        (
            include_str!("../../../tests/data/generate_full_1.txt"),
            1_795_510_243.829_457_8 - 1_795_510_243.696_481_7,
            1_795_510_243.822_501_4 - 1_795_510_243.696_481_7,
            1_795_510_243.833_188 - 1_795_510_243.690_280_4,
        ),
        (
            include_str!("../../../tests/data/generate_full_2.txt"),
            1_795_510_243.515_402_3 - 1_795_510_243.382_048_6,
            1_795_510_243.508_545_4 - 1_795_510_243.382_048_6,
            1_795_510_243.519_316 - 1_795_510_243.374_394_7,
        ),
    ];

    fn read(body: &[u8], chunk: usize) -> Result<(Option<f64>, Vec<LlmCall>), Failure> {
        read_all(body, chunk).map(|(runtime, calls, _)| (runtime, calls))
    }

    type All = (Option<f64>, Vec<LlmCall>, Vec<Step>);

    fn read_all(body: &[u8], chunk: usize) -> Result<All, Failure> {
        let mut lines = Lines::default();
        let mut steps = Steps::default();
        for piece in body.chunks(chunk) {
            lines.feed(piece, |line| steps.line(line))?;
        }
        lines.finish(|line| steps.line(line))?;
        let runtime = steps.server_runtime();
        let done = steps.finish(100.0..110.0)?;
        Ok((runtime, done.llm_calls, done.steps))
    }

    #[test]
    fn transcripts_give_their_calls_however_they_are_cut() {
        for (body, latency, ttft, runtime) in TRANSCRIPTS {
            for chunk in [1, 7, 4096, body.len()] {
                let (server_runtime, calls) = read(body.as_bytes(), chunk).unwrap();
                assert!((server_runtime.unwrap() - runtime).abs() < 1e-6);
                let [call] = calls.as_slice() else { panic!("{calls:?}") };
                assert!((call.latency() - latency).abs() < 1e-6, "{call:?}");
                assert!((call.ttft.unwrap() - ttft).abs() < 1e-6, "{call:?}");
                assert!(call.start > 100.0 && call.start < 100.1, "{call:?}");
                assert_eq!((call.prompt_tokens, call.completion_tokens), (Some(20), Some(8)));
                assert_eq!(call.cached_tokens, Some(0));
            }
        }
    }

    #[test]
    fn transcripts_give_their_steps() {
        for (body, latency, _, runtime) in TRANSCRIPTS {
            let (_, calls, steps) = read_all(body.as_bytes(), 4096).unwrap();
            let shown: Vec<(&str, &str, Option<u32>)> =
                steps.iter().map(|it| (it.kind.name(), it.name.as_str(), it.parent)).collect();
            assert_eq!(
                shown,
                [
                    ("workflow", "react_agent", None),
                    ("function", "<workflow>", Some(0)),
                    ("function", "LangGraph", Some(1)),
                    ("function", "agent", Some(2)),
                    ("function", "RunnableSequence", Some(3)),
                    ("function", "ChatPromptTemplate", Some(4)),
                    ("llm", "m", Some(4)),
                    ("function", "conditional_edge", Some(3)),
                ]
            );
            let [whole, .., llm, _] = steps.as_slice() else { panic!("{steps:?}") };
            assert!(whole.start.abs() < 1e-9 && (whole.end - runtime).abs() < 1e-6, "{whole:?}");
            assert!((llm.end - llm.start - latency).abs() < 1e-6, "{llm:?}");
            assert!((llm.start + 100.0 - calls[0].start).abs() < 1e-6, "{llm:?}");
        }
    }

    #[test]
    fn the_part_of_a_prompt_that_an_earlier_one_began_with_is_known() {
        let ask = |id: &str, prompt: &str| {
            let payload =
                serde_json::json!({ "event_timestamp": 1.0, "data": { "input": prompt } });
            let start = serde_json::json!({
                "id": id, "type": "LLM_START", "payload": payload.to_string(),
            });
            format!("intermediate_data: {start}\n\n") + &step("LLM_END", id, 2.0)
        };
        let prompt = "Question: 3 x 7? ".repeat(40);
        let body = ask("a", &prompt)
            + &ask("b", &(prompt.clone() + &prompt))
            + &ask("c", "Other")
            + "data: {\"value\": 1}\n\n";
        let (_, calls) = read(body.as_bytes(), 64).unwrap();
        let shared: Vec<Option<f64>> = calls.iter().map(|call| call.shared_prefix).collect();
        assert_eq!((shared[0], shared[2]), (None, Some(0.0)));
        assert!((shared[1].unwrap() - 0.5).abs() < 0.05, "{shared:?}");
    }

    #[test]
    fn steps_need_neither_a_name_nor_a_parent() {
        let odd = "intermediate_data: {\"type\":\"TOOL_START\",\"id\":\"t\",\"name\":[1],\"parent_id\":null,\
                   \"payload\":\"{\\\"event_timestamp\\\":5}\"}\n\n";
        let body = odd.to_owned() + &step("TOOL_END", "t", 6.5) + "data: {\"value\": 1}\n\n";
        let (_, calls, steps) = read_all(body.as_bytes(), 9).unwrap();
        let (kind, name) = (StepKind::Tool, String::new());
        assert_eq!(steps, [Step { kind, name, start: 0.0, end: 1.5, parent: None }]);
        assert!(calls.is_empty());
    }

    fn step(kind: &str, uuid: &str, at: f64) -> String {
        let payload =
            serde_json::json!({ "event_type": kind, "event_timestamp": at, "UUID": uuid });
        let step = serde_json::json!({ "id": uuid, "type": kind, "payload": payload.to_string() });
        format!("intermediate_data: {step}\n\n")
    }

    #[test]
    fn overlapping_calls_are_paired_by_uuid() {
        let body = [
            step("LLM_START", "a", 10.0),
            step("LLM_START", "b", 11.0),
            step("LLM_END", "a", 15.0),
            step("LLM_END", "b", 13.0),
            "data: {\"value\": \"done\"}\n\n".to_owned(),
        ];
        let (_, calls) = read(body.concat().as_bytes(), 3).unwrap();
        let latencies: Vec<f64> = calls.iter().map(LlmCall::latency).collect();
        assert_eq!(latencies, [5.0, 2.0]);
    }

    #[test]
    fn what_goes_wrong_has_its_kind() {
        let kind = |body: &str| read(body.as_bytes(), 5).unwrap_err().kind;
        assert_eq!(kind(""), FailureKind::Truncated);
        assert_eq!(kind(&step("WORKFLOW_START", "w", 1.0)), FailureKind::Truncated);
        assert_eq!(kind("intermediate_data: {\"type\":\n"), FailureKind::Malformed);
        assert_eq!(kind("data: {oops\n"), FailureKind::Malformed);
        assert_eq!(kind("Internal Server Error"), FailureKind::Malformed);
        assert_eq!(kind("data: {\"error\": \"no such tool\"}\n\n"), FailureKind::WorkflowError);
        assert_eq!(
            kind("data: {\"code\": 500, \"message\": \"x\"}\n\n"),
            FailureKind::WorkflowError
        );
        for nothing in ["data: [DONE]\n\n", "data: null\n\n", "data:\n\n", ": ping\n\n"] {
            assert_eq!(kind(nothing), FailureKind::Truncated, "{nothing}");
        }
        let silent = step("WORKFLOW_START", "w", 1.0) + &step("WORKFLOW_END", "w", 2.0);
        assert_eq!(kind(&silent), FailureKind::Truncated);
        for good in
            ["data:{\"value\": 1}\n\n", "data: {\"value\": 1, \"error\": null}\n\ndata: [DONE]"]
        {
            assert!(read(good.as_bytes(), 5).is_ok(), "{good}");
        }
        // The toolkit ends a failed stream like this: no prefix, no line end.
        let failed = step("WORKFLOW_START", "w", 1.0)
            + "{\"code\":\"workflow_error\",\"message\":\"no such tool\",\"details\":\"ValueError\"}";
        let failure = read(failed.as_bytes(), 5).unwrap_err();
        assert_eq!(failure.kind, FailureKind::WorkflowError);
        assert_eq!(failure.message, "workflow_error: no such tool (ValueError)");
    }
}
