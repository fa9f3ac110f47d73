//! The load generator: plans in, recordings out.

mod closed_loop;
mod health;
mod open_loop;
mod pause;
mod recording_file;
mod run_level;
mod schedule;

pub use recording_file::{RUNS_SCHEMA, from_parquet, to_parquet};
pub use run_level::{LoadError, OnRun, run_level};
pub use schedule::{LevelPlan, Pace, Window};
