//! Execution of the steps of one run.

use super::build::message;
use super::draw::DrawKey;
use super::step::{LlmRequest, Prompt, Request, Step};
use crate::measure::{Failure, FailureKind, Item, LlmCall};
use crate::workflow::openai::answer::Stream;
use crate::workflow::openai::dialect::Form;
use crate::workflow::openai::read;
use crate::workflow::openai::request::in_form;
use crate::workflow::template::Template;
use crate::workflow::transport::Notes;
use crate::workflow::{BoxFuture, Clock, local};
use bytes::Bytes;
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use rand::RngExt;
use serde_json::{Map, Value};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Number of bytes kept of a step's output.
const MOST_OUTPUT: usize = 1 << 20;
/// Three-letter words that are a single token in the usual vocabularies. With the space before it, a word is
/// also the four characters that are counted as a token where nothing better is known.
const FILLER: [&str; 32] = [
    "the", "and", "for", "are", "but", "not", "you", "all", "any", "can", "had", "her", "was",
    "one", "our", "out", "day", "get", "has", "him", "his", "how", "man", "new", "now", "old",
    "see", "two", "way", "who", "did", "its",
];

/// State of a run that is playing its steps.
pub(super) struct Player<'a> {
    item: &'a Item,
    clock: Clock,
    seed: u64,
    run: u64,
    outputs: Mutex<Map<String, Value>>,
    calls: Mutex<Vec<LlmCall>>,
}

/// Position of a step: the turn among the runs that reached it, and the round of an enclosing `repeat`.
#[derive(Clone, Copy)]
struct Place {
    turn: u64,
    round: u64,
}

impl<'a> Player<'a> {
    pub fn new(item: &'a Item, clock: Clock, seed: u64, run: u64) -> Self {
        let (outputs, calls) = (Mutex::default(), Mutex::default());
        Self { item, clock, seed, run, outputs, calls }
    }

    /// Takes the calls made so far, in order of their ends.
    pub fn calls(&self) -> Vec<LlmCall> {
        std::mem::take(&mut *lock(&self.calls))
    }

