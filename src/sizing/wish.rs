//! Levels that would settle a doubt.

use super::advice::Wish;
use super::grade::Doubt;

/// Factor below and above a load within which loads lie around it.
const AROUND: f64 = 1.2;

fn around(at: f64) -> [f64; 2] {
    [at / AROUND, at * AROUND]
}

impl Doubt {
    /// Returns the loads that would settle it.
    pub(super) fn wish(&self) -> Wish {
        let loads = match self {
            Self::NoEnd { highest, failed: Some(failed), .. } => {
                // Between what works and what fails, or once more what failed.
                let between = (highest * failed).sqrt();
                vec![if failed - highest > 1.5 { between } else { *failed }]
            }
            Self::NoEnd { highest, .. } => vec![2.0 * highest],
            Self::FewLevelsNear(at)
            | Self::CurveAgainstLevels { at }
            | Self::RestsOn { level: at, .. }
            | Self::Tail { at, .. }
            | Self::BorrowedTail { at, .. }
            | Self::Jumps { at, .. } => around(*at).to_vec(),
            Self::Extrapolated { measured: (_, highest), point } => {
                let wanted = if point > highest { AROUND } else { 1.0 };
                vec![*point, (*point * wanted).ceil()]
            }
            Self::Steps { width, carried, shown: false, .. } => {
                vec![*carried + (*width / 4.0).max(1.0), *carried + *width / 2.0]
            }
            Self::Steps { carried, .. } => vec![*carried, *carried + 1.0],
            Self::Between { below, above, .. } => {
                vec![(below * below * above).cbrt(), (below * above * above).cbrt()]
            }
            Self::SharedReplicas { replicas, .. } => vec![*replicas],
            Self::Refused { at, carried: Some(carried), .. } if at - carried >= 1.5 => {
                vec![(at * carried).sqrt()]
            }
            Self::Falls { low, high } => return Wish::Again(vec![low.0, high.0]),
            Self::Contradiction { missed, met } => return Wish::Again(vec![*missed, *met]),
            Self::LeftOut(level) => return Wish::Again(vec![*level]),
            Self::Unlike { levels, .. } => return Wish::Again(levels.clone()),
            _ => return Wish::Nothing,
        };
        Wish::Around(loads)
    }
}
