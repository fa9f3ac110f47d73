//! Sizer answers one question with evidence: how many GPUs does an LLM workflow need to serve N concurrent
//! users within a response-time target?
//!
//! It puts the workflow under load at several concurrencies on a test rig of known size, finds the load at
//! which the rig still meets the target, and turns that capacity into a GPU count with an interval, a grade
//! and a report. The `sizer` command ([`cli`]) and this library do the same.
//!
//! # From a spec to a report
//!
//! The names of each step are at the root; the module beside them has what is in their fields and signatures.
//!
//! | step | names | parts |
//! |---|---|---|
//! | spec: a YAML file, or a value made in code | [`Spec`], [`SpecSet`], [`Checked`], [`ReadOptions`], [`SpecError`], [`WorkflowSpec`] | [`sections`], [`kinds`] of workflow |
//! | items: the questions of a dataset | [`Item`] | |
//! | runs: one run of the workflow for each item, with its LLM calls | [`Run`], [`LlmCall`], [`Outcome`], [`Failure`], [`FailureKind`], [`Recording`] | [`runs`] |
//! | level metrics: quantiles, throughput and failures at one concurrency | [`LevelMetrics`], [`Metric`], [`Quantile`] | [`levels`] |
//! | estimate: capacity and GPUs for each target, with a grade | [`MeasuredSweep`], [`Question`], [`Target`], [`Load`], [`Rig`], [`Margin`], [`Certainty`], [`FitOptions`], [`Fits`], [`Estimate`], [`Answer`], [`Grade`], [`Recommendation`] | [`estimates`] |
//! | result: all of the above in one document, `result.json` | [`SizingResult`] | [`results`] |
//! | reports: Markdown, CSV, JSON, plots, and templates of your own | [`Report`], [`Material`], [`ReportError`] | [`results`] |
//! | pipeline: the steps above as a graph of stages | [`Pipeline`], [`Study`], [`RunOptions`], [`PipelineError`] | [`pipeline`] |
//! | extensions: what a program adds | [`Extensions`], [`Workflow`], [`Kind`], [`WorkflowConfig`], [`Clock`], [`BoxFuture`], [`Estimator`], [`Model`], [`Evidence`], [`Executor`], [`Job`] | [`extend`] |
//!
//! Further errors are in [`errors`]; [`calc`] is the calculation of the reference, with its parameters and files.
//!
//! A [`Pipeline`] stores each stage under a hash of everything it reads, so a changed target recomputes the estimate
//! and the reports from the levels that exist. A [`Study`] has the pipelines of all combinations of a matrix.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | none | from runs to an answer: no I/O, no async runtime, some 40 dependencies instead of some 290 |
//! | `pipeline` | everything from a spec to its reports: datasets, load, the store, reports |
//! | `cli` (default) | the `sizer` command; includes `pipeline` |
//!
//! # Example: a pipeline
//!
//! ```
//! # #[cfg(feature = "pipeline")] {
//! use sizer::{Pipeline, RunOptions, Spec};
//!
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
//! println!("GPUs: {:?}", result.gpus.recommended);
//! # assert_eq!(result.levels.len(), 3);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A workflow of your own is a type that implements [`Workflow`], passed to [`Pipeline::with_workflow`];
//! `examples/own_workflow.rs` does that with a spec made in code.
//!
//! # Extensions
//!
//! A program can add to what specs name: [`Extensions`] holds kinds of workflow ([`Kind`]), methods of estimation
//! ([`Estimator`]) and reports ([`Report`]), and [`ReadOptions`] takes it where a spec is read. An [`Executor`] of
//! your own makes the load of each level ([`Pipeline::with_executor`]). [`cli::main_with`] makes the program the `sizer`
//! command with all of them. The crate `examples/extend` has one of each.
//!
//! # Example: from levels to an answer
//!
//! Runs that were measured elsewhere need no pipeline. This part of the library does no I/O and needs no feature.
//!
//! ```
//! use sizer::{
//!     FitOptions, Load, MeasuredSweep, Metric, Quantile, Question, Recording, Rig, Run, Target,
//! };
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
//! let mut measured = MeasuredSweep::default();
//! for concurrency in [1, 2, 4, 8, 16, 32] {
//!     measured.add(concurrency, &measured_at(concurrency), 0.0);
//! }
//!
//! let question = Question {
//!     targets: vec![Target { metric: Metric::WorkflowRuntime, quantile: Quantile::P95, limit: 1.5 }],
//!     loads: vec![Load::Users { users: 100, think: 0.0 }],
//!     rig: Rig { gpu_count: Some(2), ..Rig::default() },
//!     ..Question::default()
//! };
//! let fits = measured.fits(FitOptions::default());
//! let (estimates, gpus) = measured.prepare(&fits, false).answer(&question);
//! println!("capacity {:?}, grade {:?}", estimates[0].answer.capacity(), estimates[0].grade);
//! println!("GPUs for 100 users: {:?}", gpus.recommended);
//! # assert!(estimates[0].answer.capacity().is_some());
//! ```
//!
//! [`PreparedModel::assess`](estimates::PreparedModel::assess) adds a diagnosis and notes, and [`SizingResult::assemble`] makes
//! the document that reports are rendered from.

