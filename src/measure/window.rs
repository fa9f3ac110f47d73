//! The measured window of a level, and the runs within it.

use super::{Phase, RunColumns, RunFields};

/// Starts, ends and standing of all runs, the basis of every figure of a level.
#[derive(Default)]
pub(super) struct Window {
    pub starts: Vec<f64>,
    pub ends: Vec<f64>,
    standing: Vec<u8>,
    /// Start of the first measured run; where users pause between runs, end of the run before it.
    pub from: f64,
    /// End of the last measured run.
    pub to: f64,
}

const OK: u8 = 1;
const MEASURED: u8 = 2;

impl Window {
    /// Reads all runs, and passes each to `also`.
    pub fn of<S: RunColumns>(
        source: &S,
        mut also: impl FnMut(&RunFields),
    ) -> Result<Self, S::Error> {
        let mut window = Self { from: f64::INFINITY, to: f64::NEG_INFINITY, ..Self::default() };
        source.each_run(&mut |head| {
            let measured = head.phase == Phase::Measured;
            if measured {
                window.from = window.from.min(head.start);
                window.to = window.to.max(head.end);
            }
            window.starts.push(head.start);
            window.ends.push(head.end);
            let standing = u8::from(head.failure.is_none()) * OK + u8::from(measured) * MEASURED;
            window.standing.push(standing);
            also(&head);
        })?;
        window.begin_after_a_run();
        Ok(window)
    }

    /// Extends the window back to the end of a run, as it ends with one. From the start of one run
    /// to the end of another there is one pause fewer than there are runs, so that users with think
    /// times would seem to do more than they can. A run that ended longer ago than any silence
    /// within the window is unrelated to it.
    fn begin_after_a_run(&mut self) {
        let before = self.ends.iter().copied().filter(|end| *end <= self.from);
        let before = before.fold(f64::NEG_INFINITY, f64::max);
        if before.is_finite() && self.from - before <= self.longest_silence() {
            self.from = before;
        }
    }

    /// Returns the longest time (seconds) within the window in which no run ended, to a thousandth
    /// of the window.
    fn longest_silence(&self) -> f64 {
        const PARTS: usize = 1_000;
        let length = self.seconds() / PARTS as f64;
        if length <= 0.0 {
            return 0.0;
        }
        let mut busy = [false; PARTS];
        for end in self.ends.iter().filter(|end| **end > self.from && **end <= self.to) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 0 and the number of parts"
            )]
            let part = ((end - self.from) / length) as usize;
            if let Some(part) = busy.get_mut(part) {
                *part = true;
            }
        }
        let silences = busy.split(|busy| *busy).map(<[bool]>::len);
        // What lies around the silent parts may be silent but for an instant.
        silences.max().map_or(2, |longest| longest + 2) as f64 * length
    }

    /// Returns the length of the window in seconds; 0 if nothing was measured.
    pub fn seconds(&self) -> f64 {
        if self.to > self.from { self.to - self.from } else { 0.0 }
    }

    /// Returns the time at which the last run ended, in seconds since the level began.
    pub fn elapsed(&self) -> f64 {
        self.ends.iter().copied().fold(0.0, f64::max)
    }

    /// Converts a count into a rate per second of the window.
    pub fn per_second(&self, count: f64) -> f64 {
        let seconds = self.seconds();
        if seconds > 0.0 { count / seconds } else { 0.0 }
    }

    /// Returns the number of runs.
    pub fn runs(&self) -> usize {
        self.standing.len()
    }

    /// Returns the number of measured runs, failed or not.
    pub fn measured(&self) -> usize {
        self.standing.iter().filter(|standing| **standing & MEASURED > 0).count()
    }

    /// Returns true if a run's times count: it was measured and succeeded.
    pub fn counts(&self, run: usize) -> bool {
        self.standing.get(run).is_some_and(|standing| *standing == MEASURED | OK)
    }

    /// Returns the share of a run (0 to 1) that lies within the window, in whatever phase it began;
    /// 0 if it failed. Counting ends instead would count both edges where runs go in step: one wave
    /// too many.
    pub fn share_within(&self, run: usize) -> f64 {
        let ok = self.standing.get(run).is_some_and(|standing| standing & OK > 0);
        let (Some(start), Some(end)) = (self.starts.get(run), self.ends.get(run)) else {
            return 0.0;
        };
        let length = end - start;
        if !ok {
            0.0
        } else if length > 0.0 {
            ((end.min(self.to) - start.max(self.from)) / length).clamp(0.0, 1.0)
        } else {
            f64::from(*end >= self.from && *end <= self.to)
        }
    }

    /// Returns the runtimes in seconds of the runs that count.
    pub fn runtimes(&self) -> Vec<f64> {
        let times = std::iter::zip(&self.starts, &self.ends).enumerate();
        times.filter(|(run, _)| self.counts(*run)).map(|(_, (start, end))| end - start).collect()
    }

    /// Returns the part of a span of time that lies within the window, in seconds.
    pub fn part_within(&self, start: f64, end: f64) -> f64 {
        (end.min(self.to) - start.max(self.from)).max(0.0)
    }

    /// Returns the mean number of runs in flight over each of `parts` equal parts of the window.
    pub fn in_flight(&self, parts: usize) -> Vec<f64> {
        let mut busy = vec![0.0; parts];
        let length = self.seconds() / parts.max(1) as f64;
        if length <= 0.0 {
            return Vec::new();
        }
        for (start, end) in std::iter::zip(&self.starts, &self.ends) {
            let (start, end) = (start.max(self.from) - self.from, end.min(self.to) - self.from);
            if end <= start {
                continue;
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 0 and the number of parts"
            )]
            let first = (start / length) as usize;
            for (part, busy) in busy.iter_mut().enumerate().skip(first) {
                let begins = part as f64 * length;
                if begins >= end {
                    break;
                }
                *busy += (end.min(begins + length) - start.max(begins)).max(0.0);
            }
        }
        for busy in &mut busy {
            *busy /= length;
        }
        busy
    }
}
