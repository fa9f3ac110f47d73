//! Verdict of a single level on a target, whatever curve goes through all of them: its runs met or
//! missed it beyond chance, or the server refused.

use super::Target;
use super::alike_calls::calls_for_one;
use super::means::times;
use super::observed::{GivenUp, ObservedLevel};
use super::tails::DEPENDENCE;
use crate::measure::{FailureKind, LevelMetrics, Metric, at_most};

/// Probability with which the runs of a level may seem to meet a target that it misses. Runs of a
/// level wait for each other, so it is well below the 5 % of a one-sided interval.
const BY_CHANCE_MET: f64 = 0.01;
/// Probability with which a level may seem to miss a target that it meets: a search ends at the
/// first level that does, which is often one that does so by chance.
const BY_CHANCE_MISSED: f64 = 0.001;
/// Probability with which failures unrelated to the load may all lie at the highest levels.
const BY_CHANCE_FAILED: f64 = 0.01;
/// Share of a limit by which clocks and rounding may make a timeout seem shorter than it.
pub(super) const ROUNDING: f64 = 0.002;
/// HTTP statuses by which a server, or a proxy in front of it, signals overload.
const OVERLOADED: [u16; 5] = [429, 502, 503, 504, 529];

/// A level together with the runs behind its metrics.
#[derive(Clone, Copy)]
pub(super) struct Level<'a> {
    pub metrics: &'a LevelMetrics,
    pub observed: &'a ObservedLevel,
}

impl Level<'_> {
    pub fn concurrency(&self) -> f64 {
        f64::from(self.metrics.concurrency)
    }

    /// Returns true if it may enter a fit.
    pub fn is_usable(&self) -> bool {
        !self.metrics.interrupted
    }

    /// Returns the number of failed runs that are slow ones of a metric: those that timed out were slower than all that
    /// were seen, while how long an LLM call of theirs takes is not known.
    pub fn slow_failures(&self, metric: Metric) -> u64 {
        if metric.call_column().is_some() { 0 } else { self.observed.given_up.len() as u64 }
    }

    /// Returns the mean of a metric in seconds, with the standard error of its logarithm; `None`
    /// for fewer than two times.
    pub fn mean(&self, metric: Metric) -> Option<(f64, f64)> {
        let times = times(self.observed, metric);
        let count = times.len() as f64;
        let mean = times.iter().map(|it| it.seconds).sum::<f64>() / count;
        let squares: f64 = times.iter().map(|it| (it.seconds / mean - 1.0).powi(2)).sum();
        (count >= 2.0).then(|| (mean, DEPENDENCE * (squares / (count - 1.0) / count).sqrt()))
    }
}

/// Largest share of failures that people tolerate.
pub(super) const TOLERABLE: f64 = 0.05;

/// Returns the share of a level's runs that failed, 0 to 1.
pub(super) fn failed_share(level: &LevelMetrics) -> f64 {
    level.failed as f64 / level.runs.max(1) as f64
}

/// Returns true if runs of a level failed in ways that indicate an overloaded server.
pub(super) fn was_refused(level: &LevelMetrics) -> bool {
    use FailureKind::{Connect, HttpStatus, RateLimited};
    let overloaded =
        |message: &str| OVERLOADED.iter().any(|status| message.contains(&status.to_string()));
    let statuses = || level.http_statuses.keys().any(|it| OVERLOADED.contains(it));
    level.failures.iter().any(|failure| match failure.kind {
        RateLimited | Connect => true,
        HttpStatus => statuses() || overloaded(&failure.first_message),
        _ => false,
    })
}

/// Verdict on a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LevelVerdict {
    /// Its runs meet the target, beyond chance.
    Meets,
    /// Its runs miss the target, beyond chance.
    Misses,
    /// The server refused runs.
    Refused,
    /// The server stopped answering before the level was over.
    Gone,
    /// Runs fail there, and at every level above, unlike below.
    Fails,
    /// Undecided, or too few runs were seen.
    Open,
}

/// Verdict of a single level against a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Verdict {
    pub concurrency: f64,
    /// Mean load met by the runs that count: less than the level's in a burst.
    pub met: f64,
    pub says: LevelVerdict,
    /// True if its runs failed, so that it is in no fit.
    pub failed: bool,
    /// Number of failed runs, tolerated or not, that did not time out, and of all runs.
    failures: (usize, usize),
    /// Number of runs that missed the target, and of all that were seen, with the share that may
    /// miss it.
    missed: (usize, usize),
    allowed: f64,
}

