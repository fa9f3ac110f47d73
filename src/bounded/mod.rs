//! Bounds for work on untrusted input: templates, and the conversion of files by libraries.
//!
//! # Concepts
//!
//! - [`Bounds`] limit the CPU time (seconds) and additional memory (MiB) of a piece of work;
//!   [`LimitExceeded`] is the reason why it was stopped.
//! - `watched` runs the work on a thread of its own and polls both. A thread cannot be killed: the
//!   caller gets the error at once, the work goes on unheard until it ends or the process exits.
//! - `depth` rejects template expressions too long for the template engine's recursion, before
//!   parsing.
//! - [`read_file`] reads a regular file up to a number of bytes.
//! - [`stream`] passes values from a library on a watched thread to the caller, piece by piece.
//! - [`has_too_many_values`] counts JSON values before parsing; [`BoundedWriter`] caps the size of an
//!   output.
//!
//! # Flow
//!
//! Templates come in through [`add_template`] and are rendered through [`evaluate`]; readers of
//! binary formats go through [`stream`]; small files that a spec names through [`read_file`]. A healthy input never comes near a bound: an error means
//! that the input is damaged, hostile or no input of that kind.
//!
//! Dataset readers, workflow templates, recordings of other tools and report templates depend on
//! this. It touches nothing but a thread, `/proc/self` and the files it is told to read.

mod depth;
mod file;
mod json;
mod limit_exceeded;
mod output;
mod stream;
mod watched_thread;

pub(crate) use file::read_file;
pub(crate) use json::{MOST_VALUES, has_too_many_values, length_of_string};
pub(crate) use limit_exceeded::LimitExceeded;
pub(crate) use output::BoundedWriter;
pub(crate) use stream::stream;
pub(crate) use watched_thread::Bounds;

use minijinja::Environment;

/// Bounds of a template.
const OF_A_TEMPLATE: Bounds = Bounds { seconds: 8, mib: 192 };

/// Adds a template to an environment, within bounds: parsing recurses as deeply as the template
/// nests.
pub(crate) fn add_template(
    mut environment: Environment<'static>,
    name: &str,
    text: &str,
) -> Result<Result<Environment<'static>, minijinja::Error>, LimitExceeded> {
    depth::check(text)?;
    let (name, text) = (name.to_owned(), text.to_owned());
    watched_thread::run(OF_A_TEMPLATE, move || {
        environment.add_template_owned(name, text)?;
        Ok(environment)
    })
}

/// Evaluates a template within bounds. Work that exceeds them is abandoned: the caller gets the
/// reason at once.
pub(crate) fn evaluate<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, LimitExceeded> {
    watched_thread::run(OF_A_TEMPLATE, work)
}
