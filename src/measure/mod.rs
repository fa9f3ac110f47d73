//! What was measured: items, runs and their LLM calls, and the metrics of a level. Pure.

mod item;
mod level;
mod metric;
mod quantile;
mod recording;
mod run;

pub use item::{Item, Row};
pub use level::{FailureCount, LevelMetrics};
pub use metric::Metric;
pub use quantile::{Quantile, Summary, quantile_of_sorted};
pub use recording::{ClientHealth, Recording};
pub use run::{Failure, FailureKind, Gaps, LlmCall, Outcome, Phase, Run};
