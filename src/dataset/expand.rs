//! Default number of runs of a level, as the reference calculator computes it.

/// Returns the largest multiple of the concurrency that fits in the dataset, at least one full
/// pass.
pub fn level_size(items: usize, concurrency: u32) -> usize {
    let wave = (concurrency as usize).max(1);
    if items == 0 { 0 } else { (items / wave * wave).max(wave) }
}

#[cfg(test)]
mod tests {
    use super::level_size;

    #[test]
    fn a_dataset_is_cut_to_whole_waves() {
        assert_eq!(
            [level_size(7, 3), level_size(2, 3), level_size(5, 1), level_size(0, 3)],
            [6, 3, 5, 0]
        );
    }
}
