//! Form in which an estimate is written: one flat record, with null for what it lacks.

use super::{Answer, Capacity, CrossCheck, CurvePoint, Estimate, GpuCount, ProvenBounds};
use crate::measure::{Metric, QuantileName};
use crate::sizing::finding::Finding;
use crate::sizing::fit::Fit;
use crate::sizing::method::MethodName;
use crate::sizing::{Grade, Load};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Estimate for one target.
#[derive(Serialize, Deserialize, JsonSchema)]
struct EstimateDocument {
    /// Metric that is limited.
    target: Metric,
    /// Quantile that is limited: of a time the most that it may be, such as the p95; of a rate the
    /// least that it has to reach, such as the p05.
    quantile: QuantileName,
    /// Limit in the unit of the metric: seconds, or tokens per second.
    limit: f64,
    /// Users to serve; null if the spec does not say.
    users: Option<u64>,
    /// Time that they take between two runs, in seconds; null if they are concurrent runs.
    #[serde(default)]
    think_time: Option<f64>,
    /// Runs to serve per second; null if the spec does not say.
    #[serde(default)]
    request_rate: Option<f64>,
    /// True if the levels, and so the capacity, count users, who do not all have a run in flight.
    #[serde(default)]
    counts_users: bool,
    /// Method of the estimate.
    method: MethodName,
    /// Line behind the figure, of a rate that of the time behind it; null if there is none.
    fit: Option<Fit>,
    /// Curve behind the figure; null with a line.
    curve: Option<Vec<CurvePoint>>,
    /// Probability that the truth lies within the intervals; null if there are none.
    confidence: Option<f64>,
    /// Capacity of the test rig; null if there is no estimate.
    capacity: Option<Capacity>,
    /// Runs per second that it serves at that concurrency; null if there is no estimate.
    #[serde(default)]
    throughput: Option<f64>,
    /// GPUs that the load needs; null if there is no estimate.
    gpus: Option<GpuCount>,
    /// The same load in the other form, with its need; null if there is no estimate.
    #[serde(default)]
    cross_check: Option<CrossCheck>,
    /// Grade of the answer; null if there is none.
    #[serde(default)]
    grade: Option<Grade>,
    /// Reasons why the grade is not better, in sentences.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    doubts: Vec<Finding>,
    /// Levels that would tell more about it.
    #[serde(default)]
    add: BTreeSet<u32>,
    /// Levels to measure again.
    #[serde(default)]
    again: BTreeSet<u32>,
    /// Bounds of the capacity that individual levels prove.
    #[serde(default)]
    proven: ProvenBounds,
    /// Levels that were left out of the curve because they contradict the others.
    #[serde(default)]
    left_out: Vec<u32>,
    /// True if the capacity lies outside the measured concurrencies.
    extrapolated: bool,
    /// True if the measurements show that no number of GPUs meets this target.
    unreachable: bool,
    /// Reason why there is no estimate; null if there is one.
    #[schemars(with = "Option<String>")]
    reason: Option<Finding>,
}

impl From<Estimate> for EstimateDocument {
    fn from(estimate: Estimate) -> Self {
        let (users, think_time, request_rate) = match estimate.load {
            Some(Load::Users { users, think }) => (Some(users), Some(think), None),
            Some(Load::Rate { per_second }) => (None, None, Some(per_second)),
            None => (None, None, None),
        };
        let answer = &estimate.answer;
        Self {
            target: estimate.target,
            quantile: estimate.target.quantile(estimate.quantile),
            limit: estimate.limit,
            users,
            think_time: think_time.filter(|think| *think > 0.0),
            request_rate,
            counts_users: estimate.counts_users,
            method: estimate.method,
            confidence: estimate.confidence,
            capacity: answer.capacity(),
            throughput: answer.throughput(),
            gpus: answer.gpus(),
            cross_check: answer.cross_check(),
            unreachable: answer.is_out_of_reach(),
            reason: answer.reason().cloned(),
            fit: estimate.fit,
            curve: estimate.curve,
            grade: estimate.grade,
            doubts: estimate.doubts,
            add: estimate.add,
            again: estimate.again,
            proven: estimate.proven,
            left_out: estimate.left_out,
            extrapolated: estimate.extrapolated,
        }
    }
}

impl From<EstimateDocument> for Estimate {
    fn from(written: EstimateDocument) -> Self {
        let EstimateDocument { throughput, cross_check, unreachable, .. } = written;
        let load = match (written.users, written.request_rate) {
            (Some(users), _) => {
                Some(Load::Users { users, think: written.think_time.unwrap_or(0.0) })
            }
            (None, Some(per_second)) => Some(Load::Rate { per_second }),
            (None, None) => None,
        };
        // Only of a number there is nothing to explain.
        let reason = written.reason.unwrap_or(Finding::InWords(String::new()));
        let answer = match (written.capacity, written.gpus) {
            (Some(capacity), Some(gpus)) => {
                Answer::Gpus { capacity, throughput, gpus, cross_check }
            }
            (Some(capacity), None) => Answer::CapacityOnly { capacity, throughput, reason },
            (None, _) if unreachable => Answer::OutOfReach { reason },
            (None, _) => Answer::NoModel { reason },
        };
        Self {
            target: written.target,
            quantile: written.quantile.of_times(),
            limit: written.limit,
            load,
            counts_users: written.counts_users,
            method: written.method,
            fit: written.fit,
            curve: written.curve,
            confidence: written.confidence,
            answer,
            grade: written.grade,
            doubts: written.doubts,
            add: written.add,
            again: written.again,
            proven: written.proven,
            left_out: written.left_out,
            extrapolated: written.extrapolated,
        }
    }
}

impl Serialize for Estimate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        EstimateDocument::from(self.clone()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Estimate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        EstimateDocument::deserialize(deserializer).map(Self::from)
    }
}

impl JsonSchema for Estimate {
    fn schema_name() -> Cow<'static, str> {
        "Estimate".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        EstimateDocument::json_schema(generator)
    }
}
