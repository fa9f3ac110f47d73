//! Uncertainty of the load between two levels: time may grow in steps there.

use super::capacity_estimate::CapacityEstimate;
use crate::sizing::Target;
use crate::sizing::grade::Doubt;
use crate::sizing::pooled::Stairs;
use crate::sizing::verdict::Level;

/// Ratio of neighbouring levels from which the load between them is open.
const APART: f64 = 1.6;
/// Ratio from which nothing tells about it.
const FAR_APART: f64 = 2.5;
/// Ratio of an answer to the level below it from which it rests on the load in between.
const ABOVE: f64 = 1.2;

/// Compares an answer with steps: if the levels lie on steps as well as on a curve, the interval
/// extends down to the end of a step; if they lie on steps alone, so does the answer. Between
/// neighbouring levels that are far apart, only the shape of the curve tells what lies there.
pub(super) fn hold_against_steps(
    found: &mut CapacityEstimate,
    target: Target,
    levels: &[Level<'_>],
    mean: impl Fn(f64) -> f64,
) {
    if found.is_open() {
        return;
    }
    let range = found.drawn.range(|it| it.concurrency);
    let point = range.point;
    let usable = || levels.iter().filter(|level| level.is_usable());
    let until_answer = || usable().take_while(|level| level.concurrency() <= point);
    let below = until_answer().last().map(Level::concurrency);
    let above = levels.iter().map(Level::concurrency).find(|level| *level > point);
    let Some((below, above)) = below.zip(above) else { return };
    // A level below the answer is carried, whatever lies between, if its own runs met the limit and those of all lower
    // ones did: of several on one step, chance alone lets some meet it.
    let is_met =
        |level: &&Level<'_>| super::levels_within(target, [level.metrics]).next().is_some();
    let met = until_answer().take_while(is_met).last().map_or(0.0, Level::concurrency);
    let least = found.bounds.at_least.unwrap_or(0.0).max(met);
    if let Some(stairs) = found.models.usable().stairs(target.quantile, target.seconds(), point) {
        let Stairs { width, carried, lowest, shown } = stairs;
        let carried = carried.max(least);
        // If a level up to the answer missed the limit, so may the whole step that it is on.
        let lowest = if shown && met < below { least } else { lowest.max(least) };
        let by = point / carried;
        if shown {
            found.drawn.onto_steps(width, least, &mean);
        }
        if lowest > 0.0 && lowest < range.low {
            found.drawn.stretch(lowest, range.high);
        }
        if shown || carried < range.low {
            found.doubts.push(Doubt::Steps { width, carried, by, shown });
            return;
        }
    }
    // A level between them of which runs failed is another matter.
    let mut all = levels.iter().map(Level::concurrency);
    let next = above - below < 1.5 || all.any(|it| it > below && it <= point);
    if !next && above > APART * below && point > ABOVE * below {
        let far = above > FAR_APART * below;
        if far && least < range.low {
            found.drawn.stretch(least, range.high);
        }
        found.doubts.push(Doubt::Between { below, above, far });
    }
}
