//! The load generator: plans in, recordings out.

mod closed_loop;
mod files;
mod foreign;
mod health;
mod open_loop;
mod pause;
mod recording;
mod run_level;
mod schedule;
mod scrape;

pub use files::{TooFewFiles, make_room};
pub use foreign::{ForeignError, ForeignRun, each_foreign_run};
pub use recording::{RUNS_SCHEMA, RecordedRuns, from_parquet, to_parquet};
pub use run_level::{LoadError, OnRun, run_level};
pub use schedule::{LevelPlan, Pace, Window};
pub use scrape::Scraper;
