//! The load generator: plans in, recordings out.

mod error;
mod executor;
mod files;
mod foreign;
mod health;
mod level;
mod local;
mod ordered;
mod pacing;
mod plan;
mod plan_error;
mod point;
mod recorder;
mod recording;
mod schedule;
mod scrape;
mod segment;
mod work_order;
mod worker;

pub use error::LoadError;
pub use executor::{Executor, Job};
pub use files::{TooFewFiles, make_room};
pub use foreign::{
    ForeignError, ForeignRecording, ForeignRun, read_foreign, read_shares, recorded_files,
};
pub use level::OnRun;
pub use local::Local;
pub use pacing::{Closed, Open, Pacing};
pub use plan::{LevelPlan, LevelSize};
pub use plan_error::PlanError;
pub use point::LoadPoint;
pub use recorder::{Recorded, Recorder};
pub use recording::{RUNS_SCHEMA, RecordedRuns, from_parquet, is_own_parquet, to_parquet};
pub use schedule::{Window, Workload};
pub use scrape::{ScrapeError, Scraper};
pub use segment::Segment;
pub use work_order::WorkOrder;
pub use worker::WorkerError;
