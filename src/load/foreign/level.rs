//! Rows as levels: repetitions end to end, at the concurrency that they reached.

use super::clock::{Clock, shift};
use super::mismatch::{self, Mismatch};
use super::row::Entry;
use super::stretch::{self, Stretch};
use super::{ForeignError, ForeignRun, bursts};
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
    let mut wrong = Vec::new();
    for (claim, entries) in claimed {
        let stretches = stretch::of(entries, clock);
        match claim.filter(|_| !measured) {
            Some(claim) => {
                wrong.extend(wrongly_claimed(claim, &stretches, files));
                levels.entry(claim).or_default().extend(stretches);
            }
            None => {
                for stretch in stretches {
                    levels.entry(mismatch::level(&stretch)).or_default().push(stretch);
                }
            }
        }
    }
    // The highest is what most is made of.
    if let Some(MisclaimedLevel { path, mut message, help, .. }) = wrong.pop() {
        if !wrong.is_empty() {
            const MOST: usize = 20;
            let others: Vec<String> =
                wrong.iter().take(MOST).map(|it| it.claim.to_string()).collect();
            message.push_str("; likewise at ");
            message.push_str(&others.join(", "));
            if wrong.len() > MOST {
                message.push_str(" and more");
            }
        }
        return Err(ForeignError::file(&path, message).help(help));
    }
    let bursts = bursts::bursts(&levels);
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

/// A level whose concurrency was another.
struct MisclaimedLevel {
    claim: u32,
    path: String,
    message: String,
    help: &'static str,
}

/// Compares a level with the concurrency that it claims.
fn wrongly_claimed(
    claim: u32,
    stretches: &[Stretch],
    files: &[PathBuf],
) -> Option<MisclaimedLevel> {
    let found: Vec<Option<Mismatch>> = stretches
        .iter()
        .map(|it| if it.trusted { None } else { mismatch::mismatch(it, claim) })
        .collect();
    let is_whole = |stretch: &Stretch| stretch.runs.len() >= claim as usize;
    // What is left over after whole waves is less than one.
    let some_reached =
        stretches.iter().zip(&found).any(|(stretch, found)| is_whole(stretch) && found.is_none());
    let wrong = stretches.iter().zip(found).enumerate().find_map(|(index, (stretch, found))| {
        let found = found?;
        let left_over = found.is_fewer(claim) && some_reached && !is_whole(stretch);
        (!left_over).then_some((index, stretch, found))
    });
    let (index, stretch, found) = wrong?;
    let which = match stretches.len() {
        1 => String::new(),
        count => format!(" (repetition {} of {count})", index + 1),
    };
    let path = files.get(stretch.source).map(|it| it.display().to_string());
    Some(MisclaimedLevel {
        claim,
        path: path.unwrap_or_else(|| "the recording".to_owned()),
        message: format!("concurrency {claim} {}{which}", found.in_words(claim)),
        help: if found.is_fewer(claim) {
            "`concurrency` says how many runs are in flight at a time; with `concurrency: measured` in the workflow, \
             levels are derived from the number of runs in flight"
        } else {
            "if the level was measured more than once, number its repetitions in a column `repetition`; with \
             `concurrency: measured` in the workflow, levels are derived from the number of runs in flight"
        },
    })
}
