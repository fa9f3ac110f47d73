//! Parts of the protocol that a server does not support, learned from its refusals.

use crate::measure::{Failure, FailureKind, Note};
use std::sync::atomic::{AtomicBool, Ordering};

/// Form of requests that a server understands: the usual one until it refuses that.
#[derive(Debug, Default)]
pub(in crate::workflow) struct Dialect {
    without_stream_options: AtomicBool,
    max_completion_tokens: AtomicBool,
}

/// Form of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::workflow) struct Form {
    pub without_stream_options: bool,
    pub max_completion_tokens: bool,
}

impl Dialect {
    /// Returns the form for the next request.
    pub fn form(&self) -> Form {
        Form {
            without_stream_options: self.without_stream_options.load(Ordering::Relaxed),
            max_completion_tokens: self.max_completion_tokens.load(Ordering::Relaxed),
        }
    }

    /// Learns from a refused request. Returns the form to retry with, or `None` if the refusal had another
    /// reason.
    pub fn learn(&self, sent: Form, failure: &Failure) -> Option<Form> {
        let refused = failure.kind == FailureKind::HttpStatus
            && ["400 ", "422 "].iter().any(|status| failure.message.starts_with(status));
        let names = |name: &str| refused && failure.message.contains(name);
        let mut form = sent;
        if !sent.without_stream_options && names("stream_options") {
            self.without_stream_options.store(true, Ordering::Relaxed);
            form.without_stream_options = true;
        }
        if !sent.max_completion_tokens && names("max_completion_tokens") {
            self.max_completion_tokens.store(true, Ordering::Relaxed);
            form.max_completion_tokens = true;
        }
        (form != sent).then_some(form)
    }
}

impl Form {
    /// Deviations from the usual form that belong in the report.
    pub fn notes(self) -> impl Iterator<Item = Note> {
        let without = self.without_stream_options.then_some(Note::WithoutStreamOptions);
        let renamed = self.max_completion_tokens.then_some(Note::MaxCompletionTokens);
        [without, renamed].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_that_names_the_key_is_learned_from() {
        let dialect = Dialect::default();
        let learn =
            |kind, message: &str| dialect.learn(dialect.form(), &Failure::new(kind, message));
        assert_eq!(learn(FailureKind::HttpStatus, "400 Bad Request: no such model"), None);
        assert_eq!(learn(FailureKind::HttpStatus, "500 Internal: stream_options"), None);
        assert_eq!(learn(FailureKind::WorkflowError, "400 stream_options"), None);
        let refusal = "400 Bad Request: unknown argument: stream_options";
        let form = learn(FailureKind::HttpStatus, refusal).unwrap();
        assert!(form.without_stream_options && !form.max_completion_tokens);
        assert_eq!(dialect.form(), form);
        // A server that refuses even this form refuses something else.
        assert_eq!(learn(FailureKind::HttpStatus, refusal), None);
        let refusal = "400 Bad Request: use max_completion_tokens";
        assert!(learn(FailureKind::HttpStatus, refusal).unwrap().max_completion_tokens);
    }
}
