//! Streamed answers, event by event.

use super::pace::Pace;
use super::token_line::TokenLine;
use super::wire::{Choice, Chunk};
use super::{
    ParsedAnswer, Usage, WholeAnswer, broken_off, empty, one_was_cut, server_error, short,
};
use crate::measure::{Failure, FailureKind};
use crate::workflow::events::{Event, Events, not_events};
use crate::workflow::loose::Amount;
use crate::workflow::openai::malformed::malformed;
use crate::workflow::transport::Progress;
use std::borrow::Cow;

/// End marker of the protocol.
const DONE: &[u8] = b"[DONE]";
/// Number of bytes kept of a body that is not an event stream.
const MOST_OTHER: usize = 1 << 20;
/// Maximum number of choices per prompt.
const MOST_CHOICES: usize = 1024;

/// Incremental parser of a streamed answer.
#[derive(Debug, Default)]
pub(in crate::workflow) struct Stream {
    events: Events,
    reader: Reader,
    /// Body that does not start like an event stream.
    other: Option<Vec<u8>>,
    begun: bool,
}

/// State that the events build up.
#[derive(Debug, Default)]
struct Reader {
    said: ParsedAnswer,
    choices: Vec<StreamedChoice>,
    done: bool,
    failed: bool,
    /// Arrival time of the last event that is part of the answer.
    last: f64,
    token: TokenLine,
    /// Index of the choice whose line that is.
    token_index: f64,
    /// True while an answer in another protocol has begun and not ended.
    cut: bool,
    /// First event that is not part of an answer.
    unknown: Option<Vec<u8>>,
    #[cfg(fuzzing)]
    forgetful: bool,
}

/// One of the choices for a prompt.
#[derive(Debug)]
struct StreamedChoice {
    index: u64,
    /// Its pieces, once it has said something.
    pace: Option<Pace>,
    finished: bool,
}

impl Stream {
    /// Creates a stream that keeps the text.
    pub fn with_text() -> Self {
        let mut stream = Self::default();
        stream.reader.said.text = Some(String::new());
        stream
    }

    /// Parses a piece of the body that arrived at `now`.
    pub fn feed(&mut self, chunk: &[u8], now: f64) -> Result<Progress, Failure> {
        if !self.begun
            && let Some(first) = chunk.iter().find(|byte| !byte.is_ascii_whitespace())
        {
            self.begun = true;
            self.other = matches!(first, b'{' | b'[' | b'<').then(Vec::new);
        }
        if let Some(other) = &mut self.other {
            if other.len() > MOST_OTHER {
                return Err(not_events(other));
            }
            other.extend_from_slice(chunk);
            return Ok(Progress::Open);
        }
        let Self { events, reader, .. } = self;
        events.feed(chunk, |event| reader.event(event, now))?;
        if is_the_end(events.pending()) {
            reader.end(now);
        }
        Ok(self.progress())
    }

    /// Progress of the answer.
    pub fn progress(&self) -> Progress {
        let Reader { done, choices, said, .. } = &self.reader;
        if *done {
            Progress::Over
        } else if !choices.is_empty() && choices.iter().all(|streamed| streamed.finished) {
            let counted = usize::from(said.usage.completion_tokens.is_some());
            Progress::Complete { parts: choices.len() + said.arrivals.len() + counted }
        } else {
            Progress::Open
        }
    }

    /// Returns true if the server reported an error in the stream.
    pub fn reported_an_error(&self) -> bool {
        self.reader.failed
    }

    /// Returns true if an answer in another protocol, which names its events, has not ended yet.
    pub fn is_cut(&self) -> bool {
        self.reader.cut
    }

    /// Returns what was said so far, complete or not.
    pub fn so_far(self) -> ParsedAnswer {
        self.reader.said
    }

    /// Creates a stream without the fast path.
    #[cfg(fuzzing)]
    pub fn forgetful() -> Self {
        let mut stream = Self::default();
        stream.reader.forgetful = true;
        stream
    }

    /// Fails if a line outside of any event holds an error. Some servers forget the event format when they
    /// report one.
    fn stray_error(&self) -> Result<(), Failure> {
        let Some(line) = self.events.strange() else { return Ok(()) };
        let lower = line.get(..6).map(<[u8]>::to_ascii_lowercase);
        let reported = match lower.as_deref() {
            Some(b"error:") => Some(String::from_utf8_lossy(line).into_owned()),
            Some([b'{', ..]) => serde_json::from_slice::<Chunk<'_>>(line)
                .ok()
                .and_then(|chunk| chunk.reported(line).map(Cow::into_owned)),
            _ => None,
        };
        reported.map_or(Ok(()), |error| Err(server_error(&error)))
    }

