//! Runs of a level by their time, to count those over any limit.

use crate::sizing::means::Sample;

/// Runs of a level by their time.
pub(super) struct RunTimes {
    /// Logarithm of the mean load that they met.
    pub at: f64,
    /// Seconds, ascending.
    seconds: Vec<f64>,
    /// Number of runs up to each of them.
    counts: Vec<f64>,
    /// Number of failed runs that count as slower than any limit.
    failed: f64,
}

impl RunTimes {
    /// Sorts the runs of a level; `None` without any. `shared` is the inverse of the number of runs behind
    /// the chance that all levels share.
    pub fn of(runs: &[Sample], failed: f64, shared: f64) -> Option<Self> {
        let all: f64 = runs.iter().map(|it| it.count).sum();
        let at = runs.iter().map(|it| it.concurrency * it.count).sum::<f64>() / all;
        let at = at.ln();
        if !at.is_finite() {
            return None;
        }
        let mut runs: Vec<(f64, f64)> = runs.iter().map(|it| (it.seconds, it.count)).collect();
        runs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        // As few as have the same chance by themselves.
        let scale = 1.0 / (1.0 + shared * all);
        let mut up_to = 0.0;
        let counts = runs.iter().map(|(_, count)| {
            up_to += count * scale;
            up_to
        });
        let counts = counts.collect();
        Some(Self {
            at,
            seconds: runs.into_iter().map(|(seconds, _)| seconds).collect(),
            counts,
            failed: failed * scale,
        })
    }

    /// Returns the number of runs, and of those over a limit (seconds).
    pub fn over(&self, limit: f64) -> (f64, f64) {
        let within = self.seconds.partition_point(|it| *it <= limit);
        let within = within.checked_sub(1).and_then(|last| self.counts.get(last)).copied();
        let all = self.counts.last().copied().unwrap_or(0.0) + self.failed;
        (all, all - within.unwrap_or(0.0))
    }
}
