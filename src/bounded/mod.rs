//! Templates that people write, held within bounds: how deep an expression may be, how long it may take,
//! how much memory it may use, how large its output may be.

mod depth;
mod output;
mod watched;

pub(crate) use output::Bounded;

use minijinja::Environment;

/// Stack for reading a template: more than the deepest that [`depth`] lets through needs.
const STACK: usize = 64 << 20;

/// Why a template was stopped.
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

/// Adds a template to an environment: parsing goes as deep as the template is nested.
pub(crate) fn add_template(
    mut environment: Environment<'static>,
    name: &str,
    text: &str,
) -> Result<Result<Environment<'static>, minijinja::Error>, Exceeded> {
    depth::check(text)?;
    let (name, text) = (name.to_owned(), text.to_owned());
    watched::run(STACK, move || {
        environment.add_template_owned(name, text)?;
        Ok(environment)
    })
}

/// Evaluates something that a template says, within all bounds. What exceeds them is left to itself: the
/// caller gets the reason at once.
pub(crate) fn evaluate<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Exceeded> {
    watched::run(STACK, work)
}