// Everything printed for people goes through `cli::diagnose`, which escapes control characters.
#![warn(clippy::print_stdout, clippy::print_stderr)]
// Whatever a public name gives out has a public name as well.
#![warn(unnameable_types)]
// A floor has what those above it need, whether or not they are there.
#![cfg_attr(not(feature = "cli"), allow(dead_code, unused_imports))]

#[cfg(feature = "pipeline")]
mod bounded;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "pipeline")]
mod dataset;
#[cfg(feature = "pipeline")]
mod engine;
#[cfg(feature = "pipeline")]
mod language;
#[cfg(feature = "pipeline")]
mod load;
mod measure;
#[cfg(feature = "pipeline")]
mod nat;
#[cfg(feature = "pipeline")]
mod pacing;
#[cfg(feature = "pipeline")]
mod redact;
#[cfg(feature = "pipeline")]
mod report;
mod sizing;
#[cfg(feature = "pipeline")]
mod spec;
#[cfg(feature = "pipeline")]
mod store;
#[cfg(feature = "pipeline")]
mod study;
#[cfg(feature = "pipeline")]
mod workflow;

pub use measure::{
    Failure, FailureKind, Item, LevelMetrics, LlmCall, Metric, Outcome, Quantile, Recording, Run,
};
pub use sizing::{
    Answer, Certainty, Estimate, Estimator, Evidence, FitOptions, Fits, Grade, Load, Margin,
    MeasuredSweep, Model, Question, Recommendation, Rig, Target,
};

#[cfg(feature = "pipeline")]
pub use {
    load::{Executor, Job},
    report::{Material, Report, ReportError, SizingResult},
    spec::{Checked, Extensions, ReadOptions, Spec, SpecError, SpecSet, WorkflowSpec},
    study::{Pipeline, PipelineError, RunOptions, Study},
    workflow::{BoxFuture, Clock, Kind, Workflow, WorkflowConfig},
};

/// Sections of a [`Spec`], for specs that are made in code, and what is in them.
#[cfg(feature = "pipeline")]
pub mod sections {
    pub use crate::dataset::{
        Conventions, DatasetFormat, DatasetSpec, Filter, FilterValue, Patterns,
    };
    pub use crate::language::{
        Address, Env, Override, Parts, Place, ReadFile, Seconds, Secret, Source,
    };
    pub use crate::pacing::{PacingSpec, Process, Rate, ThinkTime};
    pub use crate::spec::{
        Adaptive, Budget, Concurrency, CountFailures, EstimateSpec, Levels, Limit, LowerLimit,
        Mode, OnFailure, Order, Outputs, Range, ReportSpec, Scale, ScrapeSpec, Share, TargetSets,
        Targets, TestRig, Until, WindowSpec,
    };
    pub use crate::workflow::{
        ConnectionSpec, Headers, HttpProtocol, LlmSpec, ProgramSpec, ServeSpec, UpstreamSpec,
        Variables,
    };
}

/// Kinds of workflow that specs can name, with their keys.
#[cfg(feature = "pipeline")]
pub mod kinds {
    pub use crate::workflow::chain::{
        ChainSpec, Choice, Draw, HttpCall, LlmStep, Message, RepeatStep, Step, ToolStep, WhenStep,
    };
    pub use crate::workflow::command::CommandSpec;
    pub use crate::workflow::custom::CustomSpec;
    pub use crate::workflow::http::{HttpSpec, SuccessRule};
    pub use crate::workflow::nat::{HostCount, NatSpec};
    pub use crate::workflow::openai::{OpenaiApi, OpenaiSpec};
    pub use crate::workflow::recorded::{ConcurrencySource, RecordedPaths, RecordedSpec, TimeUnit};
    pub use crate::workflow::simulator::{
        Agent, Engine, Fault, FaultKind, Length, Protocol, SimulatorSpec,
    };
}

/// Parts of runs ([`Run`]), of recordings ([`Recording`]) and of what was noted with them.
pub mod runs {
    pub use crate::measure::{
        CallColumn, ClientHealth, CpuTime, Fields, Gaps, HostHealth, MachineHealth, Note, Part,
        Phase, PreviousFigures, RecordingMeta, RunColumns, RunFields, SearchGoal, Step, StepKind,
    };
}

