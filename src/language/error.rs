//! Errors in a spec, made for people: the problem, its position, the line itself, and the remedy.

use crate::redact::{printable, redact, redact_beside, with_hidden_value};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Text that a spec (or a part of it) was read from.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// File name as the user gave it, or the name of the flag.
    pub name: String,
    /// Whole text.
    pub text: String,
}

/// A position in a source.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    /// Source that the position is in.
    pub source: Arc<Source>,
    /// One-based line.
    pub line: u64,
    /// One-based column, in characters.
    pub column: u64,
}

impl Place {
    /// Returns the line that it is in.
    fn line_text(&self) -> &str {
        let index = usize::try_from(self.line.saturating_sub(1)).unwrap_or(usize::MAX);
        self.source.text.lines().nth(index).unwrap_or("")
    }
}

impl fmt::Debug for Place {
    /// Formats it without the source's text, which can hold anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source.name, self.line, self.column)
    }
}

/// One error in a spec.
#[derive(Clone, Debug)]
pub struct SpecError(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    message: String,
    file: String,
    place: Option<Place>,
    help: Option<String>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
    /// True if the value at the position is a secret.
    hides_value: bool,
}

impl SpecError {
    /// Creates an error at a position.
    pub fn at(place: &Place, message: impl Into<String>) -> Self {
        // A spec made in code has no lines.
        if place.line == 0 {
            return Self::in_file(&place.source.name, message);
        }
        Self(Box::new(Inner {
            message: redact_beside(&message.into(), place.line_text()),
            file: place.source.name.clone(),
            place: Some(place.clone()),
            help: None,
            cause: None,
            hides_value: false,
        }))
    }

    /// Creates an error about a whole file.
    pub fn in_file(file: &str, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            message: message.into(),
            file: file.to_owned(),
            place: None,
            help: None,
            cause: None,
            hides_value: false,
        }))
    }

    /// Adds a remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// Hides the value at its position, which is a secret.
    #[must_use]
    pub fn hiding_the_value(mut self) -> Self {
        self.0.hides_value = true;
        self
    }

    /// Adds the underlying cause.
    #[must_use]
    pub fn because(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.0.cause = Some(Arc::new(cause));
        self
    }

    /// Returns the message without position and help.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the remedy, if there is one.
    pub fn remedy(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// Returns the one-based line and column, if the error has a position.
    pub fn line_column(&self) -> Option<(u64, u64)> {
        self.0.place.as_ref().map(|place| (place.line, place.column))
    }

    /// Renders the error for people, with the offending line; coloured on request.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let Inner { message, file, place, help, hides_value, .. } = &*self.0;
        let shown = place.as_ref().map(|place| QuotedSource::new(place, *hides_value));
        // The line itself is made printable by the renderer.
        let (message, file) = (printable(message), printable(file));
        let help = help.as_deref().map(printable);
        let title = Level::ERROR.primary_title(message.as_ref());
        let mut group = match &shown {
            Some(shown) => title.element(
                Snippet::source(shown.text.as_str())
                    .path(file.as_ref())
                    .annotation(AnnotationKind::Primary.span(shown.span.clone())),
            ),
            None => title.element(annotate_snippets::Origin::path(file.as_ref())),
        };
        if let Some(help) = &help {
            group = group.element(Level::HELP.message(help.as_ref()));
        }
        renderer.render(&[group]).clone()
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { message, file, place, help, .. } = &*self.0;
        match place {
            Some(place) => write!(f, "{file}:{}:{}: {message}", place.line, place.column)?,
            None => write!(f, "{file}: {message}")?,
        }
        match help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl Error for SpecError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

/// Longest line that is quoted, in bytes.
const LONGEST_LINE: usize = 8 << 10;

/// A redacted source, with the bytes to underline.
struct QuotedSource {
    text: String,
    span: std::ops::Range<usize>,
}

impl QuotedSource {
    fn new(place: &Place, hides_value: bool) -> Self {
        // Nobody reads a line of that length, and part of one could show a secret without its key.
        let shown = |line: &str| {
            if line.len() > LONGEST_LINE {
                format!("(a line of {} characters)\n", line.chars().count())
            } else {
                line.to_owned()
            }
        };
        let line_index = usize::try_from(place.line.saturating_sub(1)).unwrap_or(usize::MAX);
        let column = usize::try_from(place.column.saturating_sub(1)).unwrap_or(usize::MAX);
        let shown = |(index, line)| {
            let line: String = shown(line);
            let value =
                line.char_indices().nth(column).filter(|_| hides_value && index == line_index);
            value.map_or_else(|| line.clone(), |(at, _)| with_hidden_value(&line, at))
        };
        let text: String = place.source.text.split_inclusive('\n').enumerate().map(shown).collect();
        // As a whole, since a value can go on below its key.
        let text = redact(&text);
        let line_start: usize = text.split_inclusive('\n').take(line_index).map(str::len).sum();
        let line = text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or("");
        let offset = line.char_indices().nth(column).map_or(line.len(), |(offset, _)| offset);
        let length = token_length(line.split_at(offset).1);
        let start = line_start + offset;
        Self { span: start..(start + length).min(text.len()), text }
    }
}

/// Returns the length in bytes of the key or plain value at the start of the rest of a line.
fn token_length(rest: &str) -> usize {
    if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        return rest[1..].find(quote).map_or(rest.len(), |end| end + 2);
    }
    let end = rest
        .char_indices()
        .find(|&(at, c)| {
            let (_, next) = rest.split_at(at + c.len_utf8());
            matches!(c, ',' | ']' | '}') && at > 0
                || c == ':' && (next.is_empty() || next.starts_with(' '))
                || c == ' ' && next.starts_with('#')
        })
        .map_or(rest.len(), |(at, _)| at);
    rest[..end].trim_end().len().max(usize::from(!rest.is_empty()))
}
