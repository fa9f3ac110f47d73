//! The JSON of answers, read for what is measured alone: whatever form a server gives to the rest, it
//! spoils nothing.

use crate::workflow::loose::{Amount, Loose, is_something};
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A piece of a streamed answer, or all of one that came whole.
#[derive(Deserialize)]
pub(super) struct Chunk<'a> {
    #[serde(default, borrow, deserialize_with = "few")]
    pub choices: Option<Vec<Choice<'a>>>,
    #[serde(default, borrow)]
    pub usage: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub error: Option<&'a RawValue>,
    /// `error` where all of the object is one.
    #[serde(default, borrow)]
    object: Loose<'a>,
    #[serde(default, borrow, rename = "type")]
    kind: Loose<'a>,
    // Errors under other names.
    #[serde(default, borrow)]
    error_code: Loose<'a>,
    #[serde(default, borrow)]
    error_message: Loose<'a>,
    #[serde(default, borrow)]
    code: Loose<'a>,
    #[serde(default, borrow)]
    status: Loose<'a>,
    #[serde(default, borrow)]
    status_code: Loose<'a>,
    #[serde(default, borrow)]
    message: Loose<'a>,
    #[serde(default, borrow)]
    msg: Loose<'a>,
    #[serde(default, borrow)]
    detail: Loose<'a>,
}

/// Answers to one prompt. An empty one takes two bytes, and five hundred times that once it is read.
const MOST_CHOICES: usize = 4_096;

fn few<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<Choice<'a>>>, D::Error> {
    struct Few;
    impl<'de> Visitor<'de> for Few {
        type Value = Vec<Choice<'de>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of choices")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut choices = Vec::new();
            while let Some(choice) = list.next_element()? {
                if choices.len() == MOST_CHOICES {
                    return Err(A::Error::custom("too many choices"));
                }
                choices.push(choice);
            }
            Ok(choices)
        }
    }
    struct Maybe;
    impl<'de> Visitor<'de> for Maybe {
        type Value = Option<Vec<Choice<'de>>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of choices, or null")
        }

        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Self::Value, D::Error> {
            inner.deserialize_seq(Few).map(Some)
        }
    }
    deserializer.deserialize_option(Maybe)
}

/// One of the answers to a prompt.
#[derive(Deserialize)]
pub(super) struct Choice<'a> {
    #[serde(default, borrow)]
    pub index: Loose<'a>,
    #[serde(default, borrow)]
    pub delta: Option<Words<'a>>,
    #[serde(default, borrow)]
    pub message: Option<Words<'a>>,
    /// What a completion of a plain prompt says, streamed or whole.
    #[serde(default, borrow)]
    pub text: Loose<'a>,
    #[serde(default, borrow)]
    pub finish_reason: Loose<'a>,
    #[serde(default, borrow)]
    pub error: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub usage: Option<&'a RawValue>,
}

/// What a model says, in one of the many forms that servers give it.
#[derive(Deserialize)]
pub(super) struct Words<'a> {
    #[serde(default, borrow)]
    pub content: Loose<'a>,
    #[serde(default, borrow)]
    pub refusal: Loose<'a>,
    #[serde(default, borrow)]
    pub tool_calls: Loose<'a>,
    #[serde(default, borrow)]
    pub function_call: Loose<'a>,
    #[serde(default, borrow)]
    pub audio: Loose<'a>,
    #[serde(default, borrow)]
    pub reasoning: Loose<'a>,
    #[serde(default, borrow)]
    pub reasoning_content: Loose<'a>,
    #[serde(default, borrow)]
    pub reasoning_details: Loose<'a>,
    #[serde(default, borrow)]
    pub thinking: Loose<'a>,
}

impl Words<'_> {
    /// How much this says.
    pub fn amount(&self) -> Amount {
        let mut amount = Amount::default();
        let Self { content, refusal, tool_calls, function_call, audio, .. } = self;
        for part in [content, refusal, tool_calls, function_call, audio] {
            amount.add(part.amount);
        }
        // The same words can stand under more than one of these names.
        let thoughts =
            [&self.reasoning, &self.reasoning_content, &self.reasoning_details, &self.thinking];
        let longest = thoughts.iter().map(|part| part.amount.all()).max().unwrap_or_default();
        amount.thought = amount.thought.saturating_add(longest);
        amount
    }
}

impl<'a> Choice<'a> {
    /// What the choice says here, whatever it calls it.
    pub fn amount(&self) -> Amount {
        let mut amount = self.text.amount;
        for words in [&self.delta, &self.message].into_iter().flatten() {
            amount.add(words.amount());
        }
        amount
    }

    /// Why it ended, where it did. Some servers write that it did not as a text.
    pub fn reason(&self) -> Option<&str> {
        const NONE: [&str; 3] = ["", "null", "none"];
        let reason = self.finish_reason.text.as_deref()?;
        (!NONE.iter().any(|none| reason.eq_ignore_ascii_case(none))).then_some(reason)
    }

