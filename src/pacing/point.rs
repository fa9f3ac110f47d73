//! Load points: the settings of levels.

use super::error::PacingError;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// Most runs in flight, users, or runs per second.
const HIGHEST: u32 = 1_000_000;

/// Setting of a level, in the unit of its kind.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LoadPoint {
    /// Runs in flight.
    InFlight(u32),
    /// Users, who do not all have a run in flight.
    Users(u32),
    /// Runs per second, whoever sends them.
    Rate(f64),
}

impl LoadPoint {
    /// Returns the level as the spec counts it; `None` if the load has no such number.
    pub fn level(self) -> Option<u32> {
        match self {
            Self::InFlight(level) | Self::Users(level) => Some(level),
            Self::Rate(_) => None,
        }
    }

    /// Fails unless it stands for some load.
    pub(crate) fn check(self) -> Result<(), PacingError> {
        let possible = match self {
            Self::InFlight(level) | Self::Users(level) => (1..=HIGHEST).contains(&level),
            Self::Rate(rate) => rate > 0.0 && rate <= f64::from(HIGHEST),
        };
        if possible { Ok(()) } else { Err(PacingError::Point(self.to_string())) }
    }

    /// Returns the position on the axis that metrics and fits know: runs in flight or users, and of a rate
    /// the runs that begin within a second, rounded up.
    pub fn axis(self) -> u32 {
        match self {
            Self::InFlight(level) | Self::Users(level) => level,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a rate that passed its check is positive and at most a million"
            )]
            Self::Rate(rate) => rate.ceil() as u32,
        }
    }

    /// Returns its kind, and the position among those of the kind.
    fn place(self) -> (u8, f64) {
        match self {
            Self::InFlight(level) => (0, level.into()),
            Self::Users(level) => (1, level.into()),
            Self::Rate(rate) => (2, rate),
        }
    }
}

impl PartialEq for LoadPoint {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for LoadPoint {}

impl PartialOrd for LoadPoint {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for LoadPoint {
    /// Compares two points on their axis; points of different kinds by their kinds.
    fn cmp(&self, other: &Self) -> Ordering {
        let ((kind, own), (other_kind, others)) = (self.place(), other.place());
        kind.cmp(&other_kind).then(own.total_cmp(&others))
    }
}

impl Hash for LoadPoint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (kind, own) = self.place();
        (kind, own.to_bits()).hash(state);
    }
}

impl fmt::Display for LoadPoint {
    /// Writes the name as part of a stage's name, such as `8` in `sweep@8`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InFlight(level) | Self::Users(level) => write!(f, "{level}"),
            Self::Rate(rate) => write!(f, "{rate}/s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_named_ordered_and_written_down() {
        let points = [LoadPoint::InFlight(8), LoadPoint::Users(16), LoadPoint::Rate(2.5)];
        assert_eq!(points.map(|point| point.to_string()), ["8", "16", "2.5/s"]);
        assert_eq!(points.map(LoadPoint::level), [Some(8), Some(16), None]);
        assert!(LoadPoint::InFlight(9) < LoadPoint::InFlight(10));
        assert!(LoadPoint::Rate(0.5) < LoadPoint::Rate(2.0));
        assert!(LoadPoint::InFlight(17) < LoadPoint::Users(16), "of different kinds");
        assert_eq!(points.map(LoadPoint::axis), [8, 16, 3]);
        for point in points {
            let text = serde_json::to_string(&point).unwrap();
            assert_eq!(serde_json::from_str::<LoadPoint>(&text).unwrap(), point, "{text}");
        }
    }

    #[test]
    fn what_is_no_load_is_refused() {
        for point in [
            LoadPoint::InFlight(0),
            LoadPoint::Users(1_000_001),
            LoadPoint::Rate(0.0),
            LoadPoint::Rate(f64::NAN),
            LoadPoint::Rate(f64::INFINITY),
        ] {
            assert!(point.check().is_err(), "{point}");
        }
        assert!(LoadPoint::Rate(0.01).check().is_ok());
    }
}
