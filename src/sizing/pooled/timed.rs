//! Runs of a level by their time, to count those over any limit.

use crate::sizing::means::Sample;

/// Runs of a level by their time.
pub(super) struct Timed {
    /// Logarithm of the mean load that they met.
    pub at: f64,
    /// Seconds, ascending.
    seconds: Vec<f64>,
    /// Number of failed runs that count as slower than any limit.
    failed: f64,
}

impl Timed {
    /// Sorts the runs of a level; `None` without any.
    pub fn of(runs: &[Sample], failed: f64) -> Option<Self> {
        let at = runs.iter().map(|it| it.concurrency).sum::<f64>() / runs.len() as f64;
        let mut seconds: Vec<f64> = runs.iter().map(|it| it.seconds).collect();
        seconds.sort_unstable_by(f64::total_cmp);
        let at = at.ln();
        at.is_finite().then_some(Self { at, seconds, failed })
    }

    /// Returns the number of runs, and of those over a limit (seconds).
    pub fn over(&self, limit: f64) -> (f64, f64) {
        let within = self.seconds.partition_point(|it| *it <= limit);
        let all = self.seconds.len() as f64 + self.failed;
        (all, all - within as f64)
    }
}
