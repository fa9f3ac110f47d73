//! The load generator: puts a workflow under load and records its runs.

mod closed_loop;

pub use closed_loop::{ClosedLoop, LoadError, OnRun};
