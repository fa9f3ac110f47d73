//! The trait behind every pacing.

use crate::load::level::Level;
use crate::load::segment::{Segment, Turns};
use crate::load::{LoadPoint, PlanError};
use crate::spec::Concurrency;
use std::sync::Arc;
use tokio::task::JoinSet;

/// A shape of load: the rule by which the runs of a level begin.
pub(in crate::load) trait Shape {
    /// Returns the shape that a spec asks for, if it is this one.
    fn of_spec(load: &Concurrency) -> Option<Self>
    where
        Self: Sized;

    /// Fails if the numbers make no sense, or not at this load.
    fn check(&self, point: LoadPoint) -> Result<(), PlanError>;

    /// Returns the runs of a segment; `None` if one of so many segments would have none, however long the
    /// level is.
    fn turns(&self, point: LoadPoint, segment: Segment) -> Option<Turns>;

    /// Returns the largest number of runs of a segment in flight, as far as it is known beforehand.
    fn in_flight(&self, point: LoadPoint, segment: Segment) -> u32;

    /// Begins the tasks that make the runs. It is called once per level, so that only this call is
    /// dynamic.
    fn begin(&self, level: &Arc<Level>, tasks: &mut JoinSet<()>);
}
