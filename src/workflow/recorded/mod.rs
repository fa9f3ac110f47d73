//! `recorded`: a spec whose runs were measured elsewhere. It has no client.

mod config;
mod kind;

pub use config::{ConcurrencySource, RecordedPaths, RecordedSpec, TimeUnit};
