//! Rows as levels: repetitions end to end, at the concurrency that they reached.

use super::clock::{Clock, shift};
use super::reached::{self, Mismatch};
use super::row::Entry;
use super::stretch::{self, Stretch};
use super::{ForeignError, ForeignRun, steady};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The runs of all levels in order. Where the concurrency is measured, a level is what was reached.
pub(super) fn arranged(
    claimed: BTreeMap<Option<u32>, Vec<Entry>>,
    files: &[PathBuf],
    clock: &Clock,
    measured: bool,
) -> Result<Vec<ForeignRun>, ForeignError> {
    let mut levels: BTreeMap<u32, Vec<Stretch>> = BTreeMap::new();
    for (claim, entries) in claimed {
        let stretches = stretch::of(entries, clock);
        match claim.filter(|_| !measured) {
            Some(claim) => {
                check(claim, &stretches, files)?;
                levels.entry(claim).or_default().extend(stretches);
            }
            None => {
                for stretch in stretches {
                    levels.entry(reached::level(&stretch)).or_default().push(stretch);
                }
            }
        }
    }
    let bursts = steady::bursts(&levels);
    let mut runs = Vec::new();
    for (concurrency, mut stretches) in levels {
        stretches.sort_by(Stretch::compare);
        let burst = bursts.get(&concurrency).copied();
        let mut end = 0.0;
        for (repetition, stretch) in stretches.into_iter().enumerate() {
            let begins = end;
            for mut run in stretch.runs {
                if repetition > 0 {
                    shift(&mut run, begins);
                }
                end = run.end.max(end);
                runs.push(ForeignRun { concurrency, repetition, burst, run });
            }
        }
    }
    Ok(runs)
}

/// Refuses a level whose concurrency was another.
fn check(claim: u32, stretches: &[Stretch], files: &[PathBuf]) -> Result<(), ForeignError> {
    let found: Vec<Option<Mismatch>> = stretches
        .iter()
        .map(|it| if it.trusted { None } else { reached::mismatch(it, claim) })
        .collect();
    let is_whole = |stretch: &Stretch| stretch.runs.len() >= claim as usize;
    // What is left over after whole waves is less than one.
    let some_reached =
        stretches.iter().zip(&found).any(|(stretch, found)| is_whole(stretch) && found.is_none());
    for (index, (stretch, found)) in stretches.iter().zip(found).enumerate() {
        let Some(Mismatch { reached, peak }) = found else { continue };
        let fewer = reached < f64::from(claim);
        if fewer && some_reached && !is_whole(stretch) {
            continue;
        }
        let count = (reached * 10.0).round() / 10.0;
        let runs = if reached.max(peak as f64) > 1.0 { "runs were" } else { "run was" };
        let what = match (fewer, peak as f64 >= f64::from(claim)) {
            (true, false) => format!("was never reached: {count} {runs} in flight, {peak} at most"),
            (true, true) => {
                format!("was not kept up: {count} {runs} in flight on average, {peak} at most")
            }
            (false, _) => format!("was exceeded: {count} {runs} in flight, {peak} at most"),
        };
        let which = match stretches.len() {
            1 => String::new(),
            count => format!(" (repetition {} of {count})", index + 1),
        };
        let path = files.get(stretch.source).map(|it| it.display().to_string());
        let message = format!("concurrency {claim} {what}{which}");
        let help = if fewer {
            "`concurrency` says how many runs are in flight at a time; `concurrency: measured` in the \
             workflow goes by how many there were"
        } else {
            "if the level was measured more than once, number its repetitions in a column \
             `repetition`; `concurrency: measured` in the workflow goes by how many were in flight"
        };
        return Err(ForeignError::file(&path.unwrap_or_default(), message).help(help));
    }
    Ok(())
}
