//! The result: everything that was measured and concluded, as one typed document.

use crate::measure::{LevelMetrics, Quantile};
use crate::sizing::{
    Alternative, Assessment, Diagnosis, Estimate, Fit, Fits, MethodName, PerMetric, Recommendation,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The machine interface: `result.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SizingResult {
    /// Version of this document's form: 1.
    pub schema_version: u32,
    /// The spec that it answers.
    pub spec: SpecIdentity,
    /// Level by level, ascending.
    pub levels: Vec<LevelResult>,
    /// Straight lines through the p95s: what the estimates rest on with `linear` and `robust`, a mere
    /// description of the levels with `monotone`.
    pub fits: PerMetric<Fit>,
    /// Target by target.
    pub estimates: Vec<Estimate>,
    /// Over all targets.
    pub gpus: Recommendation,
    /// What other sets of targets would need.
    #[serde(default)]
    pub alternatives: Vec<Alternative>,
    /// How the rig answers to load.
    #[serde(default)]
    pub diagnosis: Diagnosis,
    /// What a careful reader should know.
    pub notes: Vec<String>,
    /// Digests of the artifacts that the figures come from, by stage.
    pub sources: BTreeMap<String, String>,
}

/// Which spec a result answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpecIdentity {
    /// Its name.
    pub name: String,
    /// The blake3 hash of its canonical form.
    pub digest: String,
}

/// One level with what the targets say about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LevelResult {
    /// What was measured.
    #[serde(flatten)]
    pub metrics: LevelMetrics,
    /// Runs over the limit; null without one.
    pub over_target: PerMetric<u64>,
    /// Runs per second that met every target; null without one.
    pub goodput: Option<f64>,
    /// GPUs if time were proportional to concurrency.
    pub rough_gpus: PerMetric<f64>,
}

impl LevelResult {
    /// Whether runs failed, and no more of them than the spec tolerates.
    pub fn tolerates_failures(&self) -> bool {
        self.failed > 0 && !self.interrupted
    }

    /// What is wrong with the level, for the tables: `!W` runs failed, `!F` no more than are tolerated did, `!C`
    /// the client was too busy.
    pub fn alerts(&self) -> String {
        let letters =
            [(self.interrupted, 'W'), (self.tolerates_failures(), 'F'), (self.client_limited, 'C')];
        let letters: String =
            letters.iter().filter_map(|(holds, letter)| holds.then_some(*letter)).collect();
        if letters.is_empty() { letters } else { format!("!{letters}") }
    }
}

impl std::ops::Deref for LevelResult {
    type Target = LevelMetrics;

    fn deref(&self) -> &LevelMetrics {
        &self.metrics
    }
}

impl SizingResult {
    /// Puts a result together. `levels` and the assessment's are in the same order.
    pub fn assemble(
        spec: SpecIdentity,
        levels: Vec<LevelMetrics>,
        fits: &Fits,
        assessment: Assessment,
        sources: BTreeMap<String, String>,
    ) -> Self {
        let Assessment { levels: against, estimates, gpus, alternatives, diagnosis, mut notes } =
            assessment;
        notes.extend(super::servers::sentences(&levels));
        let p95 = |metric| fits.get(metric, Quantile::P95).ok().cloned();
        let levels = levels
            .into_iter()
            .zip(against)
            .map(|(metrics, against)| LevelResult {
                metrics,
                over_target: against.over_target,
                goodput: against.goodput,
                rough_gpus: against.rough_gpus,
            })
            .collect();
        Self {
            schema_version: 1,
            spec,
            levels,
            fits: PerMetric::of(p95),
            estimates,
            gpus,
            alternatives,
            diagnosis,
            notes,
            sources,
        }
    }

    /// Whether the estimates rest on straight lines, or there is none and the lines are all there is.
    pub fn uses_lines(&self) -> bool {
        self.estimates.iter().all(|estimate| estimate.method != MethodName::Monotone)
    }

    /// Whether the measurements say that a target cannot be met at any size.
    pub fn is_out_of_reach(&self) -> bool {
        self.estimates.iter().any(|estimate| estimate.unreachable)
    }
}

/// The JSON schema (draft 2020-12) of `result.json`.
pub fn result_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(SizingResult).to_value();
    schema.sort_all_objects();
    schema
}
