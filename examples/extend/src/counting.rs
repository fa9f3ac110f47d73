//! An executor that counts the levels it is given, and leaves the load itself to this process. One for other machines
//! would send each of them a share of the plan, and put their recordings together.

use sizer::errors::LoadError;
use sizer::extend::{Local, RecordedLevel};
use sizer::{BoxFuture, Executor, Job};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The executor.
#[derive(Default)]
pub struct Counting {
    levels: AtomicUsize,
}

impl Counting {
    /// The number of levels that it was given.
    pub fn levels(&self) -> usize {
        self.levels.load(Ordering::Relaxed)
    }
}

impl Executor for Counting {
    fn measure<'a>(&'a self, job: Job<'a>) -> BoxFuture<'a, Result<RecordedLevel, LoadError>> {
        self.levels.fetch_add(1, Ordering::Relaxed);
        Local.measure(job)
    }
}
