//! Findings: what is worth saying about a sweep and its estimates, as data. `report::prose` has the
//! words.

use super::admission::AdmissionLimit;
use super::fit::{NoCapacity, NoFit};
use super::grade::Doubt;
use super::slow_level::SlowLevel;
use super::step_at_level::StepAtLevel;
use crate::measure::{Metric, Quantile, StepKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Levels that would settle a doubt, and where they would come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Remedy {
    /// Levels that are missing.
    pub add: BTreeSet<u32>,
    /// Levels to measure again.
    pub again: BTreeSet<u32>,
    /// True if the levels were measured elsewhere.
    pub recorded: bool,
    /// True if a level counts users, who do not all have a run in flight.
    pub counts_users: bool,
}

/// A finding that a careful reader should know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finding {
    /// So many runs failed at these levels that they are left out of every fit.
    Interrupted {
        /// The levels.
        levels: Vec<u32>,
    },
    /// The server stopped answering during a level.
    ServerGone {
        /// The level.
        level: u32,
        /// Description of the failure.
        failure: String,
    },
    /// The client was too busy for its times to be the server's.
    ClientLimited {
        /// Levels at which it was.
        levels: Vec<u32>,
    },
    /// The processes that run the workflow on this machine were busy all the time.
    HostLimited {
        /// Levels at which they were.
        levels: Vec<u32>,
        /// Number of processes at the highest of them.
        processes: u32,
        /// True if this machine had no core for them.
        starved: bool,
    },
    /// The server works on so many runs at a time, and the others wait to be admitted.
    Admission {
        /// The limit, with its levels.
        limit: AdmissionLimit,
    },
    /// Requests met a closed connection and were sent again.
    Reconnected {
        /// Number of requests.
        requests: u64,
    },
    /// LLM calls failed within runs.
    FailedCalls {
        /// Number of calls.
        calls: u64,
    },
    /// Some of the server's own metrics are missing.
    ScrapeIncomplete {
        /// First level at which they are.
        level: u32,
        /// Reason.
        error: String,
    },
    /// The lines rest on few levels.
    FewLevels {
        /// Levels that count.
        usable: usize,
    },
    /// Run times are estimated by the tokens of their calls.
    ByTokens {
        /// Number of runs whose calls report them.
        runs: u64,
    },
    /// No target is set, so that there is no estimate.
    NoTarget,
    /// The rig saturates.
    Saturated {
        /// Runs per second that it then serves.
        throughput: f64,
        /// Concurrency at which a rig without waiting would reach that, if it is known.
        knee: Option<f64>,
    },
    /// Throughput falls as the load rises.
    ThroughputFalls {
        /// Concurrency at which it was highest, with the runs per second there.
        best: (u32, f64),
        /// Highest level, with the runs per second there.
        highest: (u32, f64),
    },
    /// A step of the workflow takes the largest part of the runtime.
    Bottleneck {
        /// Kind of the step.
        kind: StepKind,
        /// Name of the step.
        name: String,
        /// The step at the lowest level, if there is more than one.
        lowest: Option<StepAtLevel>,
        /// The step at the highest level.
        highest: StepAtLevel,
    },
    /// Throughput still grew at the highest level.
    NotSaturated {
        /// The highest level.
        highest: u32,
    },
    /// A level was slower than load explains.
    Slow {
        /// The level, with its times.
        level: SlowLevel,
        /// True if an estimate leaves it out.
        left_out: bool,
        /// True if it was measured elsewhere.
        recorded: bool,
    },
    /// A level differed when it was measured again.
    Drifted {
        /// The level.
        level: u32,
        /// Mean runtime of the first measurement, in seconds.
        before: f64,
        /// Mean runtime of the second, in seconds.
        now: f64,
    },
    /// A capacity lies between two levels.
    Enclosed {
        /// Metric of the target.
        metric: Metric,
        /// Quantile of the target.
        quantile: Quantile,
        /// The capacity.
        capacity: f64,
        /// Next lower level.
        below: u32,
        /// Next higher level.
        above: u32,
    },
    /// So many more runs would halve the interval of a capacity.
    RunsToHalve {
        /// Level at which they would.
        level: f64,
        /// Number of runs.
        runs: f64,
    },
    /// The levels around the answers lasted so short a time that what sets in later or comes less often was not seen.
    ShortLevels {
        /// The levels.
        levels: BTreeSet<u32>,
        /// Seconds that the longest of them lasted.
        longest: f64,
    },
    /// Assumption that further replicas are like those of the test rig.
    AlikeReplicas {
        /// Replicas of the test rig.
        measured: u32,
    },
    /// Only some levels keep a metric off a straight line.
    RobustLine {
        /// The metric.
        metric: Metric,
        /// The levels.
        outliers: Vec<u32>,
        /// GPUs by the method `robust`.
        gpus: f64,
    },
    /// A line leaves out, as outliers, the highest levels, which lie above it.
    SaturationLeftOut {
        /// The metric.
        metric: Metric,
        /// The levels.
        levels: Vec<u32>,
        /// Capacity by the line.
        line: f64,
        /// Capacity by the method `monotone`; none if it has no answer.
        monotone: Option<f64>,
    },
    /// A line goes through two levels alone.
    TwoPointLine {
        /// The metric.
        metric: Metric,
        /// The two levels.
        levels: [u32; 2],
    },
    /// A p95 rests on too few runs to be bounded.
    FewRuns {
        /// Fewest runs that bound a p95.
        enough: u64,
        /// Levels with fewer.
        levels: Vec<u32>,
        /// Smallest number of runs at one of them.
        least: u64,
        /// Largest number of runs at one of them.
        most: u64,
    },
    /// There is no line through a metric that has no target.
    NoFit {
        /// The metric.
        metric: Metric,
        /// Reason.
        reason: NoFit,
    },
    /// Rows of the dataset without a question were left out.
    EmptyQuestions {
        /// Number of rows.
        rows: usize,
    },
    /// Programs ran for every run, or stayed from run to run.
    Programs {
        /// True if they stayed.
        persistent: bool,
    },
    /// An answer can be relied on less.
    Doubt {
        /// The reason.
        doubt: Doubt,
        /// The levels that would settle it.
        remedy: Remedy,
    },
    /// The load in its other form would need another number of GPUs.
    OtherForm {
        /// Runs per second, if the spec gives users.
        request_rate: Option<f64>,
        /// Runs in flight, if the spec gives a rate.
        concurrent: Option<f64>,
        /// GPUs that it would need.
        gpus: f64,
    },
    /// No estimate: runs failed at every level.
    AllFailed {
        /// Largest share of failed runs at a level, 0 to 1.
        most: f64,
        /// True if people tolerate that many.
        tolerable: bool,
    },
    /// No estimate: there is no fit.
    Unfitted {
        /// Reason.
        reason: NoFit,
    },
    /// No estimate: the line gives no capacity.
    NoCapacity {
        /// Reason.
        reason: NoCapacity,
        /// A level that met the target when it was measured.
        met: Option<u32>,
    },
    /// No estimate: a single run, or nearly that, is too slow already.
    OutOfReach {
        /// Quantile that is limited.
        quantile: Quantile,
        /// Runs in flight.
        concurrency: u32,
        /// The quantile there, in seconds; of a rate, that of the time behind it.
        #[serde(deserialize_with = "super::grade::or_infinite")]
        seconds: f64,
        /// True if a level shows it, not the curve.
        measured: bool,
    },
    /// No number of GPUs: the spec does not say all that it needs.
    NotSet {
        /// True if that is the load.
        load: bool,
        /// True if that is the number of GPUs of the test rig.
        gpu_count: bool,
    },
    /// No number of GPUs: no run was timed.
    NothingTimed,
    /// No number of GPUs: the load fluctuates, and the limit leaves no room for that.
    NoRoomForChance,
    /// A search measures nothing, since the levels that are there tell as much.
    Idle {
        /// The levels.
        levels: Vec<u32>,
        /// Amount of the budget that they took, and the budget, if there is one.
        spent: Option<(f64, f64)>,
        /// True if that is in seconds, not in runs.
        seconds: bool,
    },
    /// A finding in words, as in a result that was made for readers.
    #[serde(untagged)]
    InWords(String),
}
