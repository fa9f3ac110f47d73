//! Forms in which a secret can come back, besides those that unescaping undoes.

use super::condensed_text::{CondensedText, SHORTEST};
use super::view::View;
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use std::fmt::Write;
use std::ops::Range;

/// Shortest secret, in bytes, that is masked within words; a shorter one is masked only where it
/// stands alone, as every third word has an `x`.
const SHORTEST_WITHIN: usize = 4;
/// Shortest stretch of base64, in characters, that identifies a secret.
const SHORTEST_BASE64: usize = 6;
/// Shortest secret of letters alone that is masked in any case; a shorter one may be a word
/// (`EMPTY` is a common one) and is masked only as it is written.
const SHORTEST_IN_ANY_CASE: usize = 8;
/// Shortest line, in bytes, of a multi-line secret (a private key) that is masked on its own.
const SHORTEST_LINE: usize = 8;

/// Byte sequence to search for.
pub(super) struct Form {
    pub bytes: Vec<u8>,
    pub rule: MatchRule,
}

impl Form {
    /// Returns the form without separators; `None` if it is too short to be searched for that way.
    pub fn condensed(&self) -> Option<Self> {
        let bytes = CondensedText::of(&self.bytes).bytes;
        (self.rule != MatchRule::Alone && bytes.len() >= SHORTEST)
            .then_some(Self { bytes, rule: self.rule })
    }

    /// Returns true if `seen`, found in whatever case, matches `part`, which is the form or a part
    /// of it.
    pub fn is_same(&self, part: &[u8], seen: &[u8]) -> bool {
        let is_word = self.bytes.len() < SHORTEST_IN_ANY_CASE
            && self.bytes.iter().all(u8::is_ascii_alphabetic);
        if is_word { part == seen } else { part.eq_ignore_ascii_case(seen) }
    }

    /// Returns the longest part of the form that a cut left at the beginning of some bytes, and at
    /// their end.
    pub fn parts(&self, bytes: &[u8], shortest: usize) -> [Option<Range<usize>>; 2] {
        let (whole, all) = (self.bytes.len(), bytes.len());
        let lengths = || (shortest..whole.min(all + 1)).rev();
        let same = |part: Option<&[u8]>, seen: Option<&[u8]>| {
            part.zip(seen).is_some_and(|(part, seen)| self.is_same(part, seen))
        };
        let end = lengths().find(|it| same(self.bytes.get(..*it), bytes.get(all - it..)));
        let start = lengths().find(|it| same(self.bytes.get(whole - it..), bytes.get(..*it)));
        [start.map(|length| 0..length), end.map(|length| all - length..all)]
    }
}

/// Match rule of a form: the context in which it counts, and the extent that is masked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MatchRule {
    Anywhere,
    /// Only between characters that belong to no word.
    Alone,
    /// Within base64, all of which is masked: the first and last character hold bits of the
    /// neighbours.
    Base64,
}

impl MatchRule {
    /// Returns the range to mask around a match; `None` if the match does not count.
    pub fn extent(self, bytes: &[u8], found: Range<usize>) -> Option<Range<usize>> {
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
        let (before, after) = (bytes.get(..found.start)?, bytes.get(found.end..)?);
        match self {
            Self::Anywhere => Some(found),
            Self::Alone => {
                let alone = !before.last().is_some_and(word) && !after.first().is_some_and(word);
                alone.then_some(found)
            }
            Self::Base64 => {
                let letter = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/_-".contains(byte);
                let start = found.start - before.iter().rev().take_while(letter).count();
                let more = after.iter().take_while(|byte| letter(byte) || **byte == b'=').count();
                Some(start..found.end + more)
            }
        }
    }
}

