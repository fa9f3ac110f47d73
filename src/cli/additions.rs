//! Things that a program adds to the command.

use crate::load::Executor;
use crate::spec::{Extensions, SpecSet};
use crate::study::{PipelineError, Study};
use std::fmt;
use std::sync::Arc;

/// Things that a program adds to the command: names that specs can use, and what makes the load of the levels.
#[derive(Clone, Default)]
pub struct Additions {
    /// Names that specs can use besides those of sizer.
    pub(super) extensions: Arc<Extensions>,
    executor: Option<Arc<dyn Executor>>,
}

impl From<Extensions> for Additions {
    fn from(extensions: Extensions) -> Self {
        Self { extensions: Arc::new(extensions), executor: None }
    }
}

impl fmt::Debug for Additions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let executor = self.executor.as_ref().map(|_| "…");
        let mut shown = f.debug_struct("Additions");
        shown.field("extensions", &self.extensions).field("executor", &executor).finish()
    }
}

impl Additions {
    /// Adds an executor, which makes the load of each level in place of this process.
    #[must_use]
    pub fn with_executor(self, executor: Arc<dyn Executor>) -> Self {
        Self { executor: Some(executor), ..self }
    }

    /// Opens the pipelines of a spec.
    pub(super) fn study(&self, specs: SpecSet) -> Result<Study, PipelineError> {
        let study = Study::open(specs)?;
        Ok(match &self.executor {
            Some(executor) => study.with_executor(executor),
            None => study,
        })
    }
}
