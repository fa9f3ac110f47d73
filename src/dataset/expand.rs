//! From the items of a dataset to the runs of a level, as the reference does it.

use crate::measure::Item;

/// How many items of a dataset a level asks at most; `None` where it asks them all.
pub fn items_needed(concurrency: u32, passes: Option<u32>) -> Option<usize> {
    passes.map(|passes| (concurrency as usize).saturating_mul(passes as usize))
}

/// The items to run at a level, in order.
///
/// With `passes`, concurrency × passes runs, the dataset repeated in order. Without, the largest
/// multiple of the concurrency that fits in the dataset, at least one full pass. Repeats of an
/// item get `_rep1`, `_rep2`, … appended to their id.
pub fn level_items(items: &[Item], concurrency: u32, passes: Option<u32>) -> Vec<Item> {
    if items.is_empty() {
        return Vec::new();
    }
    let per_wave = concurrency as usize;
    let whole_waves = (items.len() / per_wave * per_wave).max(per_wave);
    let count = items_needed(concurrency, passes).unwrap_or(whole_waves);
    let repeats = (0_usize..).flat_map(|repeat| items.iter().map(move |item| (repeat, item)));
    repeats
        .take(count)
        .map(|(repeat, item)| match repeat {
            0 => item.clone(),
            _ => Item { id: format!("{}_rep{repeat}", item.id), input: item.input.clone() },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(dataset: usize, concurrency: u32, passes: Option<u32>) -> Vec<String> {
        let items: Vec<Item> =
            (1..=dataset).map(|id| Item { id: id.to_string(), input: "?".into() }).collect();
        level_items(&items, concurrency, passes).into_iter().map(|item| item.id).collect()
    }

    #[test]
    fn passes_repeat_the_dataset_in_order() {
        assert_eq!(
            ids(3, 4, Some(2)),
            ["1", "2", "3", "1_rep1", "2_rep1", "3_rep1", "1_rep2", "2_rep2"]
        );
        assert_eq!(ids(3, 1, Some(2)), ["1", "2"]);
    }

    #[test]
    fn without_passes_the_dataset_is_cut_to_whole_waves() {
        assert_eq!(ids(7, 3, None).len(), 6);
        assert_eq!(ids(2, 3, None), ["1", "2", "1_rep1"]);
        assert_eq!(ids(5, 1, None).len(), 5);
        assert!(ids(0, 3, None).is_empty());
    }
}
