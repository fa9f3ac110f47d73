//! The spec: what to measure and what to aim for, as types, with every error at its place.
//!
//! Pure but for [`file`], which reads the spec and the environment.

mod address;
mod compose;
mod concurrency;
mod dataset;
mod decode;
mod duration;
mod error;
mod estimate;
mod file;
mod file_name;
mod glob;
mod interpolate;
mod load;
mod matrix;
mod migrate;
mod nesting;
mod outputs;
mod schema;
mod secret;
mod set;
mod spec_set;
mod targets;
mod toml_tree;
mod tree;
mod validate;
mod whole;
pub mod workflow;

pub use crate::redact::{names_a_secret, query_holds_a_secret, redact, url_password};
pub use address::Address;
pub use compose::{Parts, ReadFile};
pub use concurrency::{Budget, Concurrency, Levels, Scale};
pub use dataset::{DatasetFormat, DatasetSpec, Filter, FilterValue, Patterns};
pub use duration::Seconds;
pub use error::{Place, Source, SpecError};
pub use estimate::{CountFailures, EstimateSpec, Method};
pub use file::{ReadOptions, migrate_file, process_env};
pub use file_name::plain_file_name;
pub use glob::glob_matches;
pub use interpolate::{Env, ReferenceError};
pub use load::{Mode, OnFailure, Order, Process, Rate, Share, ThinkTime, Until};
pub use migrate::{Migrated, migrate};
pub use outputs::{BUILT_IN_REPORTS, Outputs, ReportSpec};
pub use schema::json_schema;
pub use secret::{Secret, Vault};
pub use set::Override;
pub use spec_set::SpecSet;
pub use targets::{Limit, ScrapeSpec, TargetSets, Targets, TestRig};
pub use whole::Spec;
pub use workflow::WorkflowSpec;
