//! Checks of the levels, and of the load of each.

use super::checker::SpecChecker;
use crate::language::Check;
use crate::pacing::{KeyError, PacingSpec};
use crate::spec::{Adaptive, Budget, Levels, Order, WindowSpec};

/// Highest level; beyond this it is a typing error, not a plan.
const HIGHEST_LEVEL: u32 = 1_000_000;
const MOST_LEVELS: usize = 10_000;
const MOST_PASSES: u32 = 1_000_000;
const MOST_RUNS: u32 = 100_000_000;

impl SpecChecker<'_> {
    pub(super) fn levels(&self) -> Check {
        let concurrency = &self.spec.concurrency;
        let path = "concurrency.levels";
        match &concurrency.levels {
            Levels::List(levels) => {
                self.ensure(
                    levels.len() <= MOST_LEVELS,
                    path,
                    "between 1 and 10000 levels",
                    "ten is a good number",
                )?;
                for (index, level) in levels.iter().enumerate() {
                    let path = format!("{path}.{index}");
                    self.ensure(
                        *level > 0,
                        &path,
                        "a level is at least 1",
                        "it is the number of runs in flight",
                    )?;
                    let repeated = levels.iter().take(index).any(|earlier| earlier == level);
                    self.ensure(
                        !repeated,
                        &path,
                        &format!("the level {level} is given twice"),
                        "keep one",
                    )?;
                }
            }
            Levels::FromData => {
                return self.levels_from_data();
            }
            Levels::Adaptive(bounds) => return self.adaptive(bounds).and_then(|()| self.load()),
            Levels::Range(range) => {
                let at = |key: &str| format!("{path}.{key}");
                self.ensure(range.from > 0, &at("from"), "a level is at least 1", "begin at 1")?;
                self.ensure(
                    range.to >= range.from,
                    &at("to"),
                    "the range ends before it begins",
                    "swap `from` and `to`",
                )?;
                let steps = range.steps as usize;
                self.ensure(
                    (1..=MOST_LEVELS).contains(&steps),
                    &at("steps"),
                    "between 1 and 10000 levels",
                    "ten is a good number",
                )?;
            }
        }
        for key in Adaptive::KEYS {
            self.ensure(
                !self.is_given(key),
                &format!("concurrency.{key}"),
                "only adaptive levels use this key",
                "write `levels: adaptive`, or leave it out",
            )?;
        }
        let values = concurrency.levels.values();
        let count = values.len();
        self.ensure(
            (1..=MOST_LEVELS).contains(&count),
            path,
            "between 1 and 10000 levels",
            "ten is a good number",
        )?;
        self.ensure(
            values.iter().all(|level| *level <= HIGHEST_LEVEL),
            path,
            "a level is at most 1000000",
            "one machine cannot hold more runs",
        )?;
        if let WindowSpec::Passes(passes) = concurrency.window {
            self.ensure(
                (1..=MOST_PASSES).contains(&passes),
                "concurrency.passes",
                "between 1 and 1000000 passes",
                "leave it out for one pass over the dataset",
            )?;
        }
        self.load()
    }

    fn adaptive(&self, bounds: &Adaptive) -> Check {
        let concurrency = &self.spec.concurrency;
        let (start, max) = (bounds.first(), bounds.highest());
        self.ensure(
            (1..=HIGHEST_LEVEL).contains(&start),
            "concurrency.start",
            "a level is at least 1 and at most 1000000",
            "1 is the default",
        )?;
        self.ensure(
            (start..=HIGHEST_LEVEL).contains(&max),
            "concurrency.max",
            "the highest level is at least `start`, and at most 1000000",
            "1024 is the default",
        )?;
        self.ensure(
            concurrency.order == Order::Ascending,
            "concurrency.order",
            "each adaptive level depends on those before it",
            "leave it out",
        )?;
        self.ensure(
            bounds.budget.is_none_or(Budget::is_sensible),
            "concurrency.budget",
            "nothing can be measured with that",
            "write a number of runs such as 2000, or a time such as 10m",
        )
    }

    fn load(&self) -> Check {
        let mut given = WindowSpec::KEYS.iter().filter(|key| self.is_given(key));
        if let (Some(first), Some(second)) = (given.next(), given.next()) {
            let message = format!("`{first}` and `{second}` both set the length of a level");
            return self.ensure(false, &format!("concurrency.{second}"), &message, "keep one");
        }
        match self.spec.concurrency.window {
            WindowSpec::Open | WindowSpec::Passes(_) => {}
            WindowSpec::Runs(runs) => self.ensure(
                (1..=MOST_RUNS).contains(&runs),
                "concurrency.runs",
                "between 1 and 100000000 runs",
                "a p95 needs 59 runs or more to be bounded",
            )?,
            WindowSpec::Duration(duration) => self.ensure(
                duration.get() > 0.0,
                "concurrency.duration",
                "nothing can be measured in 0 s",
                "60s is a good start",
            )?,
            WindowSpec::Until(until) => {
                self.ensure(
                    until.p95_within.get() > 0.0,
                    "concurrency.until.p95_within",
                    "no number of runs makes an interval that narrow",
                    "10% is a good start",
                )?;
                self.ensure(
                    (59..=MOST_RUNS).contains(&until.at_most),
                    "concurrency.until.at_most",
                    "fewer than 59 runs do not bound a p95",
                    "10000 is the default",
                )?;
            }
        }
        let load = &self.spec.concurrency;
        self.ensure(
            load.warmup.is_none_or(|waves| waves <= MOST_PASSES),
            "concurrency.warmup",
            "at most 1000000 waves",
            "one wave is the default",
        )?;
        self.pacing()?;
        self.ensure(
            (0.0..1.0).contains(&load.on_failure.tolerated()),
            "concurrency.on_failure.tolerate",
            "a share lies between 0% and 100%",
            "1% is a good start",
        )
    }

    /// Fails unless there is one pacing at most, with a value that makes sense.
    fn pacing(&self) -> Check {
        if let Some(pacing) = self.spec.concurrency.pacing {
            let key = format!("concurrency.{}", pacing.key());
            let wrong = |KeyError { message, help }| self.error(&key, message).help(help);
            pacing.check().map_err(wrong)?;
        }
        let mut given = PacingSpec::KEYS.iter().filter(|(key, _)| self.is_given(key));
        let (Some((first, _)), Some((second, alone))) = (given.next(), given.next()) else {
            return Ok(());
        };
        let help = format!("keep `{second}` or `{first}`");
        self.ensure(false, &format!("concurrency.{second}"), alone(), &help)
    }

    /// Returns true if the spec has a key of `concurrency`.
    fn is_given(&self, key: &str) -> bool {
        self.checker.is_given(&format!("concurrency.{key}"))
    }
}
