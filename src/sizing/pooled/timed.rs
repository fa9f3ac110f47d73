//! Runs of a level by their time, to count those over any limit.

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
    /// Sorts the runs of a level, given as load and seconds; `None` without any.
    pub fn of(runs: impl Iterator<Item = (f64, f64)>, failed: f64) -> Option<Self> {
        let (mut at, mut seconds) = (0.0, Vec::new());
        for (load, time) in runs {
            at += load;
            seconds.push(time);
        }
        seconds.sort_unstable_by(f64::total_cmp);
        let at = (at / seconds.len() as f64).ln();
        at.is_finite().then_some(Self { at, seconds, failed })
    }

    /// Returns the number of runs, and of those over a limit (seconds).
    pub fn over(&self, limit: f64) -> (f64, f64) {
        let within = self.seconds.partition_point(|it| *it <= limit);
        let all = self.seconds.len() as f64 + self.failed;
        (all, all - within as f64)
    }
}
