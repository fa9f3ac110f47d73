//! JSON of answers. Only what is measured is read; an unexpected form of anything else must not break an
//! answer.

use super::error_fields::{ErrorFields, is_error_word};
use crate::workflow::loose::{Amount, LooseValue, is_something};
use crate::workflow::mended::mended;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Chunk of a streamed answer, or all of one that arrived whole. Parsed once per token, so rare fields take
/// up no space here.
#[derive(Default)]
pub(super) struct Chunk<'a> {
    pub choices: Option<Vec<Choice<'a>>>,
    pub usage: Option<&'a RawValue>,
    pub error: Option<&'a RawValue>,
    /// True if another of its keys calls it an error.
    is_named_error: bool,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum ChunkKey {
    Choices,
    Usage,
    Error,
    Object,
    Type,
    ErrorCode,
    ErrorMessage,
    #[serde(other)]
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Chunk<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Chunks;
        impl<'de> Visitor<'de> for Chunks {
            type Value = Chunk<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                of_nothing(list)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut chunk = Chunk::default();
                while let Some(key) = map.next_key()? {
                    match key {
                        ChunkKey::Choices => chunk.choices = map.next_value::<Choices<'_>>()?.0,
                        ChunkKey::Usage => chunk.usage = map.next_value()?,
                        ChunkKey::Error => chunk.error = map.next_value()?,
                        ChunkKey::Object | ChunkKey::Type => {
                            chunk.is_named_error |= is_error_word(&map.next_value()?);
                        }
                        ChunkKey::ErrorCode | ChunkKey::ErrorMessage => {
                            chunk.is_named_error |=
                                map.next_value::<LooseValue<'_>>()?.is_something;
                        }
                        ChunkKey::Other => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(chunk)
            }
        }
        deserializer.deserialize_struct("Chunk", &[], Chunks)
    }
}

/// Some servers write an empty object as an empty list.
fn of_nothing<'de, T: Default, A: SeqAccess<'de>>(mut list: A) -> Result<T, A::Error> {
    match list.next_element::<IgnoredAny>()? {
        None => Ok(T::default()),
        Some(_) => Err(A::Error::custom("a list where an object belongs")),
    }
}

struct Choices<'a>(Option<Vec<Choice<'a>>>);

impl<'de: 'a, 'a> Deserialize<'de> for Choices<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        few(deserializer).map(Self)
    }
}

/// Maximum number of choices per prompt. An empty one takes two bytes, and five hundred times that once
/// parsed.
const MOST_CHOICES: usize = 4_096;

fn few<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<Choice<'a>>>, D::Error> {
    struct ChoicesVisitor;
    impl<'de> Visitor<'de> for ChoicesVisitor {
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
    struct OptionalChoicesVisitor;
    impl<'de> Visitor<'de> for OptionalChoicesVisitor {
        type Value = Option<Vec<Choice<'de>>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of choices, or null")
        }

        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Self::Value, D::Error> {
            inner.deserialize_seq(ChoicesVisitor).map(Some)
        }
    }
    deserializer.deserialize_option(OptionalChoicesVisitor)
}

/// One of the choices for a prompt.
#[derive(Deserialize)]
pub(super) struct Choice<'a> {
    #[serde(default, borrow)]
    pub index: LooseValue<'a>,
    #[serde(default, borrow)]
    pub delta: Option<ModelText<'a>>,
    #[serde(default, borrow)]
    pub message: Option<ModelText<'a>>,
    /// Text of a completion of a plain prompt, streamed or whole.
    #[serde(default, borrow)]
    pub text: LooseValue<'a>,
    #[serde(default, borrow)]
    pub finish_reason: LooseValue<'a>,
    #[serde(default, borrow)]
    pub error: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub usage: Option<&'a RawValue>,
}

/// Text of a model, in any of the forms that servers use.
#[derive(Default)]
pub(super) struct ModelText<'a> {
    /// Plain text of the answer.
    pub content: Option<Cow<'a, str>>,
    /// Amount of text.
    pub amount: Amount,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum ModelTextKey {
    Content,
    #[serde(alias = "tool_calls", alias = "function_call", alias = "audio")]
    Refusal,
    #[serde(alias = "reasoning_content", alias = "reasoning_details", alias = "thinking")]
    Reasoning,
    #[serde(other)]
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for ModelText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ModelTextVisitor;
        impl<'de> Visitor<'de> for ModelTextVisitor {
            type Value = ModelText<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                of_nothing(list)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut words = ModelText::default();
                let mut longest_thought = 0;
                while let Some(key) = map.next_key()? {
                    match key {
                        ModelTextKey::Content => {
                            let content: LooseValue<'_> = map.next_value()?;
                            words.amount.add(content.amount);
                            words.content = content.text;
                        }
                        ModelTextKey::Refusal => {
                            words.amount.add(map.next_value::<LooseValue<'_>>()?.amount);
                        }
                        // The same text may appear under more than one of these names.
                        ModelTextKey::Reasoning => {
                            let thought = map.next_value::<LooseValue<'_>>()?.amount.all();
                            longest_thought = thought.max(longest_thought);
                        }
                        ModelTextKey::Other => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                words.amount.add(Amount { answer: 0, thought: longest_thought });
                Ok(words)
            }
        }
        deserializer.deserialize_struct("ModelText", &[], ModelTextVisitor)
    }
}

impl<'a> Choice<'a> {
    /// Amount of text in the choice, whatever the key.
    pub fn amount(&self) -> Amount {
        let mut amount = self.text.amount;
        for words in [&self.delta, &self.message].into_iter().flatten() {
            amount.add(words.amount);
        }
        amount
    }

    /// Returns the finish reason, if there is one. Some servers write a missing one as text.
    pub fn reason(&self) -> Option<&str> {
        const NONE: [&str; 3] = ["", "null", "none"];
        let reason = self.finish_reason.text.as_deref()?;
        (!NONE.iter().any(|none| reason.eq_ignore_ascii_case(none))).then_some(reason)
    }

    /// Plain text of the choice.
    pub fn plain(&self) -> Option<&Cow<'a, str>> {
        let delta = self.delta.as_ref().and_then(|words| words.content.as_ref());
        let message = self.message.as_ref().and_then(|words| words.content.as_ref());
        delta.or(message).or(self.text.text.as_ref())
    }
}

/// Returns true if an object that is not an answer describes an error, or has an error code.
fn tells_of_an_error(object: &[u8]) -> bool {
    let Some(fields) = ErrorFields::read(object) else { return false };
    let texts = [&fields.message, &fields.msg, &fields.detail];
    fields.has_number_of_an_error() || texts.iter().any(|it| it.text.is_some() && it.is_something)
}

impl Chunk<'_> {
    /// Returns the error that this chunk is or holds, as it should be quoted.
    pub fn reported<'d>(&'d self, whole: &'d [u8]) -> Option<Cow<'d, str>> {
        let choices = self.choices.iter().flatten().filter_map(|choice| choice.error);
        let named = self.error.into_iter().chain(choices).find(|error| is_something(error));
        if let Some(error) = named {
            return Some(error.get().into());
        }
        let holds_nothing = self.choices.is_none() && self.usage.is_none();
        let is_error = self.is_named_error
            || holds_nothing
                && (tells_of_an_error(whole)
                    || mended(whole).is_some_and(|whole| tells_of_an_error(whole.as_bytes())));
        is_error.then(|| String::from_utf8_lossy(whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_in_any_form() {
        let amount = |json: &str| {
            let words: ModelText<'_> = serde_json::from_str(json).unwrap();
            let Amount { answer, thought } = words.amount;
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
