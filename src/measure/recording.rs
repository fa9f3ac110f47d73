//! Everything that was recorded at one level.

use super::{Run, Scraped};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the client itself fared while it loaded a level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientHealth {
    /// Share of this machine's cores that the process used, 0 to 1.
    pub cpu_share: f64,
    /// p95 of how late a timer of the client fired, in seconds.
    pub lag_p95: f64,
    /// The latest that it fired, in seconds.
    pub lag_max: f64,
}

impl ClientHealth {
    /// Whether times are more likely the client's than the server's: its timers came late by a
    /// share of the times that it measured, or no core was left.
    pub fn limits(&self, typical_runtime: f64) -> bool {
        const BUSY: f64 = 0.95;
        const SHARE: f64 = 0.05;
        const HARMLESS: f64 = 0.005;
        self.cpu_share > BUSY || self.lag_p95 > (SHARE * typical_runtime).max(HARMLESS)
    }
}

/// What was noted of a level besides its runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Around {
    /// The level; `None` where it is not written down.
    pub concurrency: Option<u32>,
    /// How the client fared; `None` where the runs came from elsewhere.
    pub client: Option<ClientHealth>,
    /// What the server said of itself, where it was asked.
    pub scraped: Scraped,
    /// Why some of it is missing.
    pub scrape_error: Option<String>,
    /// Whether the runs met an idle server, where that is known from elsewhere than the runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<bool>,
    /// How many runs each repetition of the level has, which lie end to end; empty where there is one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repetitions: Vec<u64>,
}

/// The runs of a level, in the order in which they began, and what was noted besides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// The runs.
    pub runs: Vec<Run>,
    /// What was noted besides.
    pub around: Around,
}
