//! The language of specs: YAML with positions, composed from parts, with references to the
//! environment. It knows no section of a spec.
//!
//! # Concepts
//!
//! - A *tree* (`tree`) is the YAML before it has types; every key and value knows its file, line
//!   and column. `toml_tree` makes the same of `sizer.toml`, and `nesting` refuses what a YAML
//!   reader could not bear.
//! - A [`Secret`] and an [`Address`] keep `${env:…}` as references until a request is sent;
//!   revealing them through a [`Vault`] makes the value known to a
//!   [`Redactor`](crate::redact::Redactor). [`Seconds`] are written as `300ms` or `10s`;
//!   a type that is written as a scalar or a map has one decoder, `ScalarOr`.
//! - A [`SpecError`] has a message, a position with the offending line, and help.
//!
//! # Flow
//!
//! `compose` lays `sizer.toml`, includes, the spec and a profile over each other, applies `--set`
//! ([`Override`]) and fills in `${vars.…}`; `matrix` makes a tree per combination; `decode` is a
//! serde deserializer over the tree, so that types are plain derived structs; a [`Checker`] knows
//! the tree, so that a check which types cannot express fails with a position as well.
//!
//! Whatever has keys in a spec (a kind of workflow, a section) depends on this floor. Pure.

mod address;
mod checker;
mod compose;
mod decode;
mod duration;
mod error;
mod file_name;
mod glob;
mod interpolate;
mod matrix;
mod nesting;
mod scalar_or;
mod secret;
mod set;
mod toml_tree;
mod tree;

pub use address::Address;
pub use checker::{Check, Checker};
pub(crate) use compose::compose;
pub use compose::{Parts, ReadFile};
pub(crate) use decode::{decode, suggestion};
pub use duration::{InvalidDuration, Seconds};
pub use error::{Place, Source, SpecError};
pub use file_name::plain_file_name;
pub use glob::glob_matches;
pub use interpolate::{Env, ReferenceError};
pub(crate) use matrix::Branch;
pub(crate) use scalar_or::{Scalar, ScalarOr, ScalarOrMap, deserialize_scalar_or_map};
pub use secret::{Secret, Vault};
pub use set::Override;
pub(crate) use tree::{Node, Value};
