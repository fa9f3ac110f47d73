//! Sizer answers one question with evidence: how many GPUs does an LLM workflow need to serve
//! N concurrent users within a response-time target?
//!
//! A YAML spec says what to measure and what to aim for; a [`pipeline::Pipeline`] expands the
//! dataset, sweeps concurrency levels against the real endpoint, aggregates, fits, estimates and
//! renders. Every step is a cached artifact, so a changed target re-runs only the estimate.
//!
//! ```
//! use sizer::pipeline::{Pipeline, RunOptions};
//! use sizer::spec::Spec;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # std::fs::write(dir.path().join("questions.jsonl"), "{\"id\": 1, \"question\": \"What is 3 x 7?\"}\n")?;
//! # let path = dir.path().join("spec.yml");
//! std::fs::write(&path, "
//! version: 1
//! name: example
//! dataset: {path: questions.jsonl}
//! workflow:
//!   type: simulator                  # a real HTTP server on a free loopback port
//!   engine: {base: 1ms, per_sequence: 1ms}
//!   output_tokens: 5
//! test: {gpu_count: 8}
//! concurrency: {levels: [1, 2, 4], passes: 2}
//! targets: {users: 100, workflow_runtime: 10s}
//! ")?;
//!
//! let spec = Spec::from_path(&path)?;
//! let runtime = tokio::runtime::Runtime::new()?;
//! let outcome = runtime.block_on(Pipeline::new(spec).run(RunOptions::default()))?;
//! let result = outcome.result.ok_or("nothing was selected that gives a result")?;
//! for level in &result.levels {
//!     println!("{} in flight: {:?}", level.concurrency, level.workflow_runtime);
//! }
//! assert_eq!(result.levels.len(), 3);
//! println!("GPUs: {:?}", result.gpus.recommended);
//! # Ok(())
//! # }
//! ```
//!
//! The modules are floors of one house, and each uses only those below it; ARCHITECTURE.md walks
//! through them.

// What people read goes through `cli::diagnose`, which escapes control characters.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod bounded;
pub mod cli;
pub mod dataset;
pub mod load;
pub mod measure;
pub mod nat;
pub mod pipeline;
pub mod redact;
pub mod report;
pub mod sizing;
pub mod spec;
pub mod store;
pub mod workflow;
