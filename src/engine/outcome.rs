//! The outcome of one stage.

use super::reason::Reason;
use crate::store::Digest;
use std::time::Duration;

/// The outcome of one stage.
#[derive(Clone, Debug)]
#[expect(unnameable_types, reason = "its alias in `study` is its public name")]
#[non_exhaustive]
pub struct StageOutcome<I, A> {
    /// The stage.
    pub id: I,
    /// The reason why it ran; `None` if its artifact was there.
    pub ran: Option<Reason<I, A>>,
    /// Its artifact.
    pub digest: Digest,
    /// The time that it took.
    pub elapsed: Duration,
}
