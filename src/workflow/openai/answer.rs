//! Answers of the chat completions protocol, streamed and whole.

use super::malformed;
use crate::measure::{Failure, FailureKind, Gaps, LlmCall};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Token counts, where the server gives them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(in crate::workflow) struct Usage {
    #[serde(default)]
    pub prompt_tokens: Option<u64>,
    #[serde(default)]
    pub completion_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(default, borrow)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default, borrow)]
    error: Option<&'a RawValue>,
}

/// A string that is a part of the chunk, unless something in it is escaped. (serde borrows a `Cow`
/// where it is a field itself, not within an `Option`.)
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default, borrow)]
    delta: Option<Delta<'a>>,
    #[serde(default, borrow)]
    message: Option<Message<'a>>,
    /// What a completion of a plain prompt says, streamed or whole.
    #[serde(default, borrow)]
    text: Option<Text<'a>>,
    #[serde(default, borrow)]
    finish_reason: Option<Text<'a>>,
}

/// A message that came whole; its content can be missing where tools are called.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(default, borrow)]
    content: Option<Content<'a>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content<'a> {
    #[serde(borrow)]
    Text(Cow<'a, str>),
    Other(IgnoredAny),
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(default, borrow)]
    content: Option<Text<'a>>,
    #[serde(default, borrow)]
    reasoning_content: Option<Text<'a>>,
    #[serde(default)]
    tool_calls: Option<IgnoredAny>,
}

impl Delta<'_> {
    /// Whether the model said anything: the first delta often holds only the role.
    fn has_token(&self) -> bool {
        said(self.content.as_ref())
            || said(self.reasoning_content.as_ref())
            || self.tool_calls.is_some()
    }
}

fn said(text: Option<&Text<'_>>) -> bool {
    text.is_some_and(|text| !text.0.is_empty())
}

fn server_error(error: &RawValue) -> Failure {
    Failure::new(
        FailureKind::WorkflowError,
        format!("the server reported an error: {}", error.get()),
    )
}

/// What a complete answer tells besides its text.
#[derive(Debug, Default, PartialEq)]
pub(in crate::workflow) struct Said {
    /// When tokens arrived, where the answer was streamed.
    pub arrivals: Vec<f64>,
    pub usage: Usage,
    pub finish_reason: Option<String>,
    /// The words, where somebody asks for them.
    pub text: Option<String>,
}

/// A streamed answer, line by line.
#[derive(Debug, Default)]
pub(in crate::workflow) struct Stream {
    said: Said,
    complete: bool,
    any: bool,
    failed: bool,
    token: TokenLine,
}

/// The last chunk that said one token and nothing else, without its words. Most chunks of an answer
/// differ from the one before in nothing but these, and then need no parsing.
#[derive(Debug, Default)]
struct TokenLine {
    before: Vec<u8>,
    after: Vec<u8>,
}

impl TokenLine {
    /// The words of a chunk that differs from the last one in nothing else. The same bytes around a
    /// string without escapes are the same JSON.
    fn words<'a>(&self, data: &'a [u8]) -> Option<&'a str> {
        if self.before.is_empty() {
            return None;
        }
        let words = data.strip_prefix(self.before.as_slice())?;
        let words = words.strip_suffix(self.after.as_slice())?;
        let plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
        let alone = !words.is_empty() && words.iter().all(plain);
        std::str::from_utf8(words).ok().filter(|_| alone)
    }

    /// Remembers a chunk whose words are a part of it, as they are where nothing is escaped.
    fn learn(&mut self, data: &[u8], words: &str) {
        let start = words.as_ptr().addr().wrapping_sub(data.as_ptr().addr());
        let (before, after) = (data.get(..start), data.get(start.saturating_add(words.len())..));
        if let (Some(before), Some(after)) = (before, after) {
            self.before.clear();
            self.before.extend_from_slice(before);
            self.after.clear();
            self.after.extend_from_slice(after);
        }
    }
}

impl Chunk<'_> {
    /// The words of a chunk that says one token and nothing else that is measured.
    fn only_words(&self) -> Option<&str> {
        let [choice] = self.choices.as_deref()? else { return None };
        let delta = choice.delta.as_ref()?;
        let nothing_else = self.usage.is_none()
            && choice.text.is_none()
            && choice.finish_reason.is_none()
            && delta.tool_calls.is_none()
            && delta.reasoning_content.is_none();
        match &delta.content {
            Some(Text(Cow::Borrowed(words))) if nothing_else && !words.is_empty() => Some(words),
            _ => None,
        }
    }
}

