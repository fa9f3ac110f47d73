//! Rigs that pad their batches: time grows in steps, and between two levels it may be anywhere.

use super::{PooledModel, standard_error};
use crate::measure::Quantile;
use crate::sizing::curve::{Curve, MeanPoint, Shape};
use crate::sizing::misfit::chi_squared;

/// Difference of a mean without any noise, as a logarithm: no rig repeats itself more exactly.
const EXACT: f64 = 0.01;
/// Width of steps, as a share of the capacity, below which they are lost in everything else.
const SMALL: f64 = 0.08;
/// Excess in the sum of squares by which steps may fit worse than a curve without them.
const SLACK: f64 = 1.0;
/// Ratio of one width that is tried to the next.
const WIDER: f64 = 1.04;

/// Capacity of a rig whose time grows in steps of one width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::sizing) struct Stairs {
    /// Runs in flight from one step to the next.
    pub width: f64,
    /// End of the last step that meets the limit, in runs in flight.
    pub carried: f64,
    /// The lowest such end by any width that fits the levels as well.
    pub lowest: f64,
    /// True if the levels lie on steps, and on no curve without them.
    pub shown: bool,
}

/// A curve in steps with its misfit, and the misfit that chance explains.
struct FittedCurve {
    curve: Curve,
    misfit: f64,
    by_chance: f64,
}

impl PooledModel {
    /// Returns the steps that fit the levels no worse than a curve without them; of several widths,
    /// the one with the smallest capacity within a limit (seconds). `None` if time shows that there
    /// are none, or if they are too small to matter at `point`, the capacity without them.
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
        let (mut closest, mut lowest_shown) = (smooth.misfit, f64::INFINITY);
        for width in widths.take_while(|width| *width <= above) {
            let Some(fitted) = self.fitted(width) else { continue };
            let shown = curved && fitted.misfit <= fitted.by_chance;
            let agrees = shown || fitted.misfit <= smooth.misfit + SLACK;
            if !agrees {
                continue;
            }
            let reached = fitted.curve.reaches(within);
            let carried = (reached / width * (1.0 + 1e-9)).floor() * width;
            // Below the first step nothing is known of where it ends.
            if shown && carried >= 1.0 {
                lowest_shown = lowest_shown.min(carried);
            }
            // Where steps are shown, those that fit best are the rig's.
            let better = match least {
                Some(before) if before.shown || shown => shown && fitted.misfit < closest,
                before => before.is_none_or(|before| carried < before.carried),
            };
            if better {
                closest = fitted.misfit;
                least = Some(Stairs { width, carried, lowest: carried, shown });
            }
        }
        if let Some(stairs) = least.as_mut().filter(|it| it.shown) {
            stairs.lowest = lowest_shown;
        }
        least.filter(|stairs| stairs.carried >= 1.0)
    }

    /// Fits the curve of a rig that pads its load to a multiple of `width`.
    fn fitted(&self, width: f64) -> Option<FittedCurve> {
        let padded = |load: f64| (load / width * (1.0 - 1e-9)).ceil().max(1.0) * width;
        let mut merged: Vec<MeanPoint> = Vec::new();
        for seen in &self.seen {
            let concurrency = if width > 1.0 { padded(seen.concurrency) } else { seen.concurrency };
            match merged.last_mut().filter(|it| (it.concurrency - concurrency).abs() < 1e-9) {
                Some(same) => {
                    let weight = same.weight + seen.weight;
                    same.seconds =
                        (same.seconds * same.weight + seen.seconds * seen.weight) / weight;
                    same.weight = weight;
                }
                None => merged.push(MeanPoint { concurrency, ..*seen }),
            }
        }
        let curve = Curve::fit(&merged, self.shape)?;
        let off = |seen: &MeanPoint| {
            let at = if width > 1.0 { padded(seen.concurrency) } else { seen.concurrency };
            let error = standard_error(seen, self.noise).hypot(EXACT);
            ((seen.seconds / curve.at(at)).ln() / error).powi(2)
        };
        let misfit = self.seen.iter().map(off).sum();
        let free = self.seen.len().saturating_sub(curve.parts_used()).max(1) as f64;
        Some(FittedCurve { curve, misfit, by_chance: chi_squared(free) })
    }
}
