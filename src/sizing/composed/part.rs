//! Composition of a run: what it has to process.

use crate::sizing::observed::ObservedRun;

/// Number of features: calls, prompt tokens, generated tokens.
pub(super) const FEATURES: usize = 3;
/// Features of a run, summed over its calls.
pub(super) type Features = [f64; FEATURES];

/// Composition of a run, and the time that it took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Part {
    /// Calls, prompt tokens, generated tokens.
    pub features: Features,
    /// Seconds outside of LLM calls.
    pub outside: f64,
    /// Seconds of its LLM calls.
    pub llm_time: f64,
    /// Seconds of these up to first tokens, if all calls were streamed.
    pub first_tokens: Option<f64>,
    /// Seconds of the whole run.
    pub runtime: f64,
}

impl Part {
    /// Reads it from a run; `None` if not all of its calls report their tokens, or if some were made at once.
    pub fn of(run: &ObservedRun) -> Option<Self> {
        (!run.calls_overlap()).then_some(())?;
        Some(Self {
            features: [run.llm_calls, run.prompt_tokens?, run.completion_tokens?],
            outside: (run.runtime - run.llm_time).max(0.0),
            llm_time: run.llm_time,
            first_tokens: run.first_tokens,
            runtime: run.runtime,
        })
    }

    /// Returns the number of its calls.
    pub fn calls(&self) -> f64 {
        self.features[0]
    }

    /// Returns the mean of some, as far as compositions and calls go.
    pub fn mean<'a>(parts: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let count = parts.clone().count().max(1) as f64;
        let mut mean = Self::default();
        for part in parts {
            for (sum, it) in std::iter::zip(&mut mean.features, &part.features) {
                *sum += it / count;
            }
            mean.outside += part.outside / count;
            mean.llm_time += part.llm_time / count;
        }
        mean
    }
}
