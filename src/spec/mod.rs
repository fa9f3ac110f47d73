//! The spec: the measurements and targets of a YAML file as types, with the position of every
//! error.
//!
//! # Concepts
//!
//! - A *tree* (`tree`) is the YAML before it has types; every key and value knows its file, line
//!   and column. `toml_tree` makes the same of `sizer.toml`.
//! - A [`Spec`] has one field per section: [`DatasetSpec`], [`WorkflowSpec`], [`TestRig`],
//!   [`Concurrency`], [`Targets`], [`EstimateSpec`], [`Outputs`]. A [`SpecSet`] is the one spec of
//!   a file, or one per combination of its matrix.
//! - A [`Secret`] and an [`Address`] keep `${env:…}` as references until a request is sent;
//!   revealing them through a [`Vault`] makes the value known to a
//!   [`Redactor`](crate::redact::Redactor).
//! - A [`SpecError`] has a message, a position with the offending line, and help.
//!
//! # Flow
//!
//! `compose` lays `sizer.toml`, includes, the spec and a profile over each other, applies `--set`
//! ([`Override`]) and fills in `${vars.…}`; `matrix` makes a tree per combination; `decode` is a
//! serde deserializer over the tree, so that the types are plain derived structs; `validate` checks
//! what types cannot express. [`migrate()`] brings the text of an older version up to date, and
//! [`json_schema`] describes the format; the descriptions in it are the doc comments of the types.
//!
//! Most floors above depend on this, each on its own sections of the spec. Pure but for `file`,
//! which reads the spec and the environment.

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
mod pacing;
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
pub use estimate::{CountFailures, EstimateSpec};
pub use file::{ReadOptions, migrate_file, process_env};
pub use file_name::plain_file_name;
pub use glob::glob_matches;
pub use interpolate::{Env, ReferenceError};
pub use load::{Mode, OnFailure, Order, Share, Until};
pub use migrate::{Migrated, migrate};
pub use outputs::{BUILT_IN_REPORTS, Outputs, ReportSpec};
pub use pacing::{Process, Rate, ThinkTime};
pub use schema::json_schema;
pub use secret::{Secret, Vault};
pub use set::Override;
pub use spec_set::SpecSet;
pub use targets::{Limit, ScrapeSpec, TargetSets, Targets, TestRig};
pub use whole::Spec;
pub use workflow::WorkflowSpec;