impl Verdict {
    /// Compares the times of a level with a limit. A run that timed out is slower than a limit below the timeout, and
    /// says nothing of a longer one. Any other failed run is slower than any limit.
    pub fn of(level: &Level<'_>, target: &Target) -> Self {
        let times = times(level.observed, target.metric);
        let limit = target.seconds();
        let over = times.iter().filter(|it| it.seconds > limit).count();
        let failed = whole(level.metrics.failed);
        let given_up: &[GivenUp] = match target.metric.call_column() {
            None => &level.observed.given_up,
            Some(_) => &[],
        };
        let late = |it: &&GivenUp| it.seconds >= limit * (1.0 - ROUNDING);
        let (failed, tolerated) = if level.is_usable() {
            // What else is tolerated proves nothing against a level, nor for it.
            let late = given_up.iter().filter(late).filter(|it| it.measured).count();
            (late, failed.saturating_sub(late))
        } else {
            let early = given_up.len() - given_up.iter().filter(late).count();
            (failed.saturating_sub(early), 0)
        };
        let met = times.iter().map(|it| it.concurrency).sum::<f64>() / times.len().max(1) as f64;
        let allowed = 1.0 - target.quantile.share();
        // Calls of one run that resemble each other prove no more than one does.
        let for_one = calls_for_one(level.observed, target.metric);
        let fewer = |count: usize| scaled(count, for_one);
        let (missed, seen) = (fewer(over) + failed, fewer(times.len()) + failed);
        let says = if level.metrics.server_gone.is_some() {
            LevelVerdict::Gone
        } else if !level.is_usable() && was_refused(level.metrics) {
            LevelVerdict::Refused
        } else if missed > 0 && 1.0 - at_most(missed - 1, seen, allowed) <= BY_CHANCE_MISSED {
            LevelVerdict::Misses
        } else if level.is_usable()
            && at_most(missed + tolerated, seen + tolerated, allowed) <= BY_CHANCE_MET
        {
            LevelVerdict::Meets
        } else {
            LevelVerdict::Open
        };
        let concurrency = level.concurrency();
        let met = if times.is_empty() { concurrency } else { met.min(concurrency) };
        let otherwise = whole(level.metrics.failed).saturating_sub(level.observed.given_up.len());
        let failures = (otherwise, whole(level.metrics.runs));
        let failed = !level.is_usable();
        Self { concurrency, met, says, failed, failures, missed: (missed, seen), allowed }
    }
}

/// Divides a number of calls by how many of them have the evidence of one.
fn scaled(count: usize, for_one: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "no more than the number itself"
    )]
    let scaled = (count as f64 / for_one).round() as usize;
    scaled.min(count)
}

/// Converts a number of runs for the binomial distribution.
pub(super) fn whole(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Adds verdicts that adjacent levels prove together: if none of them proves to miss the target,
/// but all lean that way, the highest of them misses it if otherwise all would have to meet it.
fn together(verdicts: &[Verdict]) -> Vec<Verdict> {
    let leans = |it: &Verdict| {
        let (missed, seen) = it.missed;
        !it.failed && missed as f64 > it.allowed * seen as f64
    };
    let mut found = verdicts.to_vec();
    for (index, verdict) in found.iter_mut().enumerate() {
        if verdict.says != LevelVerdict::Open || !leans(verdict) {
            continue;
        }
        let (mut missed, mut seen) = (0, 0);
        for lower in verdicts.iter().take(index + 1).rev().take_while(|it| leans(it)) {
            missed += lower.missed.0;
            seen += lower.missed.1;
            if 1.0 - at_most(missed - 1, seen, verdict.allowed) <= BY_CHANCE_MISSED {
                verdict.says = LevelVerdict::Misses;
                break;
            }
        }
    }
    found
}

/// Sets the verdict of the highest levels to [`LevelVerdict::Fails`], if all of them are unusable because of
/// failures and none below is, and chance would have spread the failures over all levels.
fn failing(verdicts: &mut [Verdict]) {
    /// Fewest failures; a single one may be anything.
    const FEWEST: usize = 2;
    let usable = verdicts.iter().rposition(|it| !it.failed).map_or(0, |index| index + 1);
    let (below, above) = verdicts.split_at_mut(usable);
    let sum = |of: &[Verdict]| {
        let counts = of.iter().map(|it| it.failures);
        counts.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1))
    };
    let ((few, before), (many, after)) = (sum(below), sum(above));
    if below.is_empty() || below.iter().any(|it| it.failed) || many < FEWEST {
        return;
    }
    let share = after as f64 / (before + after) as f64;
    if 1.0 - at_most(many - 1, few + many, share) <= BY_CHANCE_FAILED {
        for it in above
            .iter_mut()
            .filter(|it| matches!(it.says, LevelVerdict::Open | LevelVerdict::Misses))
        {
            it.says = LevelVerdict::Fails;
        }
    }
}

/// Bounds of a capacity that all levels together prove.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Bounds {
    /// Highest load that met the target, beyond chance.
    pub at_least: Option<f64>,
    /// Lowest level that missed it, or that the server refused.
    pub below: Option<f64>,
    /// Verdict of that level.
    pub says: Option<LevelVerdict>,
    /// True if it is `below` because its runs failed, which times cannot show.
    pub failed: bool,
    /// Highest level under `below` without failed runs, if failures are what bounds.
    pub taken: Option<f64>,
    /// Levels that missed the target, each with a higher one that met it: one of the two is wrong.
    pub contradictions: Vec<(f64, f64)>,
}

