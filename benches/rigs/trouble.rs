//! What may go wrong with a rig while it is swept.

use sizer::Failure;

/// What goes wrong with a rig; by default nothing. Levels are told by their place in the sweep, runs by
/// a number of their own. The same questions always get the same answers.
pub trait Trouble: Send + Sync {
    /// How fast the rig works at a level, as a share of its own speed.
    fn speed(&self, level: usize) -> f64 {
        let _ = level;
        1.0
    }

    /// Seconds for which the whole rig stands still from now on: asked as a run begins, the `begun`th of
    /// `planned` ones, `elapsed` seconds after its level did.
    fn stall(&self, level: usize, begun: usize, planned: usize, elapsed: f64) -> Option<f64> {
        let _ = (level, begun, planned, elapsed);
        None
    }

    /// Why a run fails at once, where it does. It is counted among those in flight.
    fn refuses(&self, run: u64, in_flight: u32) -> Option<Failure> {
        let _ = (run, in_flight);
        None
    }

    /// Why a run fails after its whole time, where it does. `in_flight` is from when it began.
    fn spoils(&self, run: u64, in_flight: u32) -> Option<Failure> {
        let _ = (run, in_flight);
        None
    }
}
