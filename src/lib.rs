//! Sizer answers one question with evidence: how many GPUs does an LLM workflow need to serve N concurrent
//! users within a response-time target?
//!
//! It puts the workflow under load at several concurrencies on a test rig of known size, finds the load at
//! which the rig still meets the target, and turns that capacity into a GPU count with an interval, a grade
//! and a report. The `sizer` command and this library do the same; the command is [`cli::main`].
//!
//! # From a spec to a report
//!
//! | step | type | what it is |
//! |---|---|---|
//! | spec | [`Spec`] | a YAML file, or a value made in code: what to measure and what to aim for |
//! | items | [`Item`] | the questions of a dataset |
//! | runs | [`Run`], [`Recording`] | one workflow run for one item, with its LLM calls; a recording has those of a level |
//! | level metrics | [`LevelMetrics`] | quantiles, throughput and failures at one concurrency |
//! | fits | [`Fits`] | straight lines through the levels' quantiles |
//! | estimate | [`Estimate`], [`Recommendation`] | capacity and GPUs for each target; GPUs over all targets |
//! | result | [`SizingResult`] | everything above in one document, `result.json` |
//! | reports | [`Report`] | Markdown, CSV, JSON, plots, and templates of your own |
//!
//! A [`Pipeline`] runs these steps as a graph of stages. Each is stored under a hash of everything it reads, so a
//! changed target recomputes the estimate and the reports from the levels that exist.
//!
//! # Modules
//!
//! The modules are layers, and each uses only those below it in this table.
//!
//! | module | what it does | start with |
//! |---|---|---|
//! | [`cli`] | the `sizer` command | [`cli::main`] |
//! | [`study`] | plans and runs the stages of one spec, or of a matrix of specs | [`Pipeline`], [`RunOptions`], [`Study`] |
//! | [`engine`] | plans and runs stages, whatever they make | [`Graph`], [`Selection`] |
//! | [`store`] | keeps artifacts on disk, and the lock file | [`Store`], [`LockFile`] |
//! | [`load`] | generates load, and reads and writes recordings | [`load::Executor`], [`LevelPlan`], [`load::read_foreign`] |
//! | [`spec`] | the spec as types, a field per section | [`Spec`], [`SpecSet`], [`Targets`], [`Extensions`] |
//! | [`report`] | renders the result | [`SizingResult`], [`Report`], [`report::report`] |
//! | [`nat`] | converts files of the reference calculator, `nat sizing calc` | [`nat::import`], [`CalcOutput`] |
//! | [`workflow`] | systems under test, a module per kind with its keys and its client: [`openai`](workflow::openai), [`nat`](workflow::nat), [`http`](workflow::http), [`command`](workflow::command), [`chain`](workflow::chain), [`simulator`](workflow::simulator) (with its [`engine`](workflow::simulator::engine)), [`recorded`](workflow::recorded), [`custom`](workflow::custom) | [`Workflow`], [`WorkflowConfig`], [`WorkflowSpec::connect`] |
//! | [`pacing`] | shapes of load: when the runs of a level begin | [`pacing::PacingSpec`], [`LevelPlan`] |
//! | [`dataset`] | reads datasets of all formats | [`dataset::for_each_row`] |
//! | [`sizing`] | estimates, without I/O; its straight lines are in [`fit`](sizing::fit) | [`Measured`], [`Question`], [`Estimate`] |
//! | [`redact`] | removes secrets from everything that is stored or shown | [`Redactor`] |
//! | [`measure`] | items, runs and level metrics, without I/O | [`Run`], [`LevelMetrics`], [`Metric`] |
//!
//! # Example: a pipeline
//!
//! ```
//! use sizer::study::{Pipeline, RunOptions};
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
//! let outcome = runtime.block_on(Pipeline::open(spec)?.run(RunOptions::default()))?;
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
//! A workflow of your own is a type that implements [`Workflow`], passed to [`Pipeline::with_workflow`];
//! `examples/own_workflow.rs` does that with a spec made in code.
//!
//! # Extensions
//!
//! A program can add to what specs name: [`Extensions`] holds kinds of workflow ([`Kind`]), methods of estimation
//! ([`Estimator`]) and reports ([`Report`]), and [`ReadOptions`] takes it where a spec is read. An [`Executor`] of
//! your own makes the load of each level ([`Pipeline::with_executor`]). The crate `examples/extend` has one of each.
//!
//! # Example: from levels to an answer
//!
//! Runs that were measured elsewhere need no pipeline. This part of the library does no I/O.
//!
//! ```
//! use sizer::measure::{Metric, Quantile, Recording, Run};
//! use sizer::sizing::{Certainty, FitOptions, Load, Margin, Measured, Plan, Question, Rig, Target};
//!
//! /// Runs at one concurrency, with times in seconds.
//! fn measured_at(concurrency: u32) -> Recording {
//!     # let mut free = vec![0.0; concurrency as usize];
//!     # let typical = 0.5 + 0.05 * f64::from(concurrency);
//!     # let run = |index: u32| {
//!     #     let slot = &mut free[(index % concurrency) as usize];
//!     #     let (start, end) = (*slot, *slot + typical * (0.8 + 0.004 * f64::from(index * 37 % 101)));
//!     #     *slot = end;
//!     #     Run { start, end, ..Run::default() }
//!     # };
//!     # let mut runs: Vec<Run> = (0..40 * concurrency).map(run).collect();
//!     # runs.sort_by(|a, b| a.start.total_cmp(&b.start));
//!     // Run { start, end, ..Run::default() } for each
//!     Recording { runs, ..Recording::default() }
//! }
//!
//! let mut measured = Measured::default();
//! for concurrency in [1, 2, 4, 8, 16, 32] {
//!     measured.add(concurrency, &measured_at(concurrency), 0.0);
//! }
//!
//! let question = Question {
//!     targets: vec![Target { metric: Metric::WorkflowRuntime, quantile: Quantile::P95, limit: 1.5 }],
//!     loads: vec![Load::Users { users: 100, think: 0.0 }],
//!     rig: Rig { gpu_count: Some(2), gpus_per_replica: 1, cost_per_gpu_hour: None },
//!     margin: Margin::default(),
//!     certainty: Certainty { confidence: 0.9, resamples: 1000, seed: 0 },
//!     counts_users: false,
//!     plan: Plan::default(),
//! };
//! let fits = measured.fits(FitOptions::default());
//! let (estimates, gpus) = measured.prepare(&fits, false).answer(&question);
//! println!("capacity {:?}, grade {:?}", estimates[0].answer.capacity(), estimates[0].grade);
//! println!("GPUs for 100 users: {:?}", gpus.recommended);
//! # assert!(estimates[0].answer.capacity().is_some());
//! ```
//!
//! [`Prepared::assess`](sizing::Prepared::assess) adds a diagnosis and notes, and [`SizingResult::assemble`] makes the document that
//! reports are rendered from.
//!
//! [`CalcOutput`]: nat::CalcOutput
//! [`Estimate`]: sizing::Estimate
//! [`Estimator`]: sizing::Estimator
//! [`Executor`]: load::Executor
//! [`Extensions`]: spec::Extensions
//! [`Fits`]: sizing::Fits
//! [`Item`]: measure::Item
//! [`Graph`]: engine::Graph
//! [`Kind`]: workflow::Kind
//! [`LevelMetrics`]: measure::LevelMetrics
//! [`LevelPlan`]: load::LevelPlan
//! [`LockFile`]: store::LockFile
//! [`Measured`]: sizing::Measured
//! [`Metric`]: measure::Metric
//! [`Pipeline`]: study::Pipeline
//! [`Pipeline::with_executor`]: study::Pipeline::with_executor
//! [`Pipeline::with_workflow`]: study::Pipeline::with_workflow
//! [`Question`]: sizing::Question
//! [`ReadOptions`]: spec::ReadOptions
//! [`Recommendation`]: sizing::Recommendation
//! [`Recording`]: measure::Recording
//! [`Redactor`]: redact::Redactor
//! [`Report`]: report::Report
//! [`Run`]: measure::Run
//! [`RunOptions`]: study::RunOptions
//! [`Selection`]: engine::Selection
//! [`SizingResult`]: report::SizingResult
//! [`SizingResult::assemble`]: report::SizingResult::assemble
//! [`Spec`]: spec::Spec
//! [`SpecSet`]: spec::SpecSet
//! [`Store`]: store::Store
//! [`Study`]: study::Study
//! [`Targets`]: spec::Targets
//! [`Workflow`]: workflow::Workflow
//! [`WorkflowConfig`]: workflow::WorkflowConfig
//! [`WorkflowSpec::connect`]: workflow::WorkflowSpec::connect

// Everything printed for people goes through `cli::diagnose`, which escapes control characters.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod bounded;
pub mod cli;
pub mod dataset;
pub mod engine;
mod language;
pub mod load;
pub mod measure;
pub mod nat;
pub mod pacing;
pub mod redact;
pub mod report;
pub mod sizing;
pub mod spec;
pub mod store;
pub mod study;
pub mod workflow;