/// Of what is said, no more is kept.
const MOST_TEXT: usize = 1 << 20;

impl Said {
    /// The call that it belongs to.
    pub fn as_call(&self, start: f64, end: f64) -> LlmCall {
        LlmCall {
            start,
            end,
            ttft: self.arrivals.first().map(|at| at - start),
            prompt_tokens: self.usage.prompt_tokens,
            completion_tokens: self.usage.completion_tokens,
            itl: Gaps::between(&self.arrivals),
            finish_reason: self.finish_reason.clone(),
            ..LlmCall::default()
        }
    }

    fn keep(&mut self, words: &str) {
        if let Some(text) = &mut self.text
            && text.len() < MOST_TEXT
        {
            text.push_str(words);
        }
    }
}

impl Stream {
    /// A stream whose words are kept.
    pub fn with_text() -> Self {
        let said = Said { text: Some(String::new()), ..Said::default() };
        Self { said, ..Self::default() }
    }

    /// Takes one line of the body, which arrived at `now`.
    pub fn line(&mut self, line: &[u8], now: f64) -> Result<(), Failure> {
        let Some(data) = line.strip_prefix(b"data:") else {
            // Comments, event names, ids and blank lines carry nothing that is measured.
            let known: [&[u8]; 4] = [b":", b"event:", b"id:", b"retry:"];
            let harmless = line.is_empty() || known.iter().any(|field| line.starts_with(field));
            return if harmless {
                Ok(())
            } else {
                Err(malformed("not a line of an event stream", line))
            };
        };
        let data = data.trim_ascii();
        if data == b"[DONE]" {
            self.complete = true;
            return Ok(());
        }
        if let Some(words) = self.token.words(data) {
            self.said.arrivals.push(now);
            self.said.keep(words);
            return Ok(());
        }
        let chunk: Chunk<'_> = serde_json::from_slice(data)
            .map_err(|_| malformed("a chunk is not valid JSON", data))?;
        if let Some(error) = chunk.error {
            self.failed = true;
            return Err(server_error(error));
        }
        self.any = true;
        self.said.usage = chunk.usage.unwrap_or(self.said.usage);
        for choice in chunk.choices.iter().flatten() {
            if let Some(reason) = &choice.finish_reason {
                self.complete = true;
                self.said.finish_reason = Some(short(&reason.0));
            }
            if said(choice.text.as_ref()) || choice.delta.as_ref().is_some_and(Delta::has_token) {
                self.said.arrivals.push(now);
            }
            let content = choice.delta.as_ref().and_then(|delta| delta.content.as_ref());
            if let Some(Text(words)) = content.or(choice.text.as_ref()) {
                self.said.keep(words);
            }
        }
        if let Some(words) = chunk.only_words() {
            self.token.learn(data, words);
        }
        Ok(())
    }

    /// Whether the server reported an error in the stream.
    pub fn reported_an_error(&self) -> bool {
        self.failed
    }

    /// What was said until now, complete or not.
    pub fn so_far(self) -> Said {
        self.said
    }

    /// Forgets what the last chunk looked like.
    #[cfg(fuzzing)]
    pub fn forget(&mut self) {
        self.token = TokenLine::default();
    }

    /// What was said, once the body has ended.
    pub fn finish(self) -> Result<Said, Failure> {
        if self.complete {
            return Ok(self.said);
        }
        let message = if self.any {
            "the stream ended without a finish reason or [DONE]"
        } else {
            "the stream ended without an answer"
        };
        Err(Failure::new(FailureKind::Truncated, message))
    }
}

/// An answer in one piece.
pub(in crate::workflow) struct Whole;

impl Whole {
    /// What a complete answer says.
    pub fn parse(body: &[u8]) -> Result<Said, Failure> {
        let chunk: Chunk<'_> = serde_json::from_slice(body).map_err(|error| {
            if error.is_eof() {
                Failure::new(FailureKind::Truncated, "the body ended in the middle of the answer")
            } else {
                malformed("the answer is not valid JSON", body)
            }
        })?;
        if let Some(error) = chunk.error {
            return Err(server_error(error));
        }
        let answered = chunk
            .choices
            .iter()
            .flatten()
            .find(|choice| choice.message.is_some() || choice.text.is_some());
        let Some(choice) = answered else {
            return Err(malformed("the answer has no choice with a message", body));
        };
        Ok(Said {
            arrivals: Vec::new(),
            usage: chunk.usage.unwrap_or_default(),
            finish_reason: choice.finish_reason.as_ref().map(|reason| short(&reason.0)),
            text: match (&choice.message, &choice.text) {
                (Some(Message { content: Some(Content::Text(words)) }), _)
                | (None, Some(Text(words))) => Some(words.clone().into_owned()),
                _ => None,
            },
        })
    }
}

