//! What to do about a doubt: a command that measures what is missing.

use std::collections::BTreeSet;

/// Where the levels of a sweep come from, and so how further ones come about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Plan {
    /// The spec lists them.
    #[default]
    Listed,
    /// The sweep looks for them itself. Keys of the spec that a list of levels takes the place of.
    Adaptive(Vec<&'static str>),
    /// Something else measured them.
    Recorded,
}

/// How the words of an answer go: what its levels count, and how further ones come about.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    /// Whether a level counts users, of whom not all have a run in flight.
    pub counts_users: bool,
    pub plan: &'a Plan,
    /// The levels that are there.
    pub levels: &'a [u32],
}

impl Words<'_> {
    /// What a level counts.
    pub fn unit(&self) -> &'static str {
        if self.counts_users { "users" } else { "in flight" }
    }

    /// How to have further levels as well.
    pub fn add(&self, wanted: &[f64]) -> String {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a load, between 1 and a million"
        )]
        let wanted: BTreeSet<u32> =
            wanted.iter().map(|load| load.round().clamp(1.0, 1e6) as u32).collect();
        let known: BTreeSet<u32> = self.levels.iter().copied().collect();
        let new: Vec<u32> = wanted.difference(&known).copied().collect();
        if new.is_empty() {
            let again: Vec<f64> = wanted.into_iter().map(f64::from).collect();
            return format!("measure more runs at those levels, {}", self.again(&again));
        }
        let all: BTreeSet<u32> = known.into_iter().chain(new.iter().copied()).collect();
        let keys = match self.plan {
            Plan::Recorded => {
                return format!("record runs at concurrency {} as well", list(&new, " and "));
            }
            Plan::Listed => &[],
            Plan::Adaptive(keys) => keys.as_slice(),
        };
        let unset: Vec<String> =
            keys.iter().map(|key| format!(" --set concurrency.{key}=null")).collect();
        format!(
            "add levels: `sizer run SPEC --set 'concurrency.levels=[{}]'{}`",
            list(&all.into_iter().collect::<Vec<_>>(), ", "),
            unset.concat()
        )
    }

    /// How to have levels once more.
    pub fn again(&self, levels: &[f64]) -> String {
        let named: Vec<String> = levels.iter().map(|level| format!("sweep@{level:.0}")).collect();
        match self.plan {
            Plan::Recorded => "in a new recording".to_owned(),
            _ => format!("with `sizer run SPEC --force {}`", named.join(" ")),
        }
    }
}

fn list(levels: &[u32], between: &str) -> String {
    levels.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_the_levels_that_are_there_and_those_that_are_missing() {
        let adaptive = Plan::Adaptive(vec!["budget"]);
        let words = |plan| Words { counts_users: false, plan, levels: &[1, 2, 4, 8] };
        assert_eq!(
            words(&Plan::Listed).add(&[5.6, 4.0]),
            "add levels: `sizer run SPEC --set 'concurrency.levels=[1, 2, 4, 6, 8]'`"
        );
        assert_eq!(
            words(&adaptive).add(&[16.0]),
            "add levels: `sizer run SPEC --set 'concurrency.levels=[1, 2, 4, 8, 16]' --set concurrency.budget=null`"
        );
        assert_eq!(
            words(&Plan::Recorded).add(&[16.0, 12.0]),
            "record runs at concurrency 12 and 16 as well"
        );
        assert!(words(&Plan::Listed).add(&[8.2]).contains("`sizer run SPEC --force sweep@8`"));
    }
}
