//! The load generator: plans in, recordings out.

mod closed_loop;
mod error;
mod files;
mod foreign;
mod health;
mod level;
mod open_loop;
mod ordered;
mod pause;
mod recorder;
mod recording;
mod run_level;
mod schedule;
mod scrape;

pub use error::LoadError;
pub use files::{TooFewFiles, make_room};
pub use foreign::{ForeignError, ForeignRecording, ForeignRun, read_foreign, recorded_files};
pub use level::OnRun;
pub use recorder::{Recorded, Recorder};
pub use recording::{RUNS_SCHEMA, RecordedRuns, from_parquet, is_own_parquet, to_parquet};
pub use run_level::run_level;
pub use schedule::{LevelPlan, Pace, Window};
pub use scrape::Scraper;