    /// Handles the end of the body, or of what is read of it, at `now`.
    pub fn close(&mut self, now: f64) -> Result<(), Failure> {
        let Self { events, reader, .. } = self;
        events.finish(|event| reader.event(event, now))
    }

    /// Returns what was said, once the answer has ended.
    pub fn finish(mut self, now: f64) -> Result<ParsedAnswer, Failure> {
        if let Some(other) = &self.other {
            return Err(no_stream(other));
        }
        self.close(now)?;
        self.stray_error()?;
        let Self { events, reader, .. } = self;
        let Reader { mut said, choices, done, last, unknown, .. } = reader;
        let finished = choices.iter().filter(|streamed| streamed.finished).count();
        let some_say = !said.arrivals.is_empty() || said.usage.completion_tokens.is_some();
        let truncated = |message: &str| Err(Failure::new(FailureKind::Truncated, message));
        if choices.is_empty() && !some_say {
            return match (unknown, events.strange()) {
                (Some(event), _) => {
                    Err(malformed("the stream ended without an answer; it held", &event))
                }
                (None, Some(line)) if !done => Err(not_events(line)),
                _ => truncated("the stream ended without an answer"),
            };
        }
        if !done && finished == 0 {
            return truncated("the stream ended without a finish reason or [DONE]");
        }
        if finished > 0 && finished < choices.len() {
            return Err(one_was_cut());
        }
        if !some_say {
            return Err(empty());
        }
        said.ended.get_or_insert(last);
        said.paces = choices.iter().filter_map(|streamed| streamed.pace).collect();
        Ok(said)
    }
}

impl Reader {
    fn event(&mut self, event: Event<'_>, now: f64) -> Result<(), Failure> {
        match event.name {
            b"message_start" | b"response.created" => self.cut = true,
            b"message_stop" | b"response.completed" | b"response.incomplete" => self.cut = false,
            _ => {}
        }
        let result = self.part(event, now);
        let reported = |failure: &Failure| failure.kind == FailureKind::WorkflowError;
        self.failed |= result.as_ref().is_err_and(reported);
        result
    }

