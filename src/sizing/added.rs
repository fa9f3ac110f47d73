//! Methods of estimation that a program adds.

use super::estimator::Estimator;
use super::method::MethodName;
use std::sync::Arc;

/// A method of estimation that a program adds, with the version of what it does. Whatever was estimated by another
/// version is estimated again.
#[derive(Clone, Debug)]
pub struct AddedMethod {
    /// Name in specs and results.
    pub name: MethodName,
    /// Version of its behaviour.
    pub version: u32,
    /// The method.
    pub estimator: Arc<dyn Estimator>,
}

/// Compares name and version, which stand for the behaviour.
impl PartialEq for AddedMethod {
    fn eq(&self, other: &Self) -> bool {
        (self.name, self.version) == (other.name, other.version)
    }
}
