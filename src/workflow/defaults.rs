//! Defaults that several kinds share.

use crate::language::Seconds;

pub(super) fn default_timeout() -> Seconds {
    const FIVE_MINUTES: Seconds = Seconds::fixed(300.0);
    FIVE_MINUTES
}

pub(super) fn yes() -> bool {
    true
}
