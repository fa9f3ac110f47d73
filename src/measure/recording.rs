//! Everything that was recorded at one level.

use super::window::Window;
use super::{
    CallColumn, LlmCall, Note, Outcome, Run, RunColumns, RunFields, ServerMetrics, Step, Summary,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Health of the client while it loaded a level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClientHealth {
    /// Share of this machine's cores that the process used, 0 to 1.
    pub cpu_share: f64,
    /// p95 of the delay with which a timer of the client fired, in seconds.
    pub lag_p95: f64,
    /// Longest such delay, in seconds.
    pub lag_max: f64,
}

impl ClientHealth {
    /// Returns true if the measured times are more likely the client's than the server's: its
    /// timers were late by a notable share of `typical_runtime` (seconds), or no core was left.
    pub fn limits(&self, typical_runtime: f64) -> bool {
        const BUSY: f64 = 0.95;
        const SHARE: f64 = 0.05;
        const HARMLESS: f64 = 0.005;
        self.cpu_share > BUSY || self.lag_p95 > (SHARE * typical_runtime).max(HARMLESS)
    }
}

/// Load of the processes that run the workflow on this machine, while they served a level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct HostHealth {
    /// Number of processes.
    pub processes: u32,
    /// Share of a core that the busiest of them used; above 1 if several of its threads did.
    pub cpu_share: f64,
    /// Share of the time for which that one had something to do, and no core to do it.
    pub wait_share: f64,
}

/// CPU time of a process so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CpuTime {
    /// Time that it used, in seconds.
    pub used: f64,
    /// Time for which it waited for a core, in seconds.
    pub waited: f64,
}

impl HostHealth {
    /// Computes the load from the CPU time of each process before and after, and the time between, in seconds;
    /// `None` if no process was there all the time.
    pub fn between(before: &[CpuTime], after: &[CpuTime], seconds: f64) -> Option<Self> {
        let processes = u32::try_from(before.len()).unwrap_or(u32::MAX);
        let of = |(before, after): (&CpuTime, &CpuTime)| Self {
            processes,
            cpu_share: (after.used - before.used).max(0.0) / seconds,
            wait_share: (after.waited - before.waited).max(0.0) / seconds,
        };
        before.iter().zip(after).map(of).reduce(Self::worse).filter(|_| seconds > 0.0)
    }

    /// Returns true if a process was busy nearly all the time: the measured times are then more likely its own than
    /// those of what it calls.
    pub fn limits(self) -> bool {
        const BUSY: f64 = 0.85;
        self.busy_share() > BUSY
    }

    /// Returns true if a process was busy for a notable part of the time, so that what it was asked for waited now and
    /// then.
    pub fn is_at_work(self) -> bool {
        const NOTABLE: f64 = 0.3;
        self.busy_share() > NOTABLE
    }

    /// Returns true if what it lacked was a core of this machine, which no further process brings.
    pub fn is_starved(self) -> bool {
        const NOTABLE: f64 = 0.25;
        self.wait_share > NOTABLE
    }

    fn busy_share(self) -> f64 {
        self.cpu_share + self.wait_share
    }

    /// Returns the worse of two.
    pub(super) fn worse(self, other: Self) -> Self {
        if other.busy_share() > self.busy_share() { other } else { self }
    }
}

/// Search of the adaptive sweep that measured a level.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "Asked")]
pub struct SearchGoal {
    /// Limits whose crossing was searched for.
    pub targets: String,
    /// Budget of the search; empty if unlimited.
    pub budget: String,
    /// Runs that the spec wanted of each level; empty if the plan chose.
    pub window: String,
}

/// Figures of a level's previous measurement. Times in seconds, of the runs of the window that
/// succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Before")]
#[non_exhaustive]
pub struct PreviousFigures {
    /// Number of runs.
    pub runs: u64,
    /// Their mean runtime.
    pub mean: f64,
    /// Their 95th percentile.
    pub p95: f64,
    /// Their standard deviation.
    pub sd: f64,
}

impl PreviousFigures {
    /// Computes the figures from recorded runs; `None` if none succeeded.
    pub(crate) fn of<S: RunColumns>(source: &S) -> Result<Option<Self>, S::Error> {
        let window = Window::of(source, |_| {})?;
        Ok(Self::of_times(window.runtimes()))
    }

    pub(super) fn of_times(times: Vec<f64>) -> Option<Self> {
        let sd = standard_deviation(&times);
        let Summary { count, mean, p95, .. } = Summary::of(times)?;
        Some(Self { runs: count, mean, p95, sd })
    }
}