    /// The plain text of it.
    pub fn plain(&self) -> Option<&Cow<'a, str>> {
        let delta = self.delta.as_ref().and_then(|words| words.content.text.as_ref());
        let message = self.message.as_ref().and_then(|words| words.content.text.as_ref());
        delta.or(message).or(self.text.text.as_ref())
    }
}

impl Chunk<'_> {
    /// The error that this is or holds, as it should be quoted.
    pub fn reported<'d>(&'d self, whole: &'d [u8]) -> Option<Cow<'d, str>> {
        let choices = self.choices.iter().flatten().filter_map(|choice| choice.error);
        let named = self.error.into_iter().chain(choices).find(|error| is_something(error));
        if let Some(error) = named {
            return Some(error.get().into());
        }
        let says_error = |loose: &Loose<'_>| loose.text.as_deref() == Some("error");
        let says = |loose: &Loose<'_>| loose.is_something;
        let holds_nothing = self.choices.is_none() && self.usage.is_none();
        let text = [&self.message, &self.msg, &self.detail];
        let numbered = [&self.code, &self.status, &self.status_code];
        let is_error = says_error(&self.object)
            || says_error(&self.kind)
            || says(&self.error_code)
            || says(&self.error_message)
            || holds_nothing
                && (text.iter().any(|it| it.text.is_some() && says(it))
                    || numbered.iter().any(|it| it.number.is_some_and(|code| code >= 400.0)));
        is_error.then(|| String::from_utf8_lossy(whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_in_any_form() {
        let amount = |json: &str| {
            let words: Words<'_> = serde_json::from_str(json).unwrap();
            let Amount { answer, thought } = words.amount();
            (answer, thought)
        };
        for nothing in [
            r#"{"role":"assistant","content":null}"#,
            r#"{"content":"","tool_calls":[],"refusal":null,"reasoning":""}"#,
            r#"{"content":[],"function_call":null,"audio":{}}"#,
            r#"{"content":[{"type":"text","text":""}]}"#,
            r#"{"tool_calls":[{"index":0,"id":"t","type":"function","function":{"arguments":""}}]}"#,
            r#"{"provider_specific_fields":{"x":"y"},"content":7,"thinking":false}"#,
        ] {
            assert_eq!(amount(nothing), (0, 0), "{nothing}");
        }
        for (json, expected) in [
            (r#"{"content":"abc"}"#, (3, 0)),
            (r#"{"content":[{"type":"text","text":"ab"}]}"#, (2, 0)),
            (
                r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"ab"}]}]}"#,
                (0, 2),
            ),
            (r#"{"refusal":"no"}"#, (2, 0)),
            (r#"{"function_call":{"arguments":"{"}}"#, (1, 0)),
            (r#"{"tool_calls":[{"index":0,"id":"t","function":{"name":"f"}}]}"#, (1, 0)),
            (r#"{"reasoning":"hm"}"#, (0, 2)),
            (r#"{"reasoning_content":"hm","reasoning":"hm","thinking":"h"}"#, (0, 2)),
            (
                r#"{"reasoning_details":[{"type":"reasoning.text","text":"hm","format":"x"}]}"#,
                (0, 2),
            ),
            (r#"{"audio":{"data":"AAAA","expires_at":1}}"#, (4, 0)),
        ] {
            assert_eq!(amount(json), expected, "{json}");
        }
    }

    #[test]
    fn errors_under_any_name() {
        let reported = |json: &str| {
            let chunk: Chunk<'_> = serde_json::from_str(json).unwrap();
            chunk.reported(json.as_bytes()).map(Cow::into_owned)
        };
        for error in [
            r#"{"object":"error","message":"engine died","code":500}"#,
            r#"{"text":"out of memory","error_code":50002}"#,
            r#"{"type":"error","error":null}"#,
            r#"{"detail":"Not Found"}"#,
            r#"{"message":"overloaded","status":503}"#,
            r#"{"code":502}"#,
        ] {
            assert_eq!(reported(error).as_deref(), Some(error), "{error}");
        }
        let nested = r#"{"choices":[{"error":{"code":502}}]}"#;
        assert_eq!(reported(nested).as_deref(), Some(r#"{"code":502}"#));
        for good in [
            r#"{"choices":[],"error":null}"#,
            r#"{"choices":[],"error":"","error_code":0}"#,
            r#"{"choices":[{"error":{}}],"code":200,"message":"ok"}"#,
            r#"{"type":"ping"}"#,
            r#"{"usage":{},"status":"completed"}"#,
            r#"{"choices":[],"error":{"code":null,"message":""}}"#,
            "{}",
        ] {
            assert_eq!(reported(good), None, "{good}");
        }
    }
}
