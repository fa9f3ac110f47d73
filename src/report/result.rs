//! Result document: everything that was measured and concluded.

use super::prose::{recommendation, sentence, sentence_of};
use crate::measure::{LevelMetrics, Metric, Quantile};
use crate::sizing::{
    Alternative, Assessment, Diagnosis, Estimate, Fit, Fits, PerMetric, Recommendation,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Content of `result.json`, the machine interface.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct SizingResult {
    /// Version of this document's form: 1.
    pub schema_version: u32,
    /// Spec that this result answers.
    pub spec: SpecIdentity,
    /// Levels in ascending order of concurrency.
    pub levels: Vec<LevelResult>,
    /// Straight lines through the p95s. Estimates by `linear` and `robust` rest on them; with `monotone` they
    /// merely describe the levels.
    pub fits: PerMetric<Fit>,
    /// Estimates, one per target.
    pub estimates: Vec<Estimate>,
    /// Recommendation over all targets.
    pub gpus: Recommendation,
    /// Answers to the other sets of targets.
    #[serde(default)]
    pub alternatives: Vec<Alternative>,
    /// Response of the rig to load.
    #[serde(default)]
    pub diagnosis: Diagnosis,
    /// Notes for the careful reader.
    pub notes: Vec<String>,
    /// Digests of the artifacts that the figures come from, by stage.
    pub sources: BTreeMap<String, String>,
}

/// Identity of the spec that a result answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpecIdentity {
    /// Name of the spec.
    pub name: String,
    /// Blake3 hash of the spec's canonical form.
    pub digest: String,
}

/// One level, with its metrics and how it compares with the targets.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct LevelResult {
    /// Metrics of the level.
    #[serde(flatten)]
    pub metrics: LevelMetrics,
    /// Number of runs over the limit of each metric; null without a limit.
    pub over_target: PerMetric<u64>,
    /// Runs per second that met every target; null without one.
    pub goodput: Option<f64>,
    /// GPUs if time were proportional to concurrency.
    pub rough_gpus: PerMetric<f64>,
}

impl LevelResult {
    /// Returns true if runs failed, but no more than the spec tolerates.
    pub fn tolerates_failures(&self) -> bool {
        self.failed > 0 && !self.interrupted
    }

    /// Returns true if this machine, by the client or by the hosts of the workflow, was too busy for the times to be
    /// the server's.
    pub fn is_machine_limited(&self) -> bool {
        self.client_limited || self.host_limited()
    }

    /// Alerts about the level, for the tables: `!W` if runs failed, `!F` if no more failed than are
    /// tolerated, `!C` if the client or a host of the workflow was too busy.
    pub fn alerts(&self) -> String {
        let letters = [
            (self.interrupted, 'W'),
            (self.tolerates_failures(), 'F'),
            (self.is_machine_limited(), 'C'),
        ];
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
    /// Returns the recommendation over all targets as a sentence, or why there is none.
    pub(crate) fn recommendation(&self) -> Option<String> {
        recommendation(&self.gpus, &self.estimates)
    }

    /// Assembles a result. The assessment's levels must be in the order of `levels`.
    pub fn assemble(
        spec: SpecIdentity,
        levels: Vec<LevelMetrics>,
        fits: &Fits,
        assessment: Assessment,
        sources: BTreeMap<String, String>,
    ) -> Self {
        let Assessment { levels: against, estimates, gpus, alternatives, diagnosis, notes } =
            assessment;
        let in_words = |estimates: Vec<Estimate>| -> Vec<Estimate> {
            estimates.into_iter().map(|estimate| estimate.in_words(sentence_of)).collect()
        };
        let alternatives = alternatives.into_iter().map(|alternative| Alternative {
            estimates: in_words(alternative.estimates),
            ..alternative
        });
        let mut notes: Vec<String> = notes.iter().map(sentence).collect();
        notes.extend(super::servers::sentences(&levels));
        let p95 = |metric: Metric| {
            let line = || fits.get(metric, Quantile::P95).ok().cloned();
            if metric.is_rate() { None } else { line() }
        };
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
            estimates: in_words(estimates),
            gpus,
            alternatives: alternatives.collect(),
            diagnosis,
            notes,
            sources,
        }
    }

    /// Metrics that the levels are shown by: the times, and those rates that a target limits.
    pub(super) fn shown_metrics(&self) -> Vec<Metric> {
        let of_sets = self.alternatives.iter().flat_map(|it| &it.estimates);
        let limited: Vec<Metric> =
            self.estimates.iter().chain(of_sets).map(|estimate| estimate.target).collect();
        let shown = |metric: &Metric| !metric.is_rate() || limited.contains(metric);
        Metric::ALL.into_iter().filter(shown).collect()
    }

    /// Returns true if all estimates rest on straight lines, so that those are worth showing.
    pub fn uses_lines(&self) -> bool {
        self.estimates.iter().all(|estimate| estimate.method.estimator().is_line())
    }

    /// Returns true if the measurements show that a target cannot be met with any number of GPUs.
    pub fn is_out_of_reach(&self) -> bool {
        self.estimates.iter().any(|estimate| estimate.answer.is_out_of_reach())
    }
}

/// The JSON schema (draft 2020-12) of `result.json`.
pub fn result_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(SizingResult).to_value();
    schema.sort_all_objects();
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Recording, Run};

    #[test]
    fn a_level_with_statuses_can_be_read_again() {
        let run = |http_status| Run { http_status: Some(http_status), end: 1.0, ..Run::default() };
        let recording = Recording { runs: vec![run(200), run(200)], ..Recording::default() };
        let level = LevelResult {
            metrics: LevelMetrics::of(2, &recording, 0.0),
            over_target: PerMetric::of(|_| None),
            goodput: None,
            rough_gpus: PerMetric::of(|_| Some(1.5)),
        };
        assert_eq!(level.http_statuses, BTreeMap::from([(200, 2)]));
        let text = serde_json::to_string(&level).unwrap();
        assert_eq!(serde_json::from_str::<LevelResult>(&text).unwrap(), level);
    }
}
