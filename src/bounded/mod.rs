//! Work that comes from outside, held within bounds: templates (how deep an expression may be, how long it
//! may take, how much memory it may use, how large its output may be), and what libraries make of files.

mod depth;
mod exceeded;
mod json;
mod output;
mod stream;
mod watched;

pub(crate) use exceeded::Exceeded;
pub(crate) use json::{MOST_VALUES, has_too_many_values, length_of_string};
pub(crate) use output::Bounded;
pub(crate) use stream::stream;
pub(crate) use watched::Bounds;

use minijinja::Environment;

/// What a template may take.
const OF_A_TEMPLATE: Bounds = Bounds { seconds: 8, mib: 192 };

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
