//! Defaults that several kinds share.

use super::super::Seconds;

pub(super) fn default_timeout() -> Seconds {
    const FIVE_MINUTES: f64 = 300.0;
    Seconds::new(FIVE_MINUTES).unwrap_or_default()
}

pub(super) fn yes() -> bool {
    true
}