impl Bounds {
    /// Combines the verdicts. If they contradict each other, only those below and above all
    /// contradictions count.
    pub fn of(verdicts: &[Verdict]) -> Self {
        let mut verdicts = together(verdicts);
        failing(&mut verdicts);
        let verdicts = &verdicts;
        let misses = |it: &&Verdict| !matches!(it.says, LevelVerdict::Meets | LevelVerdict::Open);
        let missed = || verdicts.iter().filter(misses);
        let met = || verdicts.iter().filter(|it| it.says == LevelVerdict::Meets);
        let mut contradictions = Vec::new();
        for low in missed() {
            for high in met().filter(|high| high.concurrency > low.concurrency) {
                contradictions.push((low.concurrency, high.concurrency));
            }
        }
        let lowest = contradictions.iter().map(|it| it.0).fold(f64::INFINITY, f64::min);
        let highest = contradictions.iter().map(|it| it.1).fold(0.0, f64::max);
        let at_least = met().filter(|it| it.concurrency < lowest).map(|it| it.met);
        let below = missed().filter(|it| it.concurrency > highest);
        let below = below.min_by(|a, b| a.concurrency.total_cmp(&b.concurrency));
        let refused =
            below.filter(|it| matches!(it.says, LevelVerdict::Refused | LevelVerdict::Gone));
        let taken = verdicts.iter().filter(|it| it.failures.0 == 0).map(|it| it.concurrency);
        let failed = below.filter(|it| it.failed || refused.is_some());
        let taken = taken.filter(|level| failed.is_some_and(|it| *level < it.concurrency));
        Self {
            at_least: at_least.reduce(f64::max),
            below: below.map(|it| it.concurrency),
            says: below.map(|it| it.says),
            failed: failed.is_some(),
            taken: taken.reduce(f64::max),
            contradictions,
        }
    }

    /// Returns true if the level is `below` because the server refused runs there, or was gone.
    pub fn refused(&self) -> bool {
        matches!(self.says, Some(LevelVerdict::Refused | LevelVerdict::Gone))
    }

    /// Returns true if the server was gone there.
    pub fn gone(&self) -> bool {
        self.says == Some(LevelVerdict::Gone)
    }

    /// Returns true if no run is carried there, because runs are refused or fail.
    fn closed(&self) -> bool {
        self.refused() || self.says == Some(LevelVerdict::Fails)
    }

    /// Returns the highest capacity that the bounds allow: one run less than a level that was
    /// refused, or failed.
    pub fn highest(&self) -> Option<f64> {
        let floor = self.at_least.unwrap_or(0.0);
        self.below.map(|below| if self.closed() { (below - 1.0).max(floor) } else { below })
    }

    /// Returns the highest load that was taken, and the highest that may be, if runs are refused or
    /// fail above.
    pub fn between_taken_and_failed(&self) -> Option<(f64, f64)> {
        self.taken.zip(self.highest()).filter(|(taken, highest)| self.closed() && taken < highest)
    }

    /// Returns true if an interval contradicts the bounds. Times that leave room for a load at
    /// which runs fail are no contradiction.
    pub fn contradict(&self, low: f64, high: f64) -> bool {
        self.at_least.is_some_and(|at_least| high < at_least)
            || self.highest().is_some_and(|highest| low > highest && !self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(concurrency: f64, missed: usize, seen: usize) -> Verdict {
        let says = LevelVerdict::Open;
        Verdict {
            concurrency,
            met: concurrency,
            says,
            failed: false,
            failures: (0, seen),
            missed: (missed, seen),
            allowed: 0.05,
        }
    }

    #[test]
    fn runs_that_fail_at_the_highest_levels_alone_bound_what_is_carried() {
        let failed = |concurrency: f64, failed: usize, runs: usize| Verdict {
            failed: failed > 0,
            failures: (failed, runs),
            ..open(concurrency, failed, runs)
        };
        // Each level ended at its first failure.
        let found =
            Bounds::of(&[open(1.0, 0, 60), open(2.0, 0, 60), failed(3.0, 1, 3), failed(4.0, 1, 4)]);
        assert_eq!((found.highest(), found.taken), (Some(2.0), Some(2.0)), "{found:?}");
        // One failure of many runs may be chance.
        let found = Bounds::of(&[open(1.0, 0, 60), open(2.0, 0, 60), failed(4.0, 1, 60)]);
        assert_eq!(found.below, None);
        // Nor does it say anything of the load where runs failed below as well.
        let found = Bounds::of(&[
            failed(1.0, 1, 30),
            open(2.0, 0, 60),
            failed(3.0, 1, 3),
            failed(4.0, 1, 4),
        ]);
        assert_eq!(found.below, None);
    }

    #[test]
    fn levels_that_miss_together_bound_what_is_carried() {
        // Each by itself could be chance (3 %, 0.3 %, 0.15 %), all three cannot.
        let seen =
            [open(16.0, 15, 400), open(24.0, 29, 400), open(32.0, 34, 400), open(48.0, 36, 400)];
        assert_eq!(Bounds::of(&seen).below, Some(32.0));
        // One that keeps the target between them stands apart.
        let apart = [open(16.0, 29, 400), open(24.0, 10, 400), open(32.0, 30, 400)];
        assert_eq!(Bounds::of(&apart).below, None);
        assert_eq!(Bounds::of(&seen[..2]).below, None);
    }
}
