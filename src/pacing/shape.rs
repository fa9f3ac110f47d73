//! The trait behind every shape of load.

use super::error::PacingError;
use super::key_error::KeyError;
use super::point::LoadPoint;
use super::segment::{Segment, Turns};
use super::starts::{Setting, Starts};

/// A shape of load: the rule by which the runs of a level begin. The type has the numbers, as plans hold
/// them.
pub(crate) trait Shape {
    /// Value of the key of `concurrency` that asks for it.
    type Key
    where
        Self: Sized;

    /// Reason why a spec with its key has no key of a shape before it in the list.
    fn alone() -> &'static str
    where
        Self: Sized,
    {
        "a level has one shape of load"
    }

    /// Checks the value of its key.
    fn check_key(key: Self::Key) -> Result<(), KeyError>
    where
        Self: Sized;

    /// Returns the shape with the numbers that the value of its key gives.
    fn of_key(key: Self::Key) -> Self
    where
        Self: Sized;

    /// Returns the load of a level of a spec with its key: as many users as the level says.
    fn point(level: u32) -> LoadPoint
    where
        Self: Sized,
    {
        LoadPoint::Users(level)
    }

    /// Fails if the numbers make no sense, or not at this load.
    fn check(&self, point: LoadPoint) -> Result<(), PacingError>;

    /// Returns the runs of a segment; `None` if one of so many segments would have none, however long the
    /// level is.
    fn turns(&self, point: LoadPoint, segment: Segment) -> Option<Turns>;

    /// Returns the largest number of runs of a segment in flight, as far as it is known beforehand.
    fn in_flight(&self, point: LoadPoint, segment: Segment) -> u32;

    /// Returns the times at which the runs of a segment begin.
    fn starts(&self, setting: Setting) -> Starts;
}