/// Returns the standard deviation of a sample; 0 if it has one value.
fn standard_deviation(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count.max(1.0);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (count - 1.0).max(1.0)).sqrt()
}

/// Share of a level that a recording holds, and the machine that made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Digest of the plan of the whole level, and of what it loads.
    pub plan: String,
    /// Index of the share, from 0.
    pub index: u32,
    /// Number of shares.
    pub of: u32,
    /// Name of the machine.
    pub machine: String,
    /// Start of the level's clock, in seconds since 1970 by the machine's own clock.
    pub began: f64,
}

/// Health of the client on one of several machines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MachineHealth {
    /// Name of the machine.
    pub machine: String,
    /// Index of the share of the level that it made.
    pub share: u32,
    /// Health of the client there.
    pub health: ClientHealth,
}

/// Facts about a level, besides its runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordingMeta {
    /// The level; `None` if it is not known.
    pub concurrency: Option<u32>,
    /// Health of the client; `None` if the runs were recorded elsewhere.
    pub client: Option<ClientHealth>,
    /// Load of the processes that run the workflow; `None` if none do on this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<HostHealth>,
    /// The server's own metrics, if it was scraped.
    pub scraped: ServerMetrics,
    /// Reason why some of them are missing.
    pub scrape_error: Option<String>,
    /// True if the runs met an idle server (a burst), false if a loaded one; `None` if only the
    /// runs can tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<bool>,
    /// Number of runs in each repetition of the level, laid end to end; empty if there is only one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repetitions: Vec<u64>,
    /// Search of the adaptive sweep; `None` if the spec itself named the level.
    pub asked: Option<SearchGoal>,
    /// Figures of the level's previous measurement, if it was measured again for comparison.
    pub before: Option<PreviousFigures>,
    /// Description of the server's failure, if it was gone before the level was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_gone: Option<String>,
    /// Digests of earlier recordings of this level that this one replaces.
    pub replaced: Vec<String>,
    /// Share of the level that this is, if a worker made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// Health of the client on each machine, if shares of the level were merged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub machines: Vec<MachineHealth>,
}

/// The runs of a level, in the order in which they began, and the facts about the level.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// The runs.
    pub runs: Vec<Run>,
    /// Facts about the level.
    pub around: RecordingMeta,
}

impl Recording {
    fn calls(&self) -> impl Iterator<Item = (usize, &LlmCall)> {
        let runs = self.runs.iter().enumerate();
        runs.flat_map(|(index, run)| run.llm_calls.iter().map(move |call| (index, call)))
    }
}

impl RunColumns for Recording {
    type Error = std::convert::Infallible;

    fn each_run(&self, each: &mut dyn FnMut(RunFields)) -> Result<(), Self::Error> {
        self.runs.iter().map(Run::head).for_each(each);
        Ok(())
    }

    fn each_message(&self, each: &mut dyn FnMut(usize, &str)) -> Result<(), Self::Error> {
        for (index, run) in self.runs.iter().enumerate() {
            if let Outcome::Failed(failure) = &run.outcome {
                each(index, &failure.message);
            }
        }
        Ok(())
    }

    fn each_call(
        &self,
        column: CallColumn,
        each: &mut dyn FnMut(usize, f64),
    ) -> Result<(), Self::Error> {
        for (index, call) in self.calls() {
            if let Some(value) = column.of(call) {
                each(index, value);
            }
        }
        Ok(())
    }

    fn each_finish_reason(&self, each: &mut dyn FnMut(usize, &str)) -> Result<(), Self::Error> {
        for (index, call) in self.calls() {
            if let Some(reason) = &call.finish_reason {
                each(index, reason);
            }
        }
        Ok(())
    }

    fn each_note(&self, each: &mut dyn FnMut(Note)) -> Result<(), Self::Error> {
        self.runs.iter().flat_map(|run| &run.notes).for_each(|note| each(*note));
        Ok(())
    }

    fn each_call_span(&self, each: &mut dyn FnMut(usize, f64, f64)) -> Result<(), Self::Error> {
        self.calls().for_each(|(index, call)| each(index, call.start, call.end));
        Ok(())
    }

    fn each_steps(&self, each: &mut dyn FnMut(usize, &[Step])) -> Result<(), Self::Error> {
        for (index, run) in self.runs.iter().enumerate().filter(|(_, run)| !run.steps.is_empty()) {
            each(index, &run.steps);
        }
        Ok(())
    }
}
