//! Detection of bursts: levels whose runs began all at once.

/// Share of a run's time within which the first runs of a burst begin. In steady loads that were
/// cut out of longer ones, the first runs of levels of 8 and more spread over at least a third of
/// it.
const TOGETHER: f64 = 0.25;

/// Returns the time that the first `wave` runs take to begin, as a multiple of the median runtime;
/// `None` without runs. `times` are pairs of start and end, in any order.
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

/// Returns true if runs whose first wave has this spread (see [`first_wave_spread`]) began at once.
pub fn starts_together(spread: f64) -> bool {
    spread <= TOGETHER
}