/// A word of the server's, which is yet to be cleared of secrets and shortened.
fn short(text: &str) -> String {
    const LONGEST: usize = 4 << 10;
    text.get(..text.floor_char_boundary(LONGEST)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(lines: &[&str]) -> Result<Said, Failure> {
        let mut stream = Stream::default();
        for (index, line) in lines.iter().enumerate() {
            stream.line(line.as_bytes(), index as f64)?;
        }
        stream.finish()
    }

    #[test]
    fn the_first_token_is_the_first_that_says_something() {
        let said = stream(&[
            r#"data: {"choices":[{"delta":{"role":"assistant","content":null},"finish_reason":null}]}"#,
            r#"data: {"choices":[{"delta":{"content":""}}]}"#,
            r#"data: {"choices":[{"delta":{"content":"h\u00e9"}}]}"#,
            "",
            ": keep-alive",
            r#"data:{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
            r#"data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}"#,
            "data: [DONE]",
        ])
        .unwrap();
        assert_eq!(said.arrivals, [2.0]);
        assert_eq!(said.finish_reason.as_deref(), Some("stop"));
        assert_eq!(said.usage, Usage { prompt_tokens: Some(3), completion_tokens: Some(2) });
    }

    #[test]
    fn lines_that_look_like_the_last_are_told_from_it() {
        let token = |words: &str| {
            format!(
                r#"data: {{"choices":[{{"delta":{{"content":"{words}"}},"finish_reason":null}}]}}"#
            )
        };
        let (plain, quoted) = (token("a"), token(r#"","finish":""#));
        let (escaped, empty) = (token(r"\n"), token(""));
        let ended = r#"data: {"choices":[{"delta":{"content":"z"},"finish_reason":"stop"}]}"#;
        let twice = token(r#"x"}},{"delta":{"content":"y"#);
        let usage =
            r#"data: {"choices":[{"delta":{"content":"u"}}],"usage":{"completion_tokens":9}}"#;
        let mut once = Stream::default();
        once.line(plain.as_bytes(), 0.0).unwrap();
        assert!(
            once.token
                .words(token("other words").as_bytes().strip_prefix(b"data: ").unwrap())
                .is_some()
        );
        let said =
            stream(&[&plain, &plain, &empty, &escaped, &quoted, &twice, usage, usage, ended]);
        let said = said.unwrap();
        assert_eq!(said.arrivals, [0.0, 1.0, 3.0, 5.0, 5.0, 6.0, 7.0, 8.0]);
        assert_eq!(said.usage.completion_tokens, Some(9));
        for broken in [r"\", "\u{1}", r#"" "#] {
            let failed = stream(&[&plain, &token(broken)]).unwrap_err();
            assert_eq!(failed.kind, FailureKind::Malformed, "{broken}");
        }
        let mut cut = Stream::default();
        cut.line(plain.as_bytes(), 0.0).unwrap();
        let not_utf8 = [&plain.as_bytes()[..40], b"\xff", &plain.as_bytes()[40..]].concat();
        assert_eq!(cut.line(&not_utf8, 1.0).unwrap_err().kind, FailureKind::Malformed);
    }

    #[test]
    fn what_goes_wrong_has_its_kind() {
        let kind = |lines: &[&str]| stream(lines).unwrap_err().kind;
        assert_eq!(kind(&[]), FailureKind::Truncated);
        assert_eq!(
            kind(&[r#"data: {"choices":[{"delta":{"content":"x"}}]}"#]),
            FailureKind::Truncated
        );
        assert_eq!(kind(&["data: {\"choices\":["]), FailureKind::Malformed);
        assert_eq!(kind(&["<html>"]), FailureKind::Malformed);
        assert_eq!(kind(&[r#"data: {"error":{"message":"boom"}}"#]), FailureKind::WorkflowError);
        let whole = |body: &str| Whole::parse(body.as_bytes()).map(|_| ()).unwrap_err().kind;
        assert_eq!(whole(r#"{"choices":[{"mess"#), FailureKind::Truncated);
        assert_eq!(whole(r#"{"choices":[]}"#), FailureKind::Malformed);
        assert_eq!(whole(r#"{"error":"busy"}"#), FailureKind::WorkflowError);
    }
}
