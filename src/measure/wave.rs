//! How a level began: all at once, or one after the other.

/// The share of a run's time within which the first runs of a burst begin. Of steady loads that were
/// cut out of longer ones, levels of 8 and more begin over a third of it at least.
const TOGETHER: f64 = 0.25;

/// How long the first so many runs take to begin, in times of the runtime in the middle; `None` without
/// runs. Times are starts and ends, in any order.
pub fn first_wave_spread(times: &[(f64, f64)], wave: usize) -> Option<f64> {
    let mut starts: Vec<f64> = times.iter().map(|(start, _)| *start).collect();
    let mut lengths: Vec<f64> = times.iter().map(|(start, end)| end - start).collect();
    starts.sort_by(f64::total_cmp);
    lengths.sort_by(f64::total_cmp);
    let last = wave.min(starts.len()).checked_sub(1)?;
    let spread = starts.get(last)? - starts.first()?;
    let length = *lengths.get(lengths.len() / 2)?;
    Some(if spread > 0.0 { spread / length } else { 0.0 })
}

/// Whether runs whose first wave begins within such a share of a runtime began at once.
pub fn starts_together(spread: f64) -> bool {
    spread <= TOGETHER
}