    /// Plays steps one after the other.
    pub fn play<'s>(
        &'s self,
        steps: &'s [Step],
        turn: u64,
        round: u64,
    ) -> BoxFuture<'s, Result<(), Failure>> {
        Box::pin(async move {
            for step in steps {
                self.step(step, Place { turn, round }).await?;
            }
            Ok(())
        })
    }

    async fn step(&self, step: &Step, place: Place) -> Result<(), Failure> {
        let Place { turn, round } = place;
        match step {
            Step::Llm(ask) => self.ask(ask, place).await,
            Step::Sleep { number, seconds } => {
                let seconds = self.throw(*number, place).of(seconds);
                // A negative pause is none, and one too long for a `Duration` never ends.
                match Duration::try_from_secs_f64(seconds) {
                    Ok(time) => tokio::time::sleep(time).await,
                    Err(_) if seconds > 0.0 => std::future::pending().await,
                    Err(_) => {}
                }
                Ok(())
            }
            Step::Command { program, output } => {
                let more = self.variables(round);
                let said = local::output(program, self.item, more).await?;
                self.keep(output.as_ref(), said);
                Ok(())
            }
            Step::Http { request, output } => {
                let said = self.request(request, round).await?;
                self.keep(output.as_ref(), said);
                Ok(())
            }
            Step::Repeat { number, times, steps } => {
                for round in 0..self.throw(*number, place).count(times) {
                    self.play(steps, turn, round).await?;
                    // A round without any wait would otherwise keep the timeout from firing.
                    tokio::task::consume_budget().await;
                }
                Ok(())
            }
            Step::Parallel(lists) => {
                let all = lists.iter().map(|steps| self.play(steps, turn, round));
                futures_util::future::try_join_all(all).await.map(drop)
            }
            Step::When { condition, steps, otherwise } => {
                let holds = !self.render(condition, round)?.is_empty();
                self.play(if holds { steps } else { otherwise }, turn, round).await
            }
            Step::Choose(choices) => match choose(choices, turn) {
                Some((steps, turn)) => self.play(steps, turn, round).await,
                None => Ok(()),
            },
        }
    }

    async fn ask(&self, ask: &LlmRequest, place: Place) -> Result<(), Failure> {
        let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let (headers, notes) = (HeaderMap::from_iter([json]), Notes::default());
        let server = &ask.server;
        let (endpoint, to) = (&server.endpoint, &server.completions);
        let mut form = server.dialect.form();
        let mut body = self.body(ask, place, form)?;
        let start = self.clock.now();
        let (status, call, text) = loop {
            let sent = endpoint.send(&Method::POST, to, &headers, body, &notes).await?;
            let status = sent.status().as_u16();
            let stream = ask.stream.then(|| {
                if ask.output.is_some() { Stream::with_text() } else { Stream::default() }
            });
            match read(sent, stream, start, self.clock).await {
                Ok((call, text)) => break (status, call, text),
                Err(failure) => form = server.dialect.learn(form, &failure).ok_or(failure)?,
            }
            body = self.body(ask, place, form)?;
        };
        lock(&self.calls).push(LlmCall {
            model: Some(ask.model.clone()),
            upstream: Some(server.name.clone()),
            http_status: Some(status),
            ..call
        });
        // A model that only called tools has no text, which later steps may still quote.
        self.keep(ask.output.as_ref(), text.unwrap_or_default());
        Ok(())
    }

    fn body(&self, ask: &LlmRequest, place: Place, form: Form) -> Result<Bytes, Failure> {
        let throw = self.throw(ask.number, place);
        let mut body = ask.body.clone();
        let messages = match &ask.prompt {
            Prompt::Messages(messages) => {
                let said = messages
                    .iter()
                    .map(|(role, content)| Ok(message(role, self.render(content, place.round)?)));
                said.collect::<Result<Vec<Value>, Failure>>()?
            }
            Prompt::Filler(tokens) => vec![message("user", filler(throw, throw.count(tokens)))],
        };
        body.insert("messages".to_owned(), messages.into());
        if let Some(most) = &ask.max_tokens {
            // A draw of its own, independent of the prompt's length.
            let throw = DrawKey { step: !ask.number, ..throw };
            body.insert("max_tokens".to_owned(), throw.count(most).max(1).into());
        }
        Ok(Bytes::from(Value::from(in_form(body, form)).to_string()))
    }

    async fn request(&self, request: &Request, round: u64) -> Result<String, Failure> {
        let path = self.render(&request.path, round)?;
        let target = request.endpoint.exact_target(&path);
        let target =
            target.map_err(|error| Failure::new(FailureKind::Template, error.to_string()))?;
        let body = request.body.as_ref().map(|body| self.render(body, round)).transpose()?;
        let body = body.map_or_else(Bytes::new, Bytes::from);
        let (headers, notes) = (&request.headers, Notes::default());
        let sent = request.endpoint.send(&request.method, &target, headers, body, &notes).await?;
        let mut answer = Vec::new();
        let each = |chunk: &[u8]| {
            if answer.len() < MOST_OUTPUT {
                answer.extend_from_slice(chunk);
            }
            Ok(())
        };
        sent.success().await?.each_chunk(each).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    fn throw(&self, step: u64, place: Place) -> DrawKey {
        let Place { turn, round } = place;
        DrawKey { seed: self.seed, run: self.run, turn, step, round }
    }

    /// Variables available to templates besides the item.
    fn variables(&self, round: u64) -> Map<String, Value> {
        let outputs = lock(&self.outputs).clone();
        Map::from_iter([("outputs".to_owned(), outputs.into()), ("round".to_owned(), round.into())])
    }

    fn render(&self, template: &Template, round: u64) -> Result<String, Failure> {
        if template.is_fixed() {
            return template.render(self.item);
        }
        template.render_with(self.item, self.variables(round))
    }

    fn keep(&self, name: Option<&String>, mut output: String) {
        if let Some(name) = name {
            output.truncate(output.floor_char_boundary(MOST_OUTPUT));
            lock(&self.outputs).insert(name.clone(), output.into());
        }
    }
}

/// Picks the list whose turn it is, and the turn within that list. Over as many runs as the weights add up
/// to, every list is played exactly as often as its weight says.
fn choose(choices: &[(u64, Vec<Step>)], turn: u64) -> Option<(&[Step], u64)> {
    let total: u64 = choices.iter().map(|(weight, _)| weight).sum();
    let (rounds, mut at) = (turn.checked_div(total)?, turn.checked_rem(total)?);
    for (weight, steps) in choices {
        if at < *weight {
            return Some((steps, rounds.wrapping_mul(*weight).wrapping_add(at)));
        }
        at -= weight;
    }
    None
}

/// Generates a prompt of this many tokens that no server has cached, since cached prompts are nearly free.
fn filler(throw: DrawKey, tokens: u64) -> String {
    let mut dice = throw.dice();
    let words = (0..tokens).map(|_| FILLER.get(dice.random_range(0..FILLER.len())).copied());
    words.flatten().collect::<Vec<_>>().join(" ")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
