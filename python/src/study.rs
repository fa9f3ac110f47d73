//! Studies: the functions `run`, `estimate`, `plan`, `status` and `what_if` of the package.

use crate::errors::{exception, failed, wrong_parameter};
use crate::source::Source;
use crate::work::Caller;
use pyo3::prelude::*;
use sizer::cli::error_text;
use sizer::errors::Cause;
use sizer::pipeline::{Grid, LockState, Outcome, Pattern, Selection, StudyOutcome};
use sizer::sections::Seconds;
use sizer::{Metric, RunOptions};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Options of a run.
#[derive(FromPyObject)]
#[expect(clippy::struct_excessive_bools, reason = "each is a parameter of its own")]
pub struct Options {
    /// The verb, for the record of the run.
    verb: String,
    /// True if the spec may have no matrix.
    single: bool,
    /// True if everything up to the result is to be made, and no report.
    until_result: bool,
    /// Stages to make again; all if there are none.
    force: Option<Vec<String>>,
    offline: bool,
    keep_going: bool,
    jobs: NonZeroUsize,
    wait: bool,
}

/// A stage with the reason why it ran, if it did, and its seconds.
type StageRun = (String, Option<String>, f64);
/// A branch with its result as JSON, its stages and its reports.
type BranchResult = (Option<String>, Option<String>, Vec<StageRun>, Vec<PathBuf>);

/// Branches, the comparison of a matrix as JSON, the branches of which nothing is there, each with the reason, and the
/// paths of all reports.
type StudyResult = (Vec<BranchResult>, Option<String>, Vec<(String, String)>, Vec<PathBuf>);

fn selection(force: Option<&Vec<String>>, until_result: bool) -> Selection {
    let chosen = if until_result { Selection::until("result") } else { Selection::default() };
    let force = force.map(|names| names.iter().map(|it| Pattern::from(it.as_str())).collect());
    Selection { force, ..chosen }
}

/// Runs the stages of a spec. Returns its branches, the comparison of a matrix as JSON, the branches of which nothing
/// is there, and the paths of all reports.
#[pyfunction]
pub fn run(
    py: Python<'_>,
    source: Source,
    options: Options,
    listener: Bound<'_, PyAny>,
    cancel: Option<Bound<'_, PyAny>>,
) -> PyResult<StudyResult> {
    let study = source.study(py)?;
    if options.single && study.branches().any(|(branch, _)| branch.is_some()) {
        let message =
            "this spec has a matrix, and so a result for each branch: run_matrix gives them";
        return Err(wrong_parameter(py, message.to_owned()));
    }
    let asked = source.asked(&options.verb);
    let Options { force, until_result, offline, keep_going, jobs, wait, .. } = options;
    let outcome = Caller::new(listener, cancel).wait_for(move |runtime, observer, cancel| {
        let selection = selection(force.as_ref(), until_result);
        let options =
            RunOptions { observer, cancel, selection, offline, keep_going, jobs, wait, asked };
        runtime.block_on(study.run(options))
    })?;
    let outcome = outcome.map_err(|error| exception(py, &error))?;
    let StudyOutcome { branches, comparison, missing, reports, .. } = outcome;
    let branches = branches.into_iter().map(|(label, branch)| in_json(label, branch));
    let branches = branches.collect::<Result<_, _>>().map_err(|error| unwritten(py, &error))?;
    let comparison = comparison.map(|it| it.to_json()).transpose();
    let comparison = comparison.map_err(|error| unwritten(py, &error.into()))?;
    let missing = missing.into_iter().map(|it| (it.branch, error_text(&it.error))).collect();
    Ok((branches, comparison, missing, reports))
}

fn in_json(label: Option<String>, branch: Outcome) -> Result<BranchResult, Cause> {
    let Outcome { result, stages, reports, .. } = branch;
    let result = result.map(|it| it.to_json()).transpose()?;
    let stages = stages.into_iter().map(|stage| {
        let ran = stage.ran.as_ref().map(ToString::to_string);
        (stage.id.to_string(), ran, stage.elapsed.as_secs_f64())
    });
    Ok((label, result, stages.collect(), reports))
}

fn unwritten(py: Python<'_>, error: &Cause) -> PyErr {
    failed(py, format!("the result cannot be written as JSON: {error}"))
}

