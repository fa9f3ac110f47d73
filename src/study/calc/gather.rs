//! Gathering: the sweep, through the same pipeline as any spec.

use super::spec_text::{calc_spec, emitted_spec};
use super::{CalcError, CalcOptions, CalcOutcome, jobs};
use crate::measure::FailureKind;
use crate::spec::{Parts, Spec, SpecError, process_env};
use crate::store::write_atomically;
use crate::study::{
    CancellationToken, Observer, Pipeline, PipelineError, RunOptions, Selection, StageId, Status,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of a calculation's spec, which exists in memory alone.
const SPEC_NAME: &str = "sizer-calc.yml";

pub(super) async fn run(
    options: &CalcOptions,
    observer: Arc<dyn Observer>,
    cancel: CancellationToken,
) -> Result<CalcOutcome, CalcError> {
    // Without a folder nothing is to remain.
    let scratch;
    let dir = if let Some(dir) = &options.output_dir {
        dir.as_path()
    } else {
        scratch = tempfile::tempdir().map_err(CalcError::Scratch)?;
        scratch.path()
    };
    let job = PathBuf::from("online").join(jobs::new_name(options));
    let (text, notes) = calc_spec(options, None, &job)?;
    for note in notes {
        observer.notice(&format!("note: {note}"));
    }
    let read = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    let parts =
        Parts { project: None, profile: None, overrides: &[], env: &process_env, read: &read };
    let spec = Spec::parse(&text, &dir.join(SPEC_NAME), &parts)
        .map_err(|error| of_configuration(&error, options))?;
    spec.check_secrets(&process_env).map_err(|error| of_configuration(&error, options))?;
    let pipeline = Pipeline::open(spec)?;
    let selection = if is_measured(&pipeline)? { measure_again() } else { Selection::default() };
    let observing = Arc::clone(&observer);
    let wait = options.wait;
    let run = RunOptions { observer, cancel, selection, wait, ..RunOptions::default() };
    let outcome = pipeline.run(run).await.map_err(|error| without_toolkit(error, options))?;
    let job = dir.join(job);
    if !options.append {
        jobs::clear_others(&job, &*observing);
    }
    let result = outcome.result.ok_or(PipelineError::NoBranch)?;
    Ok(CalcOutcome { result, job: options.output_dir.as_ref().map(|_| job) })
}

/// An error in the spec that a configuration became, which exists in memory alone: without a place in it.
fn of_configuration(error: &SpecError, options: &CalcOptions) -> CalcError {
    let config = options.config_file.as_deref().unwrap_or(Path::new("")).display();
    let help = error.remedy().map_or_else(String::new, |help| format!(" ({help})"));
    CalcError::Parameters(format!("{config}: {}{help}", error.message()))
}

/// Writes the spec of what was asked beside where its results would be, if the toolkit that runs the workflow is missing.
fn without_toolkit(error: PipelineError, options: &CalcOptions) -> CalcError {
    const WRITTEN: &str = "spec.yml";
    let missing = matches!(
        &error,
        PipelineError::Unreachable { failure, .. } if failure.kind == FailureKind::NotInstalled
    );
    if !missing {
        return error.into();
    }
    let Some(dir) = &options.output_dir else {
        return CalcError::NotInstalled { error, written: None };
    };
    let path = dir.join(WRITTEN);
    // One that is there may have been changed by hand.
    if !path.exists() {
        let written = emitted_spec(options, dir).and_then(|(text, _)| {
            write_atomically(&path, text.as_bytes())?;
            Ok(())
        });
        if let Err(error) = written {
            return error;
        }
    }
    CalcError::NotInstalled { error, written: Some(path) }
}

/// Returns true if all levels exist: the last gathering was complete, and this is another one. An interrupted one is
/// continued instead.
fn is_measured(pipeline: &Pipeline) -> Result<bool, PipelineError> {
    let plan = pipeline.plan(&Selection::default())?;
    let mut sweeps = plan.stages.iter().filter(|stage| matches!(stage.id, StageId::Sweep(_)));
    Ok(sweeps.all(|stage| stage.status == Status::Cached))
}

fn measure_again() -> Selection {
    Selection { force: Some(vec!["sweep".into()]), ..Selection::default() }
}
