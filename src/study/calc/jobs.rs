//! Job folders: `DIR/online/job_…` and `DIR/offline/job_…`.

use super::{CalcError, CalcOptions};
use crate::bounded::read_file;
use crate::measure::LevelMetrics;
use crate::nat::{CalcOutput, OlderCalcOutput, SizingMetrics, read_calc_output};
use crate::pacing::LoadPoint;
use crate::report::SizingResult;
use crate::store::{StoreError, write_atomically};
use crate::study::Observer;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

const METRICS: &str = "calc_runner_output.json";
/// What sizer itself writes beside it.
const RESULT: &str = "result.json";
/// Largest file of metrics, in bytes; one level takes a few kilobytes.
const LARGEST_METRICS: u64 = 64 << 20;

/// The name of a new job, as the reference makes it.
pub(super) fn new_name(options: &CalcOptions) -> String {
    if options.append {
        return format!("job_{}", uuid::Uuid::new_v4());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock that stands before the epoch gives no name of its own.
    format!("job_{}", now.map_or(0, |now| now.as_secs()))
}

/// Writes a job's files.
pub(super) fn write(job: &Path, files: &[(&str, Vec<u8>)]) -> Result<(), StoreError> {
    files.iter().try_for_each(|(name, bytes)| write_atomically(&job.join(name), bytes))
}

/// Writes a job's metrics anew in their older shape.
pub(super) fn to_older_shape(job: &Path) -> Result<(), CalcError> {
    let path = job.join(METRICS);
    let again = |reason: String| CalcError::Jobs(format!("{}: {reason}", path.display()));
    let older = OlderCalcOutput::from(read(&path).map_err(again)?);
    let bytes = serde_json::to_vec_pretty(&older).map_err(|error| again(error.to_string()))?;
    Ok(write_atomically(&path, &bytes)?)
}

/// Removes the other jobs beside one that is complete. One that cannot be removed is named, and
/// does no harm: the newest job wins.
pub(super) fn clear_others(job: &Path, observer: &dyn Observer) {
    for other in job.parent().into_iter().flat_map(jobs_in).filter(|other| other != job) {
        if let Err(error) = std::fs::remove_dir_all(&other) {
            observer.notice(&format!("the old job {} cannot be removed: {error}", other.display()));
        }
    }
}

/// A level of a gathering job.
pub(super) struct GatheredLevel {
    /// Metrics in the reference's file.
    pub metrics: SizingMetrics,
    /// The level as sizer measured it, if it did.
    known: Option<LevelMetrics>,
}

impl GatheredLevel {
    /// The level: all that sizer knows of it, unless somebody changed the metrics since.
    pub fn level(&self, concurrency: u32) -> LevelMetrics {
        let known = self.known.as_ref().filter(|known| self.metrics.is_of(known));
        known.cloned().unwrap_or_else(|| self.metrics.level(concurrency))
    }
}

/// The metrics of all gathering jobs by their levels, which are runs in flight: the newest first, and the first
/// value per level wins.
pub(super) fn gathered(
    dir: &Path,
    observer: &dyn Observer,
) -> Result<BTreeMap<LoadPoint, GatheredLevel>, CalcError> {
    let online = dir.join("online");
    let mut jobs: Vec<(SystemTime, PathBuf)> = jobs_in(&online)
        .map(|job| {
            let changed = std::fs::metadata(&job).and_then(|metadata| metadata.modified());
            (changed.unwrap_or(UNIX_EPOCH), job)
        })
        .collect();
    jobs.sort();
    let mut levels = BTreeMap::new();
    for (_, job) in jobs.iter().rev() {
        match read(&job.join(METRICS)) {
            Ok(output) => {
                let mut known = measured(&job.join(RESULT));
                for (concurrency, data) in output.calc_data {
                    let metrics = data.sizing_metrics;
                    if metrics.is_impossible() {
                        observer.notice(&format!(
                            "note: {}: concurrency {concurrency} has a negative time, which counts as none",
                            job.display()
                        ));
                    }
                    let level = GatheredLevel { metrics, known: known.remove(&concurrency) };
                    levels.entry(LoadPoint::InFlight(concurrency)).or_insert(level);
                }
            }
            Err(message) => {
                observer.notice(&format!("{} is skipped: {message}", job.display()));
            }
        }
    }
    levels.remove(&LoadPoint::InFlight(0));
    if levels.is_empty() {
        return Err(CalcError::Jobs(format!(
            "{} holds no metrics of a gathering run ({METRICS} in a folder job_…); gather some first, without \
             --offline_mode",
            online.display()
        )));
    }
    Ok(levels)
}

/// The levels in a result of sizer's own; none if there is no such file, or it cannot be read.
fn measured(path: &Path) -> BTreeMap<u32, LevelMetrics> {
    let bytes = read_file(path, LARGEST_METRICS).ok();
    let result = bytes.and_then(|bytes| serde_json::from_slice::<SizingResult>(&bytes).ok());
    let levels = result.into_iter().flat_map(|result| result.levels);
    levels.map(|level| (level.concurrency, level.metrics)).collect()
}

fn read(path: &Path) -> Result<CalcOutput, String> {
    let bytes = read_file(path, LARGEST_METRICS).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => {
            format!("{METRICS} is larger than {} MiB", LARGEST_METRICS >> 20)
        }
        _ => format!("{METRICS} cannot be read: {error}"),
    })?;
    read_calc_output(&bytes).map_err(|error| format!("{METRICS} is not as expected: {error}"))
}

fn jobs_in(dir: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let jobs = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("job_"));
    jobs.map(|entry| entry.path()).filter(|path| path.is_dir())
}
