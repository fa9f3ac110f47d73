//! Effect on the capacity of levels whose parts contradict each other.

use super::capacity_estimate::CapacityEstimate;
use super::refit::MetricModels;
use crate::sizing::Target;
use crate::sizing::grade::Doubt;
use crate::sizing::observed::ObservedLevel;
use crate::sizing::repeats::PartDifference;
use crate::sizing::verdict::Level;

/// Compares the parts of each level. If they differ by more than chance, the interval extends from
/// the capacity of the slowest parts to that of the fastest.
pub(super) fn hold_against_parts(
    found: &mut CapacityEstimate,
    metric: &MetricModels<'_>,
    target: Target,
) {
    let of =
        |level: &Level<'_>| level.is_usable().then(|| PartDifference::of(level, &target)).flatten();
    let unlike: Vec<Option<PartDifference>> = metric.levels.iter().map(of).collect();
    let seen = || {
        let pairs = std::iter::zip(&metric.levels, &unlike);
        pairs.filter_map(|(level, unlike)| Some((level, unlike.as_ref()?)))
    };
    let apart = |unlike: &PartDifference| unlike.slowest / unlike.fastest;
    let Some((furthest, most)) = seen().max_by(|a, b| apart(a.1).total_cmp(&apart(b.1))) else {
        return;
    };
    let near = seen().any(|(level, _)| found.is_near(level));
    found.doubts.push(Doubt::Unlike {
        levels: seen().map(|(level, _)| level.concurrency()).collect(),
        furthest: furthest.concurrency(),
        fastest: most.fastest,
        slowest: most.slowest,
        repetitions: most.repetitions,
        near,
    });
    if !near || found.is_open() {
        return;
    }
    let carried = |pick: fn(&PartDifference) -> &ObservedLevel| {
        let parts: Vec<Option<&ObservedLevel>> =
            unlike.iter().map(|it| it.as_ref().map(pick)).collect();
        let models = metric.with_parts(&parts)?;
        Some(models.point(target.quantile, target.seconds()))
    };
    let range = found.drawn.range(|it| it.concurrency);
    let ends = [carried(|it| &it.slow), carried(|it| &it.fast)].into_iter().flatten();
    let (low, high) =
        ends.fold((range.low, range.high), |(low, high), it| (low.min(it), high.max(it)));
    // Where nothing at all would be carried, one run is the least that there can be.
    found.drawn.stretch(low.max(1.0).min(range.low), high);
}
