//! Redaction of secrets in everything that is stored or shown, and escaping of control characters
//! from outside.
//!
//! # Concepts
//!
//! - A [`Redactor`] knows every secret revealed so far. Clones share their secrets;
//!   [`Redactor::of_process`] knows those of all other redactors too, for the log.
//! - A secret is searched for in all forms in which it can come back (`forms`: base64, hex,
//!   Latin-1, misread UTF-8), in either letter case, however often it was escaped (`view`) or
//!   broken up by separators and line ends (`condensed`). Parts left by a cut or an ellipsis count
//!   too.
//! - `names` tells from its name whether a key, header or variable holds a secret, `shape` from its
//!   form whether a value is one; `literal` masks secrets that were written into a spec, which `hidden` finds in each
//!   line; `printable` escapes control characters.
//!
//! # Flow
//!
//! A secret is added to the redactor when it is revealed; any text from outside passes through
//! [`Redactor::text`] or [`Redactor::bytes`] before it is stored, cut or shown, and each secret in
//! it becomes `***`. Text is redacted before it is shortened, since half a secret is harder to
//! find.
//!
//! [`crate::spec`] adds secrets as it reveals them, [`crate::workflow`] redacts what systems under
//! test answer, and [`crate::cli`] redacts the log and escapes what it prints. Nothing here touches
//! files, clock or network.

mod condensed_text;
mod forms;
mod hidden;
mod literal;
mod names;
mod plain_value;
mod printable;
mod shape;
mod user_info;
mod view;

pub use literal::{
    is_plain_secret, query_holds_a_secret, redact, redact_beside, secrets_among, with_hidden_value,
};
pub use names::{names_a_secret, names_a_secret_variable};
pub use printable::printable;
pub use shape::is_formed_as_a_secret;
pub use user_info::url_password;

use aho_corasick::AhoCorasick;
use condensed_text::CondensedText;
use forms::{Form, MatchRule, forms};
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use view::View;

/// Placeholder for a secret.
const MASK: &str = "***";
/// Shortest value, in bytes, that is masked although it may be no secret: shorter words would
/// garble every message.
const SHORTEST_GUESS: usize = 7;
/// Shortest value, in bytes, of an inherited variable with a secret's name that is masked: `AUTH=0`
/// is not one.
const SHORTEST_INHERITED: usize = 4;
/// Shortest part of a secret, in bytes, that is masked where a cut goes through it.
const SHORTEST_PART: usize = 4;
/// Most secrets that are learnt from requests; a client that sends more is not sending keys.
const MOST_LEARNT: usize = 1000;
/// Shortest part of a secret, in bytes, that is masked in a text that is broken up.
const SHORTEST_BROKEN_PART: usize = 6;
/// Most ellipses in a text around which parts of secrets are searched for.
const MOST_ELISIONS: usize = 64;
/// Most layers of escapes that are undone.
const DEEPEST: usize = 3;

/// The redactor of the whole process; it knows the secrets of all others, once it was first asked
/// for.
static OF_PROCESS: OnceLock<Redactor> = OnceLock::new();

/// All secrets revealed so far. Text from outside passes through it before it is stored, cut or
/// shown. Clones share their secrets.
#[derive(Clone, Default)]
pub struct Redactor(Arc<RwLock<KnownSecrets>>);

#[derive(Default)]
struct KnownSecrets {
    secrets: HashSet<String>,
    forms: Vec<Form>,
    /// Forms that are searched for in a text that is broken up, without the separators in them.
    condensed: Vec<Form>,
    /// Built from all forms on first use after the last one was added.
    finders: Option<Finders>,
    /// True if its secrets are placeholders, which no other redactor needs to know.
    is_apart: bool,
}

struct Finders {
    whole: AhoCorasick,
    condensed: AhoCorasick,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(***)")
    }
}

impl Redactor {
    /// Returns the redactor that learns every secret any other of this process is given from now
    /// on: for the log, whose lines come from all runs.
    pub fn of_process() -> Self {
        OF_PROCESS.get_or_init(Self::default).clone()
    }

    /// Creates a redactor for placeholder secrets, used to check whether a spec could run.
    pub fn apart() -> Self {
        let known = KnownSecrets { is_apart: true, ..KnownSecrets::default() };
        Self(Arc::new(RwLock::new(known)))
    }

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

    /// Adds a value from a place where secrets can stand, under a name that tells nothing.
    pub fn add_guess(&self, value: &str) {
        if value.len() >= SHORTEST_GUESS {
            self.add(value);
        }
    }

    /// Adds the secrets among the variables that programs inherit, since they may print any of them.
    pub fn add_environment(&self) {
        for (name, value) in std::env::vars_os() {
            if let Some(value) = value.to_str() {
                self.add_inherited(&name.to_string_lossy(), value);
            }
        }
    }

    /// Adds the value of a variable that programs inherit, if its name is a secret's.
    pub fn add_inherited(&self, name: &str, value: &str) {
        const NONE: [&str; 6] = ["true", "false", "none", "null", "auto", "basic"];
        let is_word = NONE.contains(&value.to_ascii_lowercase().as_str());
        if names_a_secret_variable(name) && value.len() >= SHORTEST_INHERITED && !is_word {
            self.add(value);
        }
    }

    /// Adds a password together with the user name it is sent with (`user:password` in base64).
    pub fn add_pair(&self, user: &str, password: &str) {
        self.insert(password);
        self.insert(&forms::pair(user, password));
    }

