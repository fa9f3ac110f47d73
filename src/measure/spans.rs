//! Spans of time: pairs of a start and an end.

/// Returns the time that spans cover together, and sorts them.
pub(super) fn covered(spans: &mut [(f64, f64)]) -> f64 {
    spans.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut covered, mut until) = (0.0, f64::NEG_INFINITY);
    for (start, end) in spans {
        let from = start.max(until);
        if *end > from {
            covered += *end - from;
            until = *end;
        }
    }
    covered
}

/// Returns what is left of a span without others, which are sorted.
pub(super) fn without(whole: (f64, f64), others: &mut [(f64, f64)]) -> Vec<(f64, f64)> {
    others.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut from, end) = whole;
    let mut left = Vec::new();
    for (start, until) in others {
        if *start > from {
            left.push((from, start.min(end)));
        }
        from = from.max(*until);
    }
    if from < end {
        left.push((from, end));
    }
    left.retain(|(from, end)| from < end);
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_that_is_covered_twice_counts_once() {
        for (spans, expected) in [
            (vec![], 0.0),
            (vec![(1.0, 2.0), (0.0, 0.5)], 1.5),
            (vec![(0.0, 4.0), (1.0, 2.0), (3.0, 5.0)], 5.0),
            (vec![(2.0, 1.0)], 0.0),
        ] {
            let mut spans = spans;
            assert!((covered(&mut spans) - expected).abs() < 1e-12, "{spans:?}");
        }
    }

    #[test]
    fn what_is_left_lies_outside_the_others() {
        for (others, expected) in [
            (vec![], vec![(1.0, 9.0)]),
            (vec![(4.0, 5.0), (2.0, 3.0)], vec![(1.0, 2.0), (3.0, 4.0), (5.0, 9.0)]),
            (vec![(0.0, 2.0), (1.5, 8.0)], vec![(8.0, 9.0)]),
            (vec![(0.0, 10.0)], vec![]),
            (vec![(10.0, 11.0)], vec![(1.0, 9.0)]),
        ] {
            let mut others = others;
            assert_eq!(without((1.0, 9.0), &mut others), expected, "{others:?}");
        }
    }
}
