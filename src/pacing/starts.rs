//! Times at which the runs of a level begin.

use super::point::LoadPoint;
use super::segment::Segment;

/// Most runs in flight of an open loop. Beyond this the client would measure itself; further runs wait,
/// and their waiting counts.
pub(crate) const MOST_IN_FLIGHT: u32 = 50_000;

/// The part of a plan that times follow from, apart from the numbers of its shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub point: LoadPoint,
    pub segment: Segment,
    /// Seconds over which the first runs are spread, or the rate is reached.
    pub ramp: f64,
    pub seed: u64,
}

/// Times, or times between runs, in seconds. Where they end, no further run begins.
pub(crate) type Times = Box<dyn Iterator<Item = f64> + Send>;

/// Rule by which the runs of a segment begin.
pub(crate) enum Starts {
    /// One entry per user, who begins each run when the last one has ended and a pause is over. The first
    /// pause counts from the beginning of the level.
    Users(Vec<Times>),
    /// Arrivals of the whole load since it began, whether or not runs have ended. Those of the segment are
    /// the ones at its positions.
    Arrivals(Times),
}
