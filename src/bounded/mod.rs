//! Work that comes from outside, held within bounds: templates (how deep an expression may be, how long it
//! may take, how much memory it may use, how large its output may be), and what libraries make of files.

mod depth;
mod json;
mod output;
mod stream;
mod watched;

pub(crate) use json::{MOST_VALUES, has_too_many_values, length_of_string};
pub(crate) use output::Bounded;
pub(crate) use stream::stream;
pub(crate) use watched::Bounds;

use minijinja::Environment;

/// What a template may take.
const OF_A_TEMPLATE: Bounds = Bounds { seconds: 8, mib: 192 };

/// Why something was stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Exceeded {
    /// An expression is too long to be one.
    #[error("an expression with more than {most} operators (line {line}): this is no template")]
    Depth {
        /// One-based line on which it begins.
        line: usize,
        /// The limit.
        most: usize,
    },
    /// It does not come to an end.
    #[error("it takes more than {0} s")]
    Time(u64),
    /// It needs too much memory.
    #[error("it needs more than {0} MiB of memory")]
    Memory(usize),
    /// The system has no thread for it, or the template engine failed.
    #[error("it cannot be evaluated: {0}")]
    Broken(String),
}

impl Exceeded {
    /// What took too much, for a sentence: `a row that needs more than 192 MiB of memory`.
    pub fn in_words(&self, what: &str) -> String {
        let why = self.to_string();
        format!("{what} that {}", why.strip_prefix("it ").unwrap_or(&why))
    }
}

/// Adds a template to an environment: parsing goes as deep as the template is nested.
pub(crate) fn add_template(
    mut environment: Environment<'static>,
    name: &str,
    text: &str,
) -> Result<Result<Environment<'static>, minijinja::Error>, Exceeded> {
    depth::check(text)?;
    let (name, text) = (name.to_owned(), text.to_owned());
    watched::run(OF_A_TEMPLATE, move || {
        environment.add_template_owned(name, text)?;
        Ok(environment)
    })
}

/// Evaluates something that a template says, within all bounds. What exceeds them is left to itself: the
/// caller gets the reason at once.
pub(crate) fn evaluate<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Exceeded> {
    watched::run(OF_A_TEMPLATE, work)
}
