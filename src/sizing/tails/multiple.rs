//! Times as multiples of the mean at their load.

/// Multiple of the mean that a failed run counts as: slower than any limit.
pub(super) const FAILED: f64 = 1e6;

/// Least multiple of the mean, where a scale would put times below zero.
pub(super) const LEAST: f64 = 1e-3;

/// A time as a multiple of the mean at its load.
#[derive(Clone, Copy)]
pub(super) struct Multiple {
    /// The multiple; if the levels differ in scale, its distance from 1 is in standard deviations.
    pub times: f64,
    /// Logarithm of the load that it met.
    pub at: f64,
    pub level: usize,
    /// Number of times that it was seen.
    pub count: f64,
}

/// Sums figures up for each level.
pub(super) fn by_level<const N: usize>(
    figures: impl Iterator<Item = (usize, [f64; N])>,
) -> Vec<[f64; N]> {
    let mut sums = Vec::new();
    for (level, figures) in figures {
        if level >= sums.len() {
            sums.resize(level + 1, [0.0; N]);
        }
        let own = sums.get_mut(level).into_iter().flatten();
        own.zip(figures).for_each(|(sum, figure)| *sum += figure);
    }
    sums
}