/// A stage of a plan: its branch, its name, a word for its status, and the reason.
type Planned = (Option<String>, String, &'static str, Option<String>);

/// Plans a run.
#[pyfunction]
pub fn plan(py: Python<'_>, source: Source, force: Option<Vec<String>>) -> PyResult<Vec<Planned>> {
    let study = source.study(py)?;
    let plans = py.detach(|| {
        let mut all = Vec::new();
        for (branch, stages) in study.plan(&selection(force.as_ref(), false))? {
            all.extend(stages.into_iter().map(|stage| {
                let reason = stage.status.reason().map(ToString::to_string);
                (branch.map(str::to_owned), stage.id.to_string(), stage.status.word(), reason)
            }));
        }
        Ok(all)
    });
    plans.map_err(|error: sizer::PipelineError| exception(py, &error))
}

/// A stage with its branch and its state, in words, and true if it is current.
type StageState = (Option<String>, String, String, bool);

/// Compares spec, lock file and store. Returns what is wrong with the lock file, and the stages.
#[pyfunction]
pub fn status(py: Python<'_>, source: Source) -> PyResult<(Option<String>, Vec<StageState>)> {
    let study = source.study(py)?;
    let compared = py.detach(|| study.status().map_err(|error| (error_text(&error), error)));
    let (lock, branches) = compared.map_err(|(_, error)| exception(py, &error))?;
    let lock = match lock {
        LockState::Sound => None,
        LockState::Conflicted => Some("it has merge conflicts".to_owned()),
        LockState::Unreadable(why) | LockState::Refused(why) => Some(why),
        _ => Some("it is not as sizer wrote it".to_owned()),
    };
    let stages = branches.into_iter().flat_map(|(branch, stages)| {
        stages.into_iter().map(move |it| {
            let is_current = it.state == sizer::pipeline::State::Current;
            (branch.map(str::to_owned), it.stage, it.state.to_string(), is_current)
        })
    });
    Ok((lock, stages.collect()))
}

/// A limit of a grid: a number in the unit of its metric, or a duration in words.
#[derive(FromPyObject)]
pub enum Limit {
    /// Seconds, or the unit of a rate.
    Number(f64),
    /// A duration such as `300ms`.
    Text(String),
}

/// Answers a grid of loads and limits from the levels that are there, as JSON.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "Python passes them by keyword")]
pub fn what_if(
    py: Python<'_>,
    source: Source,
    users: Vec<u64>,
    request_rates: Vec<f64>,
    limits: BTreeMap<String, Vec<Limit>>,
    wait: bool,
    listener: Bound<'_, PyAny>,
    cancel: Option<Bound<'_, PyAny>>,
) -> PyResult<String> {
    let grid = grid(users, request_rates, limits).map_err(|error| wrong_parameter(py, error))?;
    let study = source.study(py)?;
    let asked = source.asked("what-if");
    let found = Caller::new(listener, cancel).wait_for(move |runtime, observer, cancel| {
        let options = RunOptions { observer, cancel, wait, asked, ..RunOptions::default() };
        runtime.block_on(study.what_if(&grid, options))
    })?;
    let found = found.map_err(|error| exception(py, &error))?;
    serde_json::to_string(&found).map_err(|error| unwritten(py, &error.into()))
}

fn grid(
    users: Vec<u64>,
    request_rates: Vec<f64>,
    limits: BTreeMap<String, Vec<Limit>>,
) -> Result<Grid, String> {
    let sound = |name: &str, value: f64| {
        let wrong = || format!("{name}: {value} is not a number above 0");
        if value.is_normal() && value > 0.0 { Ok(value) } else { Err(wrong()) }
    };
    if users.contains(&0) {
        return Err("users: there is at least one".to_owned());
    }
    let mut grid = Grid { users, request_rates, ..Grid::default() };
    grid.request_rates.iter().try_for_each(|rate| sound("request_rate", *rate).map(drop))?;
    for (name, values) in limits {
        let metrics = || Metric::ALL.into_iter();
        let metric = metrics().find(|metric| metric.key() == name).ok_or_else(|| {
            let known: Vec<&str> = metrics().map(Metric::key).collect();
            format!("`{name}` is not a metric; the metrics are {}", known.join(", "))
        })?;
        let value = |limit: Limit| match limit {
            Limit::Number(value) => sound(&name, value),
            Limit::Text(text) if metric.is_rate() => Err(format!("{name}: {text} is not a number")),
            Limit::Text(text) => {
                let seconds: Result<Seconds, _> = text.parse();
                sound(&name, seconds.map_err(|error| format!("{name}: {error}"))?.get())
            }
        };
        let values = values.into_iter().map(value).collect::<Result<_, _>>()?;
        grid.limits.insert(metric, values);
    }
    Ok(grid)
}