/// Returns all forms of a secret.
pub(super) fn forms(secret: &str) -> Vec<Form> {
    let mut plain: Vec<Vec<u8>> = vec![secret.as_bytes().to_vec()];
    // A secret that looks escaped itself loses that where a text is unescaped.
    let mut view = View::plain(secret.as_bytes()).unescaped();
    while let Some(unescaped) = view {
        plain.push(unescaped.bytes().to_vec());
        view = unescaped.unescaped();
    }
    if secret.contains('\n') {
        let lines = secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_LINE);
        plain.extend(lines.map(|line| line.as_bytes().to_vec()));
    }
    if !secret.is_ascii() {
        plain.extend(misread(secret));
        // Of ASCII the finder knows both cases itself.
        plain.extend([secret.to_lowercase(), secret.to_uppercase()].map(String::into_bytes));
    }
    plain.extend(latin1(secret));
    let encoded: Vec<Vec<u8>> = std::iter::once(secret.as_bytes().to_vec())
        .chain(latin1(secret).filter(|_| !secret.is_ascii()))
        .collect();
    let mut forms = Vec::new();
    for bytes in &encoded {
        forms.extend(base64(bytes).map(|bytes| Form { bytes, rule: MatchRule::Base64 }));
        if bytes.len() >= SHORTEST_WITHIN {
            plain.extend([hex(bytes, false), hex(bytes, true)]);
            // Lists of bytes, whatever separates them.
            let listed = |shown: &dyn Fn(&u8) -> String| -> Vec<u8> {
                bytes.iter().map(shown).collect::<String>().into_bytes()
            };
            plain.push(listed(&|byte| byte.to_string()));
            plain.push(listed(&|byte| format!("{byte:#04x}")));
        }
    }
    plain.sort_unstable();
    plain.dedup();
    plain.retain(|bytes| !bytes.is_empty());
    forms.extend(plain.into_iter().map(|bytes| {
        let rule =
            if bytes.len() < SHORTEST_WITHIN { MatchRule::Alone } else { MatchRule::Anywhere };
        Form { bytes, rule }
    }));
    forms
}

/// Encodes `user:password` as basic authentication sends it.
pub(super) fn pair(user: &str, password: &str) -> String {
    BASE64_STANDARD.encode(format!("{user}:{password}"))
}

/// Decodes a basic authentication value into user and password; `None` if it is not one.
pub(super) fn decoded_pair(value: &str) -> Option<(String, String)> {
    let encoded = value.rsplit(' ').next()?.trim_end_matches('=');
    let decoded = BASE64_STANDARD_NO_PAD.decode(encoded).ok()?;
    let decoded = String::from_utf8(decoded).ok().filter(|it| !it.chars().any(char::is_control))?;
    let (user, password) = decoded.split_once(':')?;
    (!password.is_empty()).then(|| (user.to_owned(), password.to_owned()))
}

/// Returns the characters that are certain to occur in the base64 of any text that holds the bytes:
/// depending on how many bytes stand before them, the first and last characters share bits with
/// others.
fn base64(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let mut certain = Vec::new();
    for before in 0..3 {
        let padded = [&[0].repeat(before), bytes].concat();
        for encoded in
            [BASE64_STANDARD_NO_PAD.encode(&padded), BASE64_URL_SAFE_NO_PAD.encode(&padded)]
        {
            let start = (before * 8).div_ceil(6);
            let end = padded.len() * 8 / 6;
            if let Some(part) = encoded.get(start..end).filter(|it| it.len() >= SHORTEST_BASE64) {
                certain.push(part.as_bytes().to_vec());
            }
        }
    }
    certain.sort_unstable();
    certain.dedup();
    certain.into_iter()
}

fn hex(bytes: &[u8], upper: bool) -> Vec<u8> {
    let mut text = String::new();
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = if upper { write!(text, "{byte:02X}") } else { write!(text, "{byte:02x}") };
    }
    text.into_bytes()
}

/// Encodes one byte per character, as headers once were; `None` if a character has no such byte.
fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}

/// Returns the forms that software makes of characters it does not expect.
fn misread(text: &str) -> Vec<Vec<u8>> {
    let bytes = text.as_bytes();
    let per_byte = |put: &str| -> Vec<u8> {
        let each = bytes.iter().map(|byte| {
            if byte.is_ascii() { char::from(*byte).to_string() } else { put.to_owned() }
        });
        each.collect::<String>().into_bytes()
    };
    let per_character = |put: char| -> Vec<u8> {
        let each = text.chars().map(|c| if c.is_ascii() { c } else { put });
        each.collect::<String>().into_bytes()
    };
    // UTF-8 that was read as Latin-1 and written as UTF-8 again.
    let twice: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    let replacement = char::REPLACEMENT_CHARACTER;
    vec![
        twice.into_bytes(),
        per_byte("?"),
        per_byte(&replacement.to_string()),
        per_character('?'),
        per_character(replacement),
    ]
}
