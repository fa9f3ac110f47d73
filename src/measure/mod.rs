//! What was measured: items, runs and their LLM calls, and the metrics of a level. Pure.

mod against;
mod columns;
mod interval;
mod item;
mod level;
mod metric;
mod note;
mod quantile;
mod recording;
mod run;
mod scrape;
mod tally;
mod told;
mod wave;
mod window;

pub use against::AgainstLimits;
pub use columns::{CallColumn, Head, RunColumns};
pub use interval::{CONFIDENCE, Interval, at_most, runs_to_bound};
pub use item::{Item, Row};
pub use level::LevelMetrics;
pub use metric::Metric;
pub use note::Note;
pub use quantile::{Intervals, Quantile, Summary, quantile_of_sorted};
pub use recording::{Around, Asked, Before, ClientHealth, Recording};
pub use run::{Failure, FailureKind, Gaps, LlmCall, Outcome, Phase, Run};
pub use scrape::{Scraped, ScrapedMetric, Series};
pub use tally::FailureCount;
pub use wave::{first_wave_spread, starts_together};
