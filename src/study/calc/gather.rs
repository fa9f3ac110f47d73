//! Gathering: the sweep, through the same pipeline as any spec.

use super::spec_text::calc_spec;
use super::{CalcError, CalcFormat, CalcOptions, CalcOutcome, jobs};
use crate::spec::{Parts, Spec, process_env};
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
    let spec = Spec::parse(&text, &dir.join(SPEC_NAME), &parts)?;
    let pipeline = Pipeline::open(spec)?;
    let selection = if is_measured(&pipeline)? { measure_again() } else { Selection::default() };
    let observing = Arc::clone(&observer);
    let wait = options.wait;
    let run = RunOptions { observer, cancel, selection, wait, ..RunOptions::default() };
    let outcome = pipeline.run(run).await?;
    let job = dir.join(job);
    if options.format == CalcFormat::Aiq {
        jobs::to_older_shape(&job)?;
    }
    if !options.append {
        jobs::clear_others(&job, &*observing);
    }
    let result = outcome.result.ok_or(PipelineError::NoBranch)?;
    Ok(CalcOutcome { result, job: options.output_dir.as_ref().map(|_| job) })
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