    fn part(&mut self, event: Event<'_>, now: f64) -> Result<(), Failure> {
        let data = event.data.trim_ascii();
        if self.done {
            return Ok(());
        }
        if !matches!(event.name, b"" | b"message") && is_of_an_error(event.name) {
            return Err(server_error(&String::from_utf8_lossy(data)));
        }
        if let Some(words) = self.token.words(data) {
            self.said.hear(Amount { answer: words.len(), thought: 0 }, now);
            self.said.keep(words);
            let (index, bytes) = (self.token_index, words.len());
            if let Some(streamed) = self.choice_of(index) {
                streamed.hear(bytes, now);
            }
            self.last = now;
            return Ok(());
        }
        if data.is_empty() {
            // Keep-alive.
            return Ok(());
        }
        if is_the_end(data) {
            self.end(now);
            return Ok(());
        }
        let mended;
        let parsed = match serde_json::from_slice(data) {
            Err(error) if !error.is_data() => {
                mended = crate::workflow::mended::mended(data);
                mended.as_deref().map_or(Err(error), serde_json::from_str)
            }
            parsed => parsed,
        };
        let chunk: Chunk<'_> = match parsed {
            Ok(chunk) => chunk,
            // Events with names of their own are not meant for us.
            Err(_) if !matches!(event.name, b"" | b"message") => return Ok(()),
            Err(error) if error.is_data() => {
                return Err(malformed("a chunk does not have the form of a chat completion", data));
            }
            Err(_) => return Err(malformed("a chunk is not valid JSON", data)),
        };
        if let Some(error) = chunk.reported(data) {
            return Err(server_error(&error));
        }
        if chunk.choices.is_none() && chunk.usage.is_none() {
            self.unknown.get_or_insert_with(|| data.to_vec());
            return Ok(());
        }
        self.last = now;
        if let Some(usage) = chunk.usage {
            self.said.usage.update(Usage::read(usage));
        }
        for choice in chunk.choices.iter().flatten() {
            self.choice(choice, now)?;
        }
        let index = chunk.choices.as_deref().and_then(|it| it.first()?.index.number);
        if let Some(words) = chunk.only_words() {
            self.token.learn(data, words);
            self.token_index = index.unwrap_or_default();
        }
        #[cfg(fuzzing)]
        if self.forgetful {
            self.token = TokenLine::default();
        }
        Ok(())
    }

    fn choice(&mut self, choice: &Choice<'_>, now: f64) -> Result<(), Failure> {
        let amount = choice.amount();
        let reason = choice.reason();
        if let Some(failure) = reason.and_then(broken_off) {
            return Err(failure);
        }
        if let Some(usage) = choice.usage {
            self.said.usage.update(Usage::read(usage));
        }
        if amount.all() > 0 {
            self.said.hear(amount, now);
        }
        if let Some(reason) = reason {
            self.said.finish_reason = Some(short(reason));
            self.said.ended = Some(now);
        }
        if let Some(words) = choice.plain() {
            self.said.keep(words);
        }
        if let Some(streamed) = self.choice_of(choice.index.number.unwrap_or_default()) {
            if amount.all() > 0 {
                streamed.hear(amount.all(), now);
            }
            if reason.is_some() {
                streamed.finish(now);
            }
        }
        Ok(())
    }

    fn choice_of(&mut self, index: f64) -> Option<&mut StreamedChoice> {
        let index = index.to_bits();
        let known = self.choices.iter().position(|streamed| streamed.index == index);
        if known.is_none() && self.choices.len() < MOST_CHOICES {
            self.choices.push(StreamedChoice { index, pace: None, finished: false });
        }
        match known {
            Some(known) => self.choices.get_mut(known),
            None => self.choices.last_mut(),
        }
    }

    fn end(&mut self, now: f64) {
        if !self.done {
            self.done = true;
            self.said.ended = Some(now);
        }
    }
}

impl StreamedChoice {
    fn hear(&mut self, bytes: usize, now: f64) {
        match &mut self.pace {
            Some(pace) => pace.hear(now),
            None => self.pace = Some(Pace::begin(now, bytes)),
        }
    }

    fn finish(&mut self, now: f64) {
        self.finished = true;
        if let Some(pace) = &mut self.pace {
            pace.ended = Some(now);
        }
    }
}

impl Chunk<'_> {
    /// Returns the text of a chunk that carries one token and nothing else that is measured.
    fn only_words(&self) -> Option<&str> {
        let [choice] = self.choices.as_deref()? else { return None };
        let delta = choice.delta.as_ref()?;
        let Some(Cow::Borrowed(words)) = delta.content else { return None };
        let alone = choice.amount() == Amount { answer: words.len(), thought: 0 };
        let nothing_else = self.usage.is_none()
            && choice.usage.is_none()
            && choice.message.is_none()
            && !choice.finish_reason.is_something;
        (alone && nothing_else && !words.is_empty()).then_some(words)
    }
}

/// Returns true if events with this name report errors.
pub(in crate::workflow) fn is_of_an_error(name: &[u8]) -> bool {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let last = name.rsplit_once(['.', '_', '-', ' ']).map_or(name.as_str(), |(_, last)| last);
    matches!(last, "error" | "exception" | "failed" | "failure")
}

/// Returns true if the first line of an event's data marks the end: an answer does not wait for the rest of it, so
/// that it ends at the same place wherever chunks are cut.
fn is_the_end(data: &[u8]) -> bool {
    data.trim_ascii().split(|byte| *byte == b'\n').next().is_some_and(|it| it.trim_ascii() == DONE)
}

/// Builds the failure for a body that is not an event stream.
fn no_stream(body: &[u8]) -> Failure {
    // Blanks before it may have come in a chunk of their own.
    let body = body.trim_ascii_start();
    match WholeAnswer::parse(body) {
        Ok(_) => Failure::new(
            FailureKind::Malformed,
            "the server ignores `stream: true` and answers in one piece: set `stream: false`",
        ),
        Err(failure) if failure.kind == FailureKind::WorkflowError => failure,
        Err(failure) if failure.kind == FailureKind::Truncated && body.starts_with(b"{\"") => {
            failure
        }
        Err(_) => not_events(body),
    }
}
