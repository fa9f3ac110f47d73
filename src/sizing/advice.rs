//! Remedies for doubts: the levels that would tell more, and the one command that measures them.

use crate::measure::LevelMetrics;
use std::collections::BTreeSet;
use std::fmt;

/// Source of a sweep's levels, which determines how further ones are added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Listed in the spec.
    Listed(Vec<u32>),
    /// Chosen by an adaptive sweep; holds the keys of the spec that a list of levels would replace.
    Adaptive(Vec<&'static str>),
    /// Measured elsewhere.
    Recorded,
}

impl Default for Plan {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listed(levels) => f.write_str(&list(levels, ", ")),
            Self::Adaptive(keys) if keys.is_empty() => f.write_str("adaptive"),
            Self::Adaptive(keys) => write!(f, "adaptive with {}", keys.join(" and ")),
            Self::Recorded => f.write_str("those of the recording"),
        }
    }
}

/// Levels that would tell more about an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LevelAdvice {
    /// Levels that are missing.
    pub add: BTreeSet<u32>,
    /// Levels to measure again.
    pub again: BTreeSet<u32>,
}

/// Loads that a doubt asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Wish {
    /// No load.
    #[default]
    Nothing,
    /// Levels at about these loads.
    Around(Vec<f64>),
    /// More runs at these levels.
    Again(Vec<f64>),
}

impl LevelAdvice {
    /// Returns the levels that a wish amounts to, besides existing ones.
    pub(super) fn of(wish: &Wish, levels: &[LevelMetrics]) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a load, between 1 and a million"
        )]
        let whole = |load: &f64| load.round().clamp(1.0, 1e6) as u32;
        match wish {
            Wish::Nothing => Self::default(),
            Wish::Again(levels) => {
                Self { again: levels.iter().map(whole).collect(), ..Self::default() }
            }
            Wish::Around(loads) => {
                let most = failed(levels).map_or(u32::MAX, |failed| (failed - 1).max(1));
                let all: BTreeSet<u32> = loads.iter().map(|load| whole(load).min(most)).collect();
                let known: BTreeSet<u32> = levels.iter().map(|level| level.concurrency).collect();
                let add: BTreeSet<u32> = all.difference(&known).copied().collect();
                let again = if add.is_empty() { all } else { BTreeSet::new() };
                Self { add, again }
            }
        }
    }
}

/// Returns the lowest level above the usable ones at which runs failed; no higher one tells more.
fn failed(levels: &[LevelMetrics]) -> Option<u32> {
    let usable = levels.iter().filter(|level| !level.interrupted);
    let highest = usable.map(|level| level.concurrency).max().unwrap_or(0);
    let failed = levels.iter().filter(|level| level.interrupted);
    failed.map(|level| level.concurrency).filter(|level| *level > highest).min()
}

impl Plan {
    /// Returns the command that measures the wanted levels, in addition to those of the spec and of
    /// an adaptive sweep; `None` if none are wanted, or they are measured elsewhere.
    pub(super) fn command(&self, wanted: &LevelAdvice, levels: &[LevelMetrics]) -> Option<String> {
        let there = || levels.iter().map(|level| level.concurrency);
        let (own, keys): (BTreeSet<u32>, &[&str]) = match self {
            Self::Recorded => return None,
            Self::Listed(own) => (own.iter().copied().chain(there()).collect(), &[]),
            Self::Adaptive(keys) => (there().collect(), keys),
        };
        let mut command = "sizer run SPEC".to_owned();
        if !wanted.add.is_empty() {
            let all: Vec<u32> = own.union(&wanted.add).copied().collect();
            command.extend([" --set 'concurrency.levels=[", &list(&all, ", "), "]'"]);
            let unset = keys.iter().map(|key| format!(" --set concurrency.{key}=null"));
            command.extend(unset);
        }
        if !wanted.again.is_empty() {
            let stages = wanted.again.iter().map(|level| format!(" sweep@{level}"));
            command.push_str(" --force");
            command.extend(stages);
        }
        (wanted != &LevelAdvice::default()).then_some(command)
    }
}

fn list(levels: &[u32], between: &str) -> String {
    levels.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Recording;

    fn levels(concurrencies: &[u32]) -> Vec<LevelMetrics> {
        let level = |at: &u32| LevelMetrics::of(*at, &Recording::default(), 0.0);
        concurrencies.iter().map(level).collect()
    }

    fn wanted(add: &[u32], again: &[u32]) -> LevelAdvice {
        LevelAdvice { add: add.iter().copied().collect(), again: again.iter().copied().collect() }
    }

    #[test]
    fn a_command_has_the_levels_of_the_spec_and_those_that_are_missing() {
        let levels = levels(&[1, 2, 8]);
        // A level of the spec that was not measured stays.
        let listed = Plan::Listed(vec![1, 2, 4, 8]);
        assert_eq!(
            listed.command(&wanted(&[6, 16], &[8]), &levels).unwrap(),
            "sizer run SPEC --set 'concurrency.levels=[1, 2, 4, 6, 8, 16]' --force sweep@8"
        );
        assert_eq!(
            Plan::Adaptive(vec!["budget"]).command(&wanted(&[16], &[]), &levels).unwrap(),
            "sizer run SPEC --set 'concurrency.levels=[1, 2, 8, 16]' --set concurrency.budget=null"
        );
        assert_eq!(
            listed.command(&wanted(&[], &[2]), &levels).unwrap(),
            "sizer run SPEC --force sweep@2"
        );
        assert_eq!(listed.command(&LevelAdvice::default(), &levels), None);
        assert_eq!(Plan::Recorded.command(&wanted(&[6], &[]), &levels), None);
    }

    #[test]
    fn loads_become_levels_that_are_missing() {
        let there = levels(&[1, 2, 4, 8]);
        let of = |loads: &[f64]| LevelAdvice::of(&Wish::Around(loads.to_vec()), &there);
        assert_eq!(of(&[5.6, 4.0]), wanted(&[6], &[]));
        assert_eq!(of(&[16.0, 12.0]), wanted(&[12, 16], &[]));
        assert_eq!(of(&[8.2]), wanted(&[], &[8]));
    }
}
