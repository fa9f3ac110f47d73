//! Clocks of other programs: what their unit is, and when a level began on them.

use super::ForeignError;
use super::value::{Fields, shown};
use crate::measure::Run;
use crate::workflow::recorded::TimeUnit;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// No clock is so many seconds from its beginning, not even one that counts from 1970.
const NO_CLOCK: f64 = 1e11;
/// Seconds since 1970 on the days on which recordings are made: the years 2014 to 2033.
const EPOCH_SECONDS: RangeInclusive<f64> = 1.4e9..=2e9;
/// Finest resolution of a clock, in decimal places.
const FINEST: i32 = 9;

/// The unit of all times.
pub(super) struct Clock {
    said: Option<TimeUnit>,
    per_second: f64,
}

impl Clock {
    pub fn of(unit: Option<TimeUnit>) -> Self {
        Self { said: unit, per_second: unit.unwrap_or_default().per_second() }
    }

    /// Tolerance by which a call may lie outside its run: a millisecond, or a hundredth of the run.
    pub fn slack(&self, length: f64) -> f64 {
        (1e-3 * self.per_second).max(length * 0.01)
    }

    /// Refuses times that no clock shows.
    pub fn check_epoch(&self, fields: &Fields<'_>, time: f64) -> Result<(), ForeignError> {
        if time / self.per_second <= NO_CLOCK {
            return Ok(());
        }
        let (name, unit) = match time {
            it if it > 1e17 => ("nanoseconds", "ns"),
            it if it > 1e14 => ("microseconds", "us"),
            _ => ("milliseconds", "ms"),
        };
        let message = format!("{} lies thousands of years ahead: are these {name}?", shown(time));
        Err(fields.wrong("start", message).help(format!("set `unit: {unit}` in the workflow")))
    }

    /// Refuses runtimes that look like milliseconds, unless the spec says what they are, and times that look like
    /// seconds although it says otherwise.
    pub fn check_lengths<'a>(
        &self,
        files: &[PathBuf],
        runs: impl Iterator<Item = &'a Run>,
    ) -> Result<(), ForeignError> {
        const LONG: f64 = 1000.0;
        const LONG_IF_WHOLE: f64 = 100.0;
        const ENOUGH: usize = 20;
        let (mut whole, mut since_1970) = (true, true);
        let mut lengths: Vec<f64> = runs
            .map(|run| {
                whole &= run.start.fract() == 0.0 && run.end.fract() == 0.0;
                since_1970 &= EPOCH_SECONDS.contains(&run.start);
                run.runtime()
            })
            .collect();
        whole &= lengths.len() >= ENOUGH;
        let middle = lengths.len() / 2;
        if middle >= lengths.len() {
            return Ok(());
        }
        let (_, &mut median, _) = lengths.select_nth_unstable_by(middle, f64::total_cmp);
        let path = files.first().map_or("the recording".to_owned(), |it| it.display().to_string());
        if let Some(unit) = self.said {
            if unit != TimeUnit::S && since_1970 && median <= LONG_IF_WHOLE {
                let message = format!(
                    "the median run takes {} {}, on a clock at seconds since 1970: are these seconds?",
                    shown(median),
                    unit.name()
                );
                let help =
                    "set `unit: s` in the workflow, or let the clock begin at 0 if they are not";
                return Err(ForeignError::file(&path, message).help(help));
            }
            return Ok(());
        }
        if median <= if whole { LONG_IF_WHOLE } else { LONG } {
            return Ok(());
        }
        let message = format!("the median run takes {} s: are these milliseconds?", shown(median));
        let help = "set `unit: ms` in the workflow, or `unit: s` if runs do take that long";
        Err(ForeignError::file(&path, message).help(help))
    }

    /// Times in seconds since the first of the runs began, without what the clock does not resolve:
    /// the same runs on another clock are the same.
    pub fn normalise(&self, runs: &mut [Run]) {
        let origin = runs.iter().map(|run| run.start).fold(f64::INFINITY, f64::min);
        let times = runs.iter().flat_map(|run| [run.start.abs(), run.end.abs()]);
        let noise = times.fold(0.0, f64::max) * f64::EPSILON * 2.0 / self.per_second;
        let mut digits = FINEST;
        while digits > 0 && noise > 10_f64.powi(-digits) {
            digits -= 1;
        }
        let at = |time: f64| rounded((time - origin) / self.per_second, digits);
        for run in runs {
            (run.start, run.end) = (at(run.start), at(run.end));
            for call in &mut run.llm_calls {
                (call.start, call.end) = (at(call.start), at(call.end));
            }
            if self.per_second > 1.0 {
                lengths(run, |length| length / self.per_second);
            }
        }
    }

    /// Seconds as the files' unit, for what is in seconds whatever the spec says.
    pub fn unscale(&self, run: &mut Run) {
        if self.per_second > 1.0 {
            let longer = |time: f64| time * self.per_second;
            (run.start, run.end) = (longer(run.start), longer(run.end));
            for call in &mut run.llm_calls {
                (call.start, call.end) = (longer(call.start), longer(call.end));
            }
            lengths(run, longer);
        }
    }
}

/// Changes all that is a length of time.
fn lengths(run: &mut Run, change: impl Fn(f64) -> f64) {
    run.server_runtime = run.server_runtime.map(&change);
    for step in &mut run.steps {
        (step.start, step.end) = (change(step.start), change(step.end));
    }
    for call in &mut run.llm_calls {
        call.ttft = call.ttft.map(&change);
        if let Some(gaps) = &mut call.itl {
            gaps.mean = change(gaps.mean);
            gaps.p95 = gaps.p95.map(&change);
            gaps.max = gaps.max.map(&change);
        }
    }
}

/// Seconds with so many decimals.
pub(super) fn rounded(seconds: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    let rounded = (seconds * scale).round() / scale;
    // Beyond 2^53 there is nothing to round.
    if rounded.is_finite() { rounded } else { seconds }
}

/// Moves a run to a later time.
pub(super) fn shift(run: &mut Run, by: f64) {
    let at = |time: f64| rounded(time + by, FINEST);
    (run.start, run.end) = (at(run.start), at(run.end));
    for call in &mut run.llm_calls {
        (call.start, call.end) = (at(call.start), at(call.end));
    }
}
