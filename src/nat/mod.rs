//! Files of the reference calculator, NeMo Agent Toolkit's `nat sizing calc`: its output, read and
//! written, and its configuration, read.
//!
//! # Concepts
//!
//! - [`CalcOutput`] is `calc_runner_output.json`: per concurrency the p95s, the items and the
//!   alerts, and over all of them the fits and the GPU estimates. [`OlderCalcOutput`] is its shape
//!   from before version 1.2; [`read_calc_output`] reads both.
//! - [`import`] turns a configuration into the `dataset` and `workflow` of a spec ([`ImportedSections`]),
//!   with notes on everything that was changed or left out.
//! - [`ConfigParts`] is all that a configuration is made of, by which a key identifies it.
//! - [`Sources`] gives access to environment variables and files, so that the conversion itself
//!   stays pure.
//!
//! # Flow
//!
//! `load` reads a configuration and its `base` files, `variables` fills in environment variables
//! before the YAML is parsed (as the reference does), `typed` converts settings to the types that
//! the reference gives them, `config` builds the dataset and `llm` the workflow, asked as
//! `provider` says. In the other
//! direction, [`SizingMetrics::level`] turns the figures of a concurrency into
//! [`LevelMetrics`](crate::measure::LevelMetrics).
//!
//! Fields and behaviour are checked against version 1.9.0; times are seconds. The verbs `import`
//! and `calc` and the reports in the reference's formats build on this.

mod calc_output;
mod config;
mod error;
mod llm;
mod load;
mod older_output;
mod parts;
mod provider;
mod typed;
mod variables;

pub use calc_output::{
    CalcAlerts, CalcData, CalcOutput, FitResults, GpuEstimates, ItemMetrics, LinearFit,
    MetricsAlerts, SizingMetrics,
};
pub use config::{ImportedSections, ReadItems, import};
pub use error::ImportError;
pub use load::Sources;
pub use older_output::{OlderCalcOutput, read_calc_output};
pub use parts::ConfigParts;
