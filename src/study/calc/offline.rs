//! Offline mode: from the metrics of earlier jobs to an estimate. Nothing is measured, so there is
//! nothing worth caching.

use super::{CalcError, CalcOptions, CalcOutcome, jobs, spec_text};
use crate::measure::{LevelMetrics, Metric, Quantile, Recording, Run};
use crate::pacing::LoadPoint;
use crate::report::{Material, SizingResult, SpecIdentity, report};
use crate::sizing::{Certainty, FitOptions, Load, MeasuredSweep, Question, Rig, Target};
use crate::study::Observer;
use std::collections::BTreeMap;

pub(super) fn run(
    options: &CalcOptions,
    observer: &dyn Observer,
) -> Result<CalcOutcome, CalcError> {
    // `check` has seen to it that there is a folder.
    let Some(dir) = options.output_dir.clone() else {
        let message = "--offline_mode needs --calc_output_dir: the folder of an earlier gathering";
        return Err(CalcError::Parameters(message.to_owned()));
    };
    let metrics = jobs::gathered(&dir, observer)?;
    let runs: BTreeMap<LoadPoint, Vec<Run>> =
        metrics.iter().map(|(point, it)| (*point, it.metrics.runs())).collect();
    let levels: Vec<LevelMetrics> =
        metrics.iter().map(|(point, metrics)| metrics.level(point.axis())).collect();
    let runs_at = |point: LoadPoint| runs.get(&point).map_or(&[][..], Vec::as_slice);
    let mut measured = MeasuredSweep::of(levels.clone());
    let question = question(options);
    // A file without items does not say how many of them were over a limit.
    for point in metrics.keys().filter(|point| !runs_at(**point).is_empty()) {
        let recording = Recording { runs: runs_at(*point).to_vec(), ..Recording::default() };
        let began =
            Recording { runs: in_slots(&recording.runs, point.axis()), ..Recording::default() };
        let Ok(()) = measured.observe(point.axis(), &began, &began.around);
        let Ok(()) = measured.compare(point.axis(), &recording, &question.main_limits());
    }
    let fits = measured.fits(FitOptions { method: options.method, ..FitOptions::default() });
    let assessment = measured.prepare(&fits, false).assess(&question);
    let identity = SpecIdentity { name: "calc".to_owned(), digest: String::new() };
    let result = SizingResult::assemble(identity, levels, &fits, assessment, BTreeMap::new());
    let job = dir.join("offline").join(jobs::new_name(options));
    let runs_of =
        |level: &LevelMetrics| Ok(runs_at(LoadPoint::InFlight(level.concurrency)).to_vec());
    let material = Material { result: &result, runs: &runs_of };
    let mut files = Vec::new();
    for name in spec_text::reports(options.plots) {
        if let Some(report) = report(name, None) {
            files.push((name, report.render(&material)?));
        }
    }
    jobs::write(&job, &files)?;
    jobs::clear_others(&job, observer);
    Ok(CalcOutcome { result, job: Some(job) })
}

/// Lets runs of which only the durations are known begin one after the other, so many in flight.
fn in_slots(runs: &[Run], in_flight: u32) -> Vec<Run> {
    let mut free = vec![0.0; (in_flight as usize).min(runs.len())];
    let moved = |run: &Run| {
        let mut run = run.clone();
        let Some(slot) = free.iter_mut().min_by(|a, b| f64::total_cmp(a, b)) else { return run };
        for call in &mut run.llm_calls {
            (call.start, call.end) = (call.start + *slot, call.end + *slot);
        }
        (run.start, run.end) = (run.start + *slot, run.end + *slot);
        *slot = run.end;
        run
    };
    runs.iter().map(moved).collect()
}

fn question(options: &CalcOptions) -> Question {
    let targets = [
        (Metric::WorkflowRuntime, options.target_workflow_runtime),
        (Metric::LlmLatency, options.target_llm_latency),
    ];
    Question {
        targets: targets
            .into_iter()
            .filter(|(_, limit)| *limit > 0.0)
            .map(|(metric, limit)| Target { metric, quantile: Quantile::P95, limit })
            .collect(),
        loads: vec![Load::Users { users: options.target_users, think: 0.0 }],
        rig: Rig { gpu_count: Some(options.test_gpu_count), ..Rig::default() },
        // Lines have no intervals.
        certainty: Certainty { resamples: 0, ..Certainty::default() },
        ..Question::default()
    }
}
