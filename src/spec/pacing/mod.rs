//! Keys of `concurrency` that determine when runs begin: one file per shape of load, with its keys
//! and their checks. `load::pacing` acts on them.

mod closed;
mod open;
mod wrong;

pub use closed::ThinkTime;
pub use open::{Process, Rate};
pub(in crate::spec) use wrong::Wrong;

use wrong::ensure;

/// Checks the shapes of load that a spec asks for, each by itself, and that there is only one.
pub(in crate::spec) fn check(think: Option<ThinkTime>, rate: Option<Rate>) -> Result<(), Wrong> {
    think.map_or(Ok(()), ThinkTime::check)?;
    rate.map_or(Ok(()), Rate::check)?;
    ensure(
        !(think.is_some() && rate.is_some()),
        "rate",
        "in an open loop nobody waits, so there is no think time",
        "keep `rate` or `think_time`",
    )
}
