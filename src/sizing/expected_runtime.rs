//! A level compared with what the others make one expect of it.

/// Fewest standard errors above what is expected for a level that is slow without reason.
const STANDARD_ERRORS: f64 = 4.0;

/// A level compared with the others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExpectedRuntime {
    /// Mean runtime that the model sees there, in seconds.
    pub seen: f64,
    /// Mean runtime expected from the other levels, in seconds.
    pub expected: f64,
    /// Standard error of the logarithm of what was seen.
    pub error: f64,
}

impl ExpectedRuntime {
    /// Returns true if the level is slower than the others suggest, by more than chance.
    pub(super) fn is_slow_beyond_chance(&self) -> bool {
        (self.seen / self.expected).ln() > STANDARD_ERRORS * self.error
    }
}
