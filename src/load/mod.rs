//! The load generator: plans in, recordings out.

mod begin;
mod error;
mod executor;
mod files;
mod foreign;
mod health;
mod host_watch;
mod level;
mod local;
mod plan;
mod plan_error;
mod recorder;
mod recording;
mod reorder_buffer;
mod schedule;
mod scrape;
mod work_order;
mod worker;

pub use error::LoadError;
pub use executor::{Executor, Job};
pub use files::{TooFewFiles, make_room};
pub use foreign::{
    ForeignError, ForeignRecording, ForeignRun, read_foreign, read_shares, recorded_files,
};
pub use level::RunCallback;
pub use local::Local;
pub use plan::{LevelPlan, LevelSize};
pub use plan_error::PlanError;
pub use recorder::{RecordedLevel, Recorder};
pub use recording::{RecordedRuns, from_parquet, is_own_parquet, to_parquet};
pub use schedule::{Window, Workload};
pub use scrape::{ScrapeError, Scraper};
pub use work_order::WorkOrder;
pub use worker::WorkerError;
