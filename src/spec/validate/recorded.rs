//! Checks of a spec whose runs were measured elsewhere: questions and levels are those of the recording.

use super::checker::SpecChecker;
use crate::language::Check;

impl SpecChecker<'_> {
    /// Fails if a recording is to get what it has already.
    pub(super) fn recorded(&self) -> Check {
        if self.spec.workflow.recorded().is_none() {
            return Ok(());
        }
        self.ensure(
            !self.spec.dataset.is_given(),
            "dataset",
            "a recording takes no dataset",
            "leave it out",
        )?;
        self.ensure(
            self.spec.concurrency.levels.adaptive().is_none(),
            "concurrency.levels",
            "the levels of a recording are fixed",
            "leave `concurrency` out for all of them",
        )
    }

    /// Fails unless levels that the spec does not name are those of a recording.
    pub(super) fn levels_from_data(&self) -> Check {
        self.ensure(
            self.spec.workflow.recorded().is_some(),
            "concurrency",
            "no levels are given",
            "add `concurrency: {levels: [1, 2, 4, 8]}`, or `levels: adaptive`",
        )
    }
}
