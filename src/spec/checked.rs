//! Values that have passed their checks.

use std::ops::Deref;

/// A value that has passed its checks, such as a spec that a pipeline can run. Only the checks make
/// one ([`Spec::checked`](super::Spec::checked), and whatever reads a spec). It cannot be changed;
/// [`into_inner`](Self::into_inner) returns what has to be checked again.
#[derive(Clone, Debug)]
pub struct Checked<T>(T);

impl<T> Checked<T> {
    /// Wraps a value. To be called where the checks end.
    pub(super) fn passed(value: T) -> Self {
        Self(value)
    }

    /// Returns the value, to be changed.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Checked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
