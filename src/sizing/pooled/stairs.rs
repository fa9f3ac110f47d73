//! Rigs that pad their batches: time then grows in steps, and between two levels it may be anywhere.

use super::{Pooled, standard_error};
use crate::measure::Quantile;
use crate::sizing::curve::{Curve, Seen, Shape};
use crate::sizing::misfit::chi_squared;

/// What a mean differs by without any noise, as a logarithm: no rig repeats itself more exactly.
const EXACT: f64 = 0.01;
/// Steps smaller than this share of what is carried are lost in everything else.
const SMALL: f64 = 0.08;
/// By how much more, as a sum of squares, steps may miss the levels than a curve without them.
const SLACK: f64 = 1.0;
/// From this width on the next one that is tried is this much wider.
const WIDER: f64 = 1.04;

/// What a rig carries whose time grows in steps of one width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::sizing) struct Stairs {
    /// Runs in flight from one step to the next.
    pub width: f64,
    /// What is carried: the end of the last step that keeps the limit.
    pub carried: f64,
    /// Whether the levels lie on steps and on no curve without them.
    pub shown: bool,
}

/// A curve in steps with how badly it fits, beside what chance explains.
struct Fitted {
    curve: Curve,
    misfit: f64,
    by_chance: f64,
}

impl Pooled {
    /// The steps on which the levels lie no worse than on a curve without them; of several widths, the one by which
    /// least is carried within a limit (seconds). `None` where time shows that there are none, or that they
    /// are too small to matter at `point`, what is carried without them.
    pub(in crate::sizing) fn stairs(
        &self,
        quantile: Quantile,
        limit: f64,
        point: f64,
    ) -> Option<Stairs> {
        if self.shape != Shape::ClosedLoop || !self.steady || point < 2.0 || !point.is_finite() {
            return None;
        }
        let within = limit / self.tails.at(point, quantile.share()).multiple;
        let above = self.seen.iter().map(|seen| seen.concurrency).find(|load| *load > point)?;
        let smooth = self.fitted(1.0)?;
        let curved = smooth.misfit > smooth.by_chance;
        let widths = std::iter::successors(Some((SMALL * point).ceil().max(2.0)), |width| {
            Some((width * WIDER).ceil().max(width + 1.0))
        });
        let mut least: Option<Stairs> = None;
        let mut closest = smooth.misfit;
        for width in widths.take_while(|width| *width <= above) {
            let Some(fitted) = self.fitted(width) else { continue };
            let shown = curved && fitted.misfit <= fitted.by_chance;
            let agrees = shown || fitted.misfit <= smooth.misfit + SLACK;
            // Where steps are shown, those that fit best are the rig's.
            let better = match least {
                Some(before) if before.shown || shown => shown && fitted.misfit < closest,
                _ => agrees,
            };
            if !better {
                continue;
            }
            let reached = fitted.curve.reaches(within);
            let carried = (reached / width * (1.0 + 1e-9)).floor() * width;
            let lower = least.is_none_or(|before| carried < before.carried);
            if shown || lower {
                closest = fitted.misfit;
                least = Some(Stairs { width, carried, shown });
            }
        }
        least.filter(|stairs| stairs.carried >= 1.0)
    }

    /// The curve of a rig that pads its load to a multiple of `width`, and how far the levels lie from it.
    fn fitted(&self, width: f64) -> Option<Fitted> {
        let padded = |load: f64| (load / width * (1.0 - 1e-9)).ceil().max(1.0) * width;
        let mut merged: Vec<Seen> = Vec::new();
        for seen in &self.seen {
            let concurrency = if width > 1.0 { padded(seen.concurrency) } else { seen.concurrency };
            match merged.last_mut().filter(|it| (it.concurrency - concurrency).abs() < 1e-9) {
                Some(same) => {
                    let weight = same.weight + seen.weight;
                    same.seconds =
                        (same.seconds * same.weight + seen.seconds * seen.weight) / weight;
                    same.weight = weight;
                }
                None => merged.push(Seen { concurrency, ..*seen }),
            }
        }
        let curve = Curve::fit(&merged, self.shape)?;
        let off = |seen: &Seen| {
            let at = if width > 1.0 { padded(seen.concurrency) } else { seen.concurrency };
            let error = standard_error(seen, self.noise).hypot(EXACT);
            ((seen.seconds / curve.at(at)).ln() / error).powi(2)
        };
        let misfit = self.seen.iter().map(off).sum();
        let free = self.seen.len().saturating_sub(curve.parts_used()).max(1) as f64;
        Some(Fitted { curve, misfit, by_chance: chi_squared(free) })
    }
}
