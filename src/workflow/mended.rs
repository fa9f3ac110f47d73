//! Repair of invalid JSON that servers send, so that a model's words cannot break an answer.

use std::borrow::Cow;

/// Replacement for half a character.
const REPLACED: &str = "\\ufffd";

/// Repairs JSON that failed to parse: replaces invalid UTF-8 and escapes of half a character, which come from
/// text cut within a character, and `NaN` and `Infinity`. Returns `None` if it contains none of these.
pub(super) fn mended(json: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(json);
    let mut out = String::new();
    let mut copied = 0;
    let mut within = false;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (length, instead) = piece(rest, &mut within);
        if let Some(instead) = instead {
            out.extend(text.get(copied..at));
            out.push_str(instead);
            copied = at + length;
        }
        at += length;
    }
    out.extend(text.get(copied..));
    (copied > 0 || matches!(text, Cow::Owned(_))).then_some(out)
}

/// Returns the length of the next piece of the text and its replacement, if any. `within` tracks whether the
/// position is inside a string.
fn piece(text: &str, within: &mut bool) -> (usize, Option<&'static str>) {
    if *within {
        return match text.as_bytes() {
            [b'"', ..] => {
                *within = false;
                (1, None)
            }
            [b'\\', b'u', ..] => match (escaped(text), text.get(6..).and_then(escaped)) {
                (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => (12, None),
                (Some(0xd800..0xe000), _) => (6, Some(REPLACED)),
                _ => (2, None),
            },
            [b'\\', next, ..] if next.is_ascii() => (2, None),
            _ => (text.find(['"', '\\']).unwrap_or(text.len()).max(1), None),
        };
    }
    for word in ["NaN", "Infinity", "-Infinity"] {
        if text.starts_with(word) {
            return (word.len(), Some("null"));
        }
    }
    *within = text.starts_with('"');
    (text.chars().next().map_or(1, char::len_utf8), None)
}

/// Code unit of the escape at the start of a text.
fn escaped(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then_some(())?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_json_is_replaced() {
        for (json, expected) in [
            (&br#"{"a":"\ud83d"}"#[..], r#"{"a":"\ufffd"}"#),
            (br#"{"a":"\ud83dx\ude00 \ud83d\ude00"}"#, r#"{"a":"\ufffdx\ufffd \ud83d\ude00"}"#),
            (br#"{"a":NaN,"b":[-Infinity,Infinity]}"#, r#"{"a":null,"b":[null,null]}"#),
            (b"{\"a\":\"\xf0\x9f\"}", "{\"a\":\"\u{fffd}\"}"),
        ] {
            assert_eq!(mended(json).as_deref(), Some(expected));
            assert!(serde_json::from_str::<serde_json::Value>(expected).is_ok());
        }
        for sound in [r#"{"a":"NaN \" NaN \\ud83d"}"#, "{\"a\": tru", "", "\"", "\"\\"] {
            assert_eq!(mended(sound.as_bytes()), None, "{sound}");
        }
    }
}
