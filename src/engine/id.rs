//! Names of stages.

use std::fmt::{Debug, Display};

/// The name of a stage. The order of names is that in which inputs are listed.
pub trait Id: Clone + Debug + Display + Ord + Send + Sync + 'static {
    /// The kind of the stage, which several may share: `pack` of `pack@a` and `pack@b`.
    fn kind(&self) -> &'static str;

    /// Returns true if a pattern, as a person writes it, means a name.
    fn matches(pattern: &str, name: &str) -> bool;
}
