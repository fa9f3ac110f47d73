//! Token counts.

use crate::workflow::loose::Number;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Token counts reported by the server. A count that makes no sense is dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "as the protocol calls them")]
pub(in crate::workflow) struct Usage {
    pub prompt_tokens: Option<u64>,
    pub completion_tokens: Option<u64>,
    /// Tokens of the prompt that were in a cache.
    pub cached_tokens: Option<u64>,
    /// Tokens of the completion that are thoughts.
    pub reasoning_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct RawUsage<'a> {
    #[serde(default)]
    prompt_tokens: Number,
    #[serde(default)]
    input_tokens: Number,
    #[serde(default)]
    completion_tokens: Number,
    #[serde(default)]
    output_tokens: Number,
    #[serde(default, borrow)]
    completion_tokens_details: Option<&'a RawValue>,
    #[serde(default, borrow, alias = "input_tokens_details")]
    prompt_tokens_details: Option<&'a RawValue>,
    /// As the reference's toolkit has it.
    #[serde(default)]
    cached_tokens: Number,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    reasoning_tokens: Number,
    #[serde(default)]
    cached_tokens: Number,
}

impl Usage {
    /// Reads counts in any of the forms that servers use.
    pub fn read(json: &RawValue) -> Self {
        let Ok(raw) = serde_json::from_str::<RawUsage<'_>>(json.get()) else {
            return Self::default();
        };
        let details = |json: Option<&RawValue>| {
            json.and_then(|json| serde_json::from_str::<Details>(json.get()).ok())
        };
        let thoughts = details(raw.completion_tokens_details).and_then(|it| it.reasoning_tokens.0);
        let cached = details(raw.prompt_tokens_details).and_then(|it| it.cached_tokens.0);
        let prompt_tokens = count(&raw.prompt_tokens).or_else(|| count(&raw.input_tokens));
        let in_the_prompt = |cached: &u64| prompt_tokens.is_some_and(|prompt| *cached <= prompt);
        Self {
            prompt_tokens,
            cached_tokens: cached.or(raw.cached_tokens.0).and_then(whole).filter(in_the_prompt),
            completion_tokens: count(&raw.completion_tokens).or_else(|| count(&raw.output_tokens)),
            reasoning_tokens: thoughts.and_then(whole),
        }
    }

    /// Overwrites counts with the later ones that are present.
    pub fn update(&mut self, later: Self) {
        self.prompt_tokens = later.prompt_tokens.or(self.prompt_tokens);
        self.completion_tokens = later.completion_tokens.or(self.completion_tokens);
        self.cached_tokens = later.cached_tokens.or(self.cached_tokens);
        self.reasoning_tokens = later.reasoning_tokens.or(self.reasoning_tokens);
    }
}

fn count(value: &Number) -> Option<u64> {
    whole(value.0?).filter(|count| *count > 0)
}

/// Returns the number if it is a plausible token count.
fn whole(number: f64) -> Option<u64> {
    const MOST: f64 = 1e8;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
    ((0.0..=MOST).contains(&number) && number.fract() == 0.0).then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_make_no_sense_are_none() {
        let read = |json: &str| {
            let usage = Usage::read(serde_json::from_str(json).unwrap());
            (usage.prompt_tokens, usage.completion_tokens)
        };
        assert_eq!(read(r#"{"prompt_tokens":7.0,"completion_tokens":10.0}"#), (Some(7), Some(10)));
        assert_eq!(read(r#"{"input_tokens":7,"output_tokens":3}"#), (Some(7), Some(3)));
        for odd in [
            "{}",
            "[]",
            "\"many\"",
            "false",
            r#"{"prompt_tokens":-1,"completion_tokens":-35}"#,
            r#"{"prompt_tokens":null,"completion_tokens":"ten"}"#,
            r#"{"prompt_tokens":0,"completion_tokens":0}"#,
            r#"{"prompt_tokens":1e30,"completion_tokens":2.5}"#,
            r#"{"prompt_tokens":1e9,"completion_tokens":1e12}"#,
            r#"{"prompt_tokens":[1],"completion_tokens":{"a":1}}"#,
        ] {
            assert_eq!(read(odd), (None, None), "{odd}");
        }
        let cached = |json: &str| Usage::read(serde_json::from_str(json).unwrap()).cached_tokens;
        for (json, expected) in [
            (r#"{"prompt_tokens":70,"prompt_tokens_details":{"cached_tokens":64}}"#, Some(64)),
            (r#"{"input_tokens":70,"input_tokens_details":{"cached_tokens":0}}"#, Some(0)),
            (r#"{"prompt_tokens":70,"completion_tokens":8,"cached_tokens":32}"#, Some(32)),
            (r#"{"prompt_tokens":70,"prompt_tokens_details":null}"#, None),
            (r#"{"prompt_tokens":70,"prompt_tokens_details":[]}"#, None),
            (r#"{"prompt_tokens":70,"cached_tokens":71}"#, None),
            (r#"{"cached_tokens":71}"#, None),
        ] {
            assert_eq!(cached(json), expected, "{json}");
        }
        let mut usage = Usage { completion_tokens: Some(9), ..Usage::default() };
        usage.update(Usage { prompt_tokens: Some(1), ..Usage::default() });
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (Some(1), Some(9)));
    }
}
