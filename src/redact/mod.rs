//! Keeps secrets out of whatever is stored or shown, and outsiders' control characters off the
//! terminal.
//!
//! A [`Redactor`] knows every secret that was revealed, in all the forms in which it can come back
//! (`forms`), and finds them however a text is escaped (`view`). `names` tells which names secrets go
//! by, `literal` masks what was written into a spec, `printable` escapes what would paint the
//! terminal.

mod forms;
mod literal;
mod names;
mod printable;
mod view;

pub use literal::{redact, url_password};
pub use names::names_a_secret;
pub use printable::printable;

use aho_corasick::AhoCorasick;
use forms::{Form, How, forms};
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};
use view::View;

/// What stands for a secret.
const MASK: &str = "***";
/// A value that is perhaps no secret is masked from this length on: short words would garble
/// every message.
const SHORTEST_GUESS: usize = 7;
/// An inherited variable that goes by a secret's name is one from this length on: `AUTH=0` is not.
const SHORTEST_INHERITED: usize = 4;
/// Of a secret that a cut goes through, as many bytes give it away.
const SHORTEST_PART: usize = 4;
/// Secrets that are learnt on the way; who sends more of them sends no keys.
const MOST_LEARNT: usize = 1000;
/// How often a text can be escaped over.
const DEEPEST: usize = 3;

/// Everything secret that was revealed: what comes from outside passes through here before it is
/// stored, cut or shown. Clones know the same secrets.
#[derive(Clone, Default)]
pub struct Redactor(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    secrets: HashSet<String>,
    forms: Vec<Form>,
    /// Made of all forms when it is first needed after the last of them was added.
    finder: Option<AhoCorasick>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(***)")
    }
}

impl Redactor {
    /// Adds a secret, however short.
    pub fn add(&self, secret: &str) {
        self.insert(secret);
        // Perhaps it holds its scheme (`Bearer …`), and comes back without.
        let words = secret.split_whitespace().filter(|word| *word != secret);
        words.filter(|word| word.len() >= SHORTEST_GUESS).for_each(|word| self.insert(word));
        if let Some((user, password)) = forms::decoded_pair(secret) {
            self.add_pair(&user, &password);
        }
    }

    /// Adds a value that stands where secrets can stand, under a name that says nothing.
    pub fn add_guess(&self, value: &str) {
        if value.len() >= SHORTEST_GUESS {
            self.add(value);
        }
    }

    /// Adds the value of a variable that programs inherit, if by its name it is a secret.
    pub fn add_inherited(&self, name: &str, value: &str) {
        const NONE: [&str; 6] = ["true", "false", "none", "null", "auto", "basic"];
        let is_word = NONE.contains(&value.to_ascii_lowercase().as_str());
        if names_a_secret(name) && value.len() >= SHORTEST_INHERITED && !is_word {
            self.add(value);
        }
    }

    /// Adds a password with the name that it is sent with (`user:password` in base64).
    pub fn add_pair(&self, user: &str, password: &str) {
        self.insert(password);
        self.insert(&forms::pair(user, password));
    }

    /// Adds what opens a server, as somebody else's request has it in a header.
    pub fn learn(&self, value: &str) {
        let secret = value.split_once(' ').map_or(value, |(_, secret)| secret).trim();
        if secret.len() >= SHORTEST_INHERITED
            && self.read(|known| known.secrets.len()) < MOST_LEARNT
        {
            self.add(secret);
        }
    }

    fn insert(&self, secret: &str) {
        let secret = secret.trim();
        if secret.is_empty() || self.read(|known| known.secrets.contains(secret)) {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.secrets.insert(secret.to_owned());
        known.forms.extend(forms(secret));
        known.finder = None;
    }

    /// A text without them.
    pub fn text(&self, text: String) -> String {
        match self.masked(text.as_bytes()) {
            None => text,
            Some(masked) => String::from_utf8_lossy(&masked).into_owned(),
        }
    }

    /// The same of bytes, which are read as text.
    pub fn bytes(&self, bytes: &[u8]) -> String {
        let masked = self.masked(bytes);
        String::from_utf8_lossy(masked.as_deref().unwrap_or(bytes)).into_owned()
    }

    /// `None` where there is nothing to mask.
    fn masked(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        if bytes.is_empty() || self.read(|known| known.forms.is_empty()) {
            return None;
        }
        if self.read(|known| known.finder.is_none()) {
            self.0.write().unwrap_or_else(PoisonError::into_inner).build();
        }
        let ranges = self.read(|known| known.ranges(bytes));
        if ranges.is_empty() {
            return None;
        }
        let mut masked = Vec::with_capacity(bytes.len());
        let mut from = 0;
        for range in ranges {
            masked.extend_from_slice(bytes.get(from..range.start).unwrap_or_default());
            masked.extend_from_slice(MASK.as_bytes());
            from = range.end;
        }
        masked.extend_from_slice(bytes.get(from..).unwrap_or_default());
        Some(masked)
    }

    fn read<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Known {
    fn build(&mut self) {
        // It fails only where the forms are larger than 2 GiB together.
        self.finder = AhoCorasick::new(self.forms.iter().map(|form| &form.bytes)).ok();
    }

    /// Where the bytes hold a secret: ascending, and no two touch.
    fn ranges(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut view = Some(View::plain(bytes));
        for _ in 0..=DEEPEST {
            let Some(shown) = view else { break };
            self.look(&shown, &mut found);
            view = shown.unescaped();
        }
        found.sort_unstable_by_key(|range| (range.start, range.end));
        let mut merged: Vec<Range<usize>> = Vec::new();
        for range in found {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        merged
    }

    fn look(&self, view: &View<'_>, found: &mut Vec<Range<usize>>) {
        let bytes = view.bytes();
        let Some(finder) = &self.finder else { return };
        for hit in finder.find_overlapping_iter(bytes) {
            let Some(form) = self.forms.get(hit.pattern().as_usize()) else { continue };
            if let Some(range) = form.how.extent(bytes, hit.range()) {
                found.push(view.origin(range));
            }
        }
        // A cut can go through a secret at either end.
        for form in self.forms.iter().filter(|form| form.how == How::Anywhere) {
            if let Some(length) = longest_part(&form.bytes, |part| bytes.ends_with(part), true) {
                found.push(view.origin(bytes.len().saturating_sub(length)..bytes.len()));
            }
            if let Some(length) = longest_part(&form.bytes, |part| bytes.starts_with(part), false) {
                found.push(view.origin(0..length));
            }
        }
    }
}

/// The length of the longest part of a secret (its beginning, or its end) that a cut left.
fn longest_part(secret: &[u8], left: impl Fn(&[u8]) -> bool, beginning: bool) -> Option<usize> {
    let part = |length: usize| {
        let whole = secret.len();
        if beginning { secret.get(..length) } else { secret.get(whole.saturating_sub(length)..) }
    };
    let lengths = (SHORTEST_PART..secret.len()).rev();
    lengths.into_iter().find(|length| part(*length).is_some_and(&left))
}

#[cfg(test)]
mod tests;
