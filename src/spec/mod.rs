//! The spec: the measurements and targets of a YAML file as types, with the position of every
//! error.
//!
//! # Concepts
//!
//! - A [`Spec`] has one field per section: [`DatasetSpec`], [`WorkflowSpec`], [`TestRig`],
//!   [`Concurrency`], [`Targets`], [`EstimateSpec`], [`Outputs`]. A [`SpecSet`] is the one spec of
//!   a file, or one per combination of its matrix.
//! - The language that sections are written in (trees with positions, references, secrets,
//!   errors) is a floor of its own, `language`. Kinds of workflow, formats of datasets, shapes
//!   of load and reports are registered on their floors ([`workflow`](crate::workflow),
//!   [`dataset`](crate::dataset), [`pacing`](crate::pacing), [`report`](crate::report)), with their
//!   keys; this floor puts sections together.
//!
//! # Flow
//!
//! `language` composes a tree per spec and decodes it into these types, which are plain derived
//! structs; `validate` checks what types cannot express and makes a [`Checked`] spec, which is what a
//! pipeline takes. [`migrate()`] brings the text of an older
//! version up to date, and [`Extensions::json_schema`] describes the format; the descriptions in it are the doc
//! comments of the types.
//!
//! Most floors above depend on this, each on its own sections of the spec. Pure but for `file`,
//! which reads the spec and the environment.

mod checked;
mod concurrency;
mod estimate;
mod extensions;
mod file;
mod load;
mod lower_limit;
mod migrate;
mod outputs;
mod schema;
mod spec_set;
mod targets;
mod validate;
mod whole;

pub use crate::dataset::{DatasetFormat, DatasetSpec, Filter};
pub use crate::language::{
    Env, Override, Parts, ReferenceError, Seconds, SpecError, Vault, glob_matches, plain_file_name,
};
pub use crate::redact::redact;
pub use crate::workflow::WorkflowSpec;
pub use checked::Checked;
pub use concurrency::{Adaptive, Budget, Concurrency, Levels, Range, Scale, WindowSpec};
pub use estimate::{CountFailures, EstimateSpec};
pub use extensions::{ExtensionError, Extensions};
pub use file::{PROJECT_FILE, ReadOptions, migrate_file, process_env};
pub use load::{Mode, OnFailure, Order, Share, Until};
pub use lower_limit::LowerLimit;
pub use migrate::{MigratedSpec, migrate};
pub use outputs::{Outputs, ReportSpec};
pub use spec_set::SpecSet;
pub use targets::{Limit, ScrapeSpec, TargetSets, Targets, TestRig};
pub use whole::Spec;