    /// Adds the credentials in a header of somebody else's request.
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
        let forms = forms(secret);
        known.condensed.extend(forms.iter().filter_map(Form::condensed));
        known.forms.extend(forms);
        known.finders = None;
        let is_apart = known.is_apart;
        drop(known);
        let all = OF_PROCESS.get().filter(|all| !is_apart && !Arc::ptr_eq(&all.0, &self.0));
        if let Some(all) = all {
            all.insert(secret);
        }
    }

    /// Masks all secrets in a text.
    pub fn text(&self, text: String) -> String {
        match self.masked(text.as_bytes()) {
            None => text,
            Some(masked) => String::from_utf8_lossy(&masked).into_owned(),
        }
    }

    /// Masks all secrets in bytes, which are read as UTF-8 (lossily).
    pub fn bytes(&self, bytes: &[u8]) -> String {
        let masked = self.masked(bytes);
        String::from_utf8_lossy(masked.as_deref().unwrap_or(bytes)).into_owned()
    }

    /// Returns the masked bytes; `None` if there is nothing to mask.
    fn masked(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        if bytes.is_empty() || self.read(|known| known.forms.is_empty()) {
            return None;
        }
        if self.read(|known| known.finders.is_none()) {
            self.0.write().unwrap_or_else(PoisonError::into_inner).build();
        }
        let ranges = self.read(|known| known.ranges(bytes));
        if ranges.is_empty() {
            return None;
        }
        let mut masked = Vec::with_capacity(bytes.len());
        let mut from = 0;
        for range in ranges {
            masked.extend(bytes.get(from..range.start).into_iter().flatten());
            masked.extend_from_slice(MASK.as_bytes());
            from = range.end;
        }
        masked.extend(bytes.get(from..).into_iter().flatten());
        Some(masked)
    }

    fn read<T>(&self, look: impl FnOnce(&KnownSecrets) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl KnownSecrets {
    fn build(&mut self) {
        // It fails only where the forms are larger than 2 GiB together.
        let finder = |forms: &[Form]| {
            let mut builder = AhoCorasick::builder();
            builder.ascii_case_insensitive(true).build(forms.iter().map(|form| &form.bytes)).ok()
        };
        self.finders = finder(&self.forms)
            .zip(finder(&self.condensed))
            .map(|(whole, condensed)| Finders { whole, condensed });
    }

    /// Returns the ranges of bytes that hold a secret, ascending and disjoint.
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
        let Some(finders) = &self.finders else { return };
        for hit in finders.whole.find_overlapping_iter(bytes) {
            let Some(form) = self.forms.get(hit.pattern().as_usize()) else { continue };
            let seen = bytes.get(hit.range());
            if !seen.is_some_and(|seen| form.is_same(&form.bytes, seen)) {
                continue;
            }
            if let Some(range) = form.rule.extent(bytes, hit.range()) {
                found.push(view.origin(range));
            }
        }
        // A cut can go through a secret at either end, and where a mark says that something is left out.
        let mut rest = 0..bytes.len();
        for mark in elisions(bytes) {
            self.cut(view, rest.start..mark.start, SHORTEST_PART, found);
            rest.start = mark.end;
        }
        self.cut(view, rest, SHORTEST_PART, found);
        self.look_between(view, &finders.condensed, found);
    }

    /// Searches for secrets that are broken up over lines or by separators.
    fn look_between(&self, view: &View<'_>, finder: &AhoCorasick, found: &mut Vec<Range<usize>>) {
        let bytes = view.bytes();
        if self.condensed.is_empty() || bytes.len() < condensed_text::SHORTEST {
            return;
        }
        let condensed = CondensedText::of(bytes);
        if condensed.bytes.len() == bytes.len() {
            return;
        }
        for hit in finder.find_overlapping_iter(&condensed.bytes) {
            let form = self.condensed.get(hit.pattern().as_usize());
            let place = condensed.place(hit.range());
            let range = form.zip(place).and_then(|(form, place)| form.rule.extent(bytes, place));
            found.extend(range.map(|range| view.origin(range)));
        }
        for form in self.condensed.iter().filter(|form| form.rule == MatchRule::Anywhere) {
            let parts = form.parts(&condensed.bytes, SHORTEST_BROKEN_PART);
            let places = parts.into_iter().flatten().filter_map(|part| condensed.place(part));
            found.extend(places.map(|place| view.origin(place)));
        }
    }

    /// Searches for parts of secrets at the ends of a range.
    fn cut(
        &self,
        view: &View<'_>,
        range: Range<usize>,
        shortest: usize,
        found: &mut Vec<Range<usize>>,
    ) {
        let Some(bytes) = view.bytes().get(range.clone()) else { return };
        for form in self.forms.iter().filter(|form| form.rule == MatchRule::Anywhere) {
            let parts = form.parts(bytes, shortest).into_iter().flatten();
            found.extend(parts.map(|it| view.origin(range.start + it.start..range.start + it.end)));
        }
    }
}

/// Returns the ranges of ellipses, as in `sk-ab…yz` or `sk-ab****yz`.
fn elisions(bytes: &[u8]) -> Vec<Range<usize>> {
    const DOTS: &[u8] = "…".as_bytes();
    let mut found: Vec<Range<usize>> = Vec::new();
    for at in memchr::memchr3_iter(b'.', b'*', DOTS[0], bytes) {
        let (_, rest) = bytes.split_at(at);
        let length = if rest.starts_with(DOTS) { DOTS.len() } else { 1 };
        let many = found.len() > MOST_ELISIONS;
        match found.last_mut() {
            Some(last) if last.end == at => last.end += length,
            _ if many => break,
            _ => found.push(at..at + length),
        }
    }
    found.retain(|mark| mark.len() > 1);
    found
}

#[cfg(test)]
mod tests;
