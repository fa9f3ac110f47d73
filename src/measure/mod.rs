//! Measured data and its aggregation: items, runs with their LLM calls, and the metrics of a level.
//!
//! # Concepts
//!
//! - An [`Item`] is one dataset entry; a [`Run`] is one execution of the workflow for an item, with
//!   the [`LlmCall`]s and [`Step`]s seen within it, an [`Outcome`] and a [`Phase`] (warm-up, measured or
//!   cool-down).
//! - A [`Recording`] holds all runs of one level and, in [`RecordingMeta`], the facts about the level
//!   itself: client health, scraped server metrics, the search that asked for it.
//! - [`RunColumns`] gives access to the runs column by column, so that a level of millions of runs
//!   is aggregated without being held in memory. `Recording` implements it, and so do
//!   recordings on disk.
//! - [`LevelMetrics`] aggregates one level: counts, rates, and a [`Summary`] (mean, quantiles and
//!   their confidence intervals) of each [`Metric`]; [`StepMetrics`] has the shares of the steps in the
//!   runtimes.
//!
//! # Flow
//!
//! `RunColumns` → `window` (the measured window) → `tally` (counts over all runs) and `told`
//! (figures of calls and answers) → [`LevelMetrics::of_columns`]. [`LimitComparison`] counts the runs
//! that exceed limits and the goodput.
//!
//! All times are seconds (`f64`). Failed runs are counted, never timed. Everything here is pure: no
//! clock, no files, no randomness. Nearly all floors above build on it, [`crate::sizing`],
//! [`crate::load`] and [`crate::report`] most of all.

mod call_figures;
mod columns;
mod interval;
mod item;
mod level;
mod limit_comparison;
mod merge;
mod metric;
mod note;
mod quantile;
mod recording;
mod run;
mod scrape;
mod spans;
mod step;
mod step_example;
mod step_figures;
mod tally;
mod wave;
mod window;

pub use columns::{CallColumn, RunColumns, RunFields};
pub use interval::{Interval, at_most, runs_to_bound};
pub use item::{Fields, Item, Row};
pub use level::LevelMetrics;
pub use limit_comparison::LimitComparison;
pub use merge::MergeError;
pub(crate) use metric::each_metric;
pub use metric::{Direction, Metric, Scope, Span, Unit};
pub use note::Note;
pub use quantile::{Intervals, Quantile, QuantileName, Summary, quantile_of_sorted};
pub use recording::{
    ClientHealth, CpuTime, HostHealth, MachineHealth, Part, PreviousFigures, Recording,
    RecordingMeta, SearchGoal,
};
pub(crate) use run::longest_work;
pub use run::{Failure, FailureKind, Gaps, LlmCall, Outcome, Phase, Run};
pub use scrape::{ScrapedMetric, Series, ServerMetrics};
pub use step::{Step, StepKind};
pub use step_example::StepExample;
pub use step_figures::{RuntimeShare, StepFigures, StepMetrics};
pub use tally::FailureCount;
pub use wave::{first_wave_spread, starts_together};
