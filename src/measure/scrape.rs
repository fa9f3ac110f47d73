//! The server's own metrics, scraped while a level ran.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Samples of one metric: seconds since the level began, and the value.
pub type Series = Vec<(f64, f64)>;

/// A server's metrics by name, as they were scraped.
pub type ServerMetrics = BTreeMap<String, Series>;

/// One scraped metric over the measured window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ScrapedMetric {
    /// Arithmetic mean of the samples.
    pub mean: f64,
    /// The largest sample.
    pub max: f64,
    /// Number of samples.
    pub samples: u64,
}

impl ScrapedMetric {
    /// Aggregates the samples between two times (seconds since the level began); `None` if there
    /// are none.
    pub(super) fn between(series: &Series, from: f64, to: f64) -> Option<Self> {
        let within = || series.iter().filter(|(at, _)| (from..=to).contains(at));
        let samples = within().count();
        (samples > 0).then(|| Self {
            mean: within().map(|(_, value)| value).sum::<f64>() / samples as f64,
            max: within().map(|(_, value)| *value).fold(f64::NEG_INFINITY, f64::max),
            samples: samples as u64,
        })
    }
}
