//! An LLM call as a server reports it, on the server's clock.

use crate::measure::{LlmCall, longest_work};
use crate::workflow::openai::answer::Usage;
use std::ops::Range;

/// LLM call on the server's clock (seconds since the epoch).
#[derive(Debug)]
pub(super) struct Call {
    pub start: f64,
    pub end: Option<f64>,
    pub first_token: Option<f64>,
    pub usage: Usage,
    pub shared_prefix: Option<f64>,
}

impl Call {
    /// Returns the call on the level's clock, of which `origin` is the difference to the server's, where no step began
    /// before the run. Returns `None` if it has not ended, or if its times cannot be: it ends before it starts, has its
    /// first token at another time, or ends after its run, which is `during` as its client saw it.
    pub fn believed(&self, origin: f64, during: &Range<f64>) -> Option<LlmCall> {
        let end = self.end?;
        let latest = during.start + longest_work(during.end - during.start);
        let first = self.first_token.unwrap_or(self.start);
        let can_be = self.start <= first && first <= end && end - origin <= latest;
        can_be.then(|| LlmCall {
            start: self.start - origin,
            end: end - origin,
            ttft: self.first_token.map(|at| at - self.start),
            prompt_tokens: self.usage.prompt_tokens,
            cached_tokens: self.usage.cached_tokens,
            shared_prefix: self.shared_prefix,
            completion_tokens: self.usage.completion_tokens,
            ..LlmCall::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_cannot_be_are_not_believed() {
        let latency = |start: f64, first_token: Option<f64>, end: Option<f64>| {
            let (usage, shared_prefix) = (Usage::default(), None);
            let call = Call { start, end, first_token, usage, shared_prefix };
            call.believed(1e9, &(50.0..60.0)).map(|call| (call.latency(), call.ttft))
        };
        let (start, end) = (1e9 + 51.0, 1e9 + 53.0);
        assert_eq!(latency(start, None, Some(end)), Some((2.0, None)));
        assert_eq!(latency(start, Some(start + 0.5), Some(end)), Some((2.0, Some(0.5))));
        // The clocks of both machines may disagree a little.
        assert_eq!(latency(start, None, Some(1e9 + 60.5)), Some((9.5, None)));
        for (start, first, end) in [
            (start, None, None),
            (end, None, Some(start)),
            (start, Some(start - 0.1), Some(end)),
            (start, Some(end + 0.1), Some(end)),
            (start, None, Some(1e9 + 62.0)),
            (start, None, Some(f64::INFINITY)),
            (f64::NAN, None, Some(end)),
        ] {
            assert_eq!(latency(start, first, end), None, "{start} {first:?} {end:?}");
        }
    }
}
