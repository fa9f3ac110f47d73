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
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    reasoning_tokens: Number,
}

impl Usage {
    /// Reads counts in any of the forms that servers use.
    pub fn read(json: &RawValue) -> Self {
        let Ok(raw) = serde_json::from_str::<RawUsage<'_>>(json.get()) else {
            return Self::default();
        };
        let details = raw
            .completion_tokens_details
            .and_then(|json| serde_json::from_str::<Details>(json.get()).ok()?.reasoning_tokens.0);
        Self {
            prompt_tokens: count(&raw.prompt_tokens).or_else(|| count(&raw.input_tokens)),
            completion_tokens: count(&raw.completion_tokens).or_else(|| count(&raw.output_tokens)),
            reasoning_tokens: details.and_then(whole),
        }
    }

    /// Overwrites counts with the later ones that are present.
    pub fn update(&mut self, later: Self) {
        self.prompt_tokens = later.prompt_tokens.or(self.prompt_tokens);
        self.completion_tokens = later.completion_tokens.or(self.completion_tokens);
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
        let mut usage = Usage { completion_tokens: Some(9), ..Usage::default() };
        usage.update(Usage { prompt_tokens: Some(1), ..Usage::default() });
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (Some(1), Some(9)));
    }
}
