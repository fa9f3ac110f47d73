//! What is not known of the load between two levels: whether time grows in steps there.

use super::Asked;
use super::found::Found;
use crate::sizing::grade::Doubt;
use crate::sizing::pooled::Stairs;
use crate::sizing::verdict::Level;

/// Neighbouring levels that are further apart than this, as a factor, leave open what lies between,
const APART: f64 = 1.6;
/// and so far apart, nothing says it.
const FAR_APART: f64 = 2.5;
/// An answer that is this far above the level that carries it, as a factor, rests on what lies between.
const ABOVE: f64 = 1.2;

/// Holds an answer against steps: where the levels lie on steps as well as on a curve, the interval reaches
/// down to the end of a step, and where they lie on steps alone, so does the answer. Where neighbouring
/// levels are far apart, nothing but the shape of the curve says what lies between.
pub(super) fn hold_against_steps(
    found: &mut Found<'_>,
    asked: &Asked<'_>,
    levels: &[Level<'_>],
    mean: impl Fn(f64) -> f64,
) {
    if found.is_open() {
        return;
    }
    let target = asked.target;
    let range = found.drawn.range(|it| it.concurrency);
    let point = range.point;
    let usable = || levels.iter().filter(|level| level.is_usable()).map(Level::concurrency);
    let below = usable().filter(|level| *level <= point).reduce(f64::max);
    let above = levels.iter().map(Level::concurrency).filter(|level| *level > point);
    let above = above.reduce(f64::min);
    let Some((below, above)) = below.zip(above) else { return };
    // The level below the answer is carried, whatever lies between.
    let least = found.bounds.at_least.unwrap_or(0.0).max(below);
    if let Some(stairs) = found.models.usable().stairs(target.quantile, target.limit, point) {
        let Stairs { width, carried, shown } = stairs;
        let carried = carried.max(least);
        let by = point / carried;
        if shown {
            found.drawn.onto_steps(width, least, &mean);
        } else if carried < range.low {
            found.drawn.stretch(carried, range.high);
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