/// Parts of level metrics ([`LevelMetrics`]).
pub mod levels {
    pub use crate::measure::{
        Direction, FailureCount, Interval, Intervals, QuantileName, RuntimeShare, Scope,
        ScrapedMetric, Series, ServerMetrics, StepExample, StepFigures, StepMetrics, Summary, Unit,
    };
}

/// Parts of fits ([`Fits`]) and of estimates ([`Estimate`]), with the words of methods ([`Estimator`]).
pub mod estimates {
    pub use crate::sizing::fit::Regression;
    pub use crate::sizing::{
        AddedMethod, AddedName, AdmissionLimit, Alternative, Assessment, Capacity, CrossCheck,
        CurvePoint, Diagnosis, Doubt, ExpectedRuntime, Finding, Fit, GpuCount, HeldBack,
        LevelComparison, MethodName, NamedFit, NoCapacity, NoFit, NoModel, ObservedLevel,
        ObservedRun, PerMetric, Plan, Point, PreparedModel, ProvenBounds, Remedy, SlowLevel,
        StepAtLevel, Sum, TargetQuestion,
    };
}

/// Parts of results ([`SizingResult`]), and the comparison of those of a matrix.
#[cfg(feature = "pipeline")]
pub mod results {
    pub use crate::report::{
        CaseLimit, ComparedAlternative, ComparedBranch, ComparedSet, ComparedTargets, Comparison,
        LevelResult, RunsLookup, SpecIdentity, WhatIf, WhatIfCase, sentence, sentence_of,
    };
}

/// Plans, progress and outcomes of pipelines ([`Pipeline`]) and studies ([`Study`]).
#[cfg(feature = "pipeline")]
pub mod pipeline {
    pub use crate::store::{Digest, Invocation, Key, LockState};
    pub use crate::study::{
        BranchStages, CancellationToken, Grid, MissingBranch, Observer, Outcome, Pattern, Plan,
        PlannedStage, Reason, RemeasureReason, Selection, SilentObserver, StageId, StageOutcome,
        StageStatus, State, Status, StudyOutcome,
    };
}

/// The calculation of the reference, `nat sizing calc`, with its parameters and files.
#[cfg(feature = "pipeline")]
pub mod calc {
    pub use crate::study::{CalcError, CalcFormat, CalcOptions, CalcOutcome};
}

/// Words of workflow kinds ([`Kind`]) and of executors ([`Executor`]).
#[cfg(feature = "pipeline")]
pub mod extend {
    pub use crate::language::{Check, Checker, Vault};
    pub use crate::load::{
        LevelPlan, LevelSize, Local, RecordedLevel, Recorder, RunCallback, Scraper, Window,
        WorkOrder, Workload,
    };
    pub use crate::pacing::{ClosedLoop, LoadPoint, OpenLoop, Pacing, Segment};
    pub use crate::workflow::{ErasedConfig, RedactedWorkflow, ServerKeys};
}

/// Errors that are not at the root.
pub mod errors {
    pub use crate::measure::MergeError;
    #[cfg(feature = "pipeline")]
    pub use crate::{
        dataset::DatasetError,
        language::{InvalidDuration, ReferenceError},
        load::{ForeignError, LoadError, PlanError, ScrapeError, TooFewFiles, WorkerError},
        nat::ImportError,
        pacing::PacingError,
        report::TemplateError,
        spec::ExtensionError,
        store::StoreError,
        study::Cause,
        workflow::ConnectError,
    };
}

/// Names that the tests, benches and fuzz targets of this package need besides the public ones. Nobody else is
/// promised anything about them: they change without notice.
#[cfg(feature = "pipeline")]
#[doc(hidden)]
pub mod internal {
    pub use crate::dataset::{Counts, RequiredFields, for_each_row};
    pub use crate::load::{
        ForeignRecording, ForeignRun, RecordedRuns, from_parquet, read_foreign, to_parquet,
    };
    pub use crate::measure::{Row, quantile_of_sorted};
    pub use crate::redact::printable;
    pub use crate::report::{UserTemplate, built_in_reports, report};
    pub use crate::sizing::fit::Linear;
    pub use crate::sizing::{AdaptivePlan, NextLevel, SweepBudget, next_level, rough_gpus};
    pub use crate::spec::{MigratedSpec, migrate};
    pub use crate::workflow::simulator::engine::{Cluster, Sequence, Token};

    /// Files of the reference calculator.
    pub mod nat {
        pub use crate::nat::*;
    }

    /// The store.
    pub mod store {
        pub use crate::store::*;
    }

    /// Entry points for the fuzz targets.
    #[cfg(fuzzing)]
    pub mod fuzzing {
        pub use crate::store::fuzzing::*;
        pub use crate::workflow::fuzzing::*;
    }
}
