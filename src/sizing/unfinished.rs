//! Recordings that end at a point in time and lack the runs in flight then: of the runs that began
//! late, only the short ones are there.

/// Share of a level's runs in flight when the last one begins, below which others may be missing.
const IN_FLIGHT: f64 = 0.95;
/// Share of the earlier rate of ends below which a load is ending on its own.
const COMES_TO_ITS_END: f64 = 0.75;
/// Fewest expected ends, over all levels, that tell anything.
const FEWEST: f64 = 10.0;
/// Share of runs that are shorter than an age which few runs in flight have.
const OLD: f64 = 0.8;
/// Standard errors by which there are more such ages than chance makes of runs that were in flight.
const TOO_OLD: f64 = 4.0;
/// Share of missing runs below which no quantile changes by much.
const FEW_MISSING: f64 = 0.15;

/// End of a level that has fewer runs in flight than it should when the last one begins.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LastMoments {
    /// Number of runs that ended in the last half of a typical run's time.
    ended: f64,
    /// Mean number that ended in as much time before.
    expected: f64,
    /// Nominal runs in flight of the level.
    in_flight: f64,
    /// Number of users whose last run ended so long before the end that a further one would have ended too.
    old: f64,
    /// Mean number of runs in flight that have lasted so long.
    expected_old: f64,
    /// Number of runs that are there.
    runs: f64,
}

impl LastMoments {
    /// Examines the end of a level with `in_flight` runs in flight, from the start and end
    /// (seconds) of each run; `None` if as many as ever are still in flight when the last one
    /// begins.
    pub(super) fn of(runs: &[(f64, f64)], in_flight: usize) -> Option<Self> {
        let last = runs.iter().map(|it| it.0).fold(f64::NEG_INFINITY, f64::max);
        let end = runs.iter().map(|it| it.1).fold(f64::NEG_INFINITY, f64::max);
        let after = runs.iter().filter(|it| it.1 > last).count();
        if after as f64 >= IN_FLIGHT * in_flight as f64 {
            return None;
        }
        let mut lengths: Vec<f64> = runs.iter().map(|it| it.1 - it.0).collect();
        lengths.sort_by(f64::total_cmp);
        let typical = lengths.get(lengths.len() / 2)?;
        let ended = |from: f64, to: f64| {
            let within =
                |it: &&(f64, f64)| it.1 > end - from * typical && it.1 <= end - to * typical;
            runs.iter().filter(within).count() as f64
        };
        let (old, expected_old) = old_ages(runs, end, &lengths, in_flight)?;
        Some(Self {
            ended: ended(0.5, 0.0),
            expected: ended(2.5, 0.5) / 4.0,
            in_flight: in_flight as f64,
            old,
            expected_old,
            runs: runs.len() as f64,
        })
    }

    /// Returns true if levels lack so many unfinished runs that it matters: up to the last moment
    /// as many runs end as before. Where users stop one by one, ends become ever rarer instead; where some make a run
    /// fewer than others, they have been without one for longer than runs take.
    pub(super) fn lack_runs(all: impl Iterator<Item = Self>) -> bool {
        let sum = all.fold(Self::default(), |sum, it| Self {
            ended: sum.ended + it.ended,
            expected: sum.expected + it.expected,
            in_flight: sum.in_flight + it.in_flight,
            old: sum.old + it.old,
            expected_old: sum.expected_old + it.expected_old,
            runs: sum.runs + it.runs,
        });
        let too_old = sum.old > 1.0 + sum.expected_old + TOO_OLD * sum.expected_old.sqrt();
        !too_old
            && sum.expected >= FEWEST
            && sum.ended >= COMES_TO_ITS_END * sum.expected
            && sum.in_flight >= FEW_MISSING * (sum.runs + sum.in_flight)
    }
}

/// Counts the users who were without a run for so long at the end that one begun at once would have ended, if it
/// takes no longer than [`OLD`] of all, and computes how many of as many runs in flight have lasted longer than that.
/// `lengths` ascend.
fn old_ages(
    runs: &[(f64, f64)],
    end: f64,
    lengths: &[f64],
    in_flight: usize,
) -> Option<(f64, f64)> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a length, which is positive and no larger"
    )]
    let shorter = (OLD * lengths.len() as f64) as usize;
    let age = *lengths.get(shorter)?;
    let still = runs.iter().filter(|it| it.0 <= end - age && it.1 > end - age).count();
    let beyond: f64 = lengths.iter().map(|length| (length - age).max(0.0)).sum();
    let share = beyond / lengths.iter().sum::<f64>();
    Some((in_flight.saturating_sub(still) as f64, in_flight as f64 * share))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::Xoshiro256PlusPlus;
    use rand::{RngExt, SeedableRng};

    /// A closed loop whose runs take 0.5 to 1.5 s, of which each user begins a last one before a time.
    fn closed_loop(in_flight: usize, until: f64, seed: u64) -> Vec<(f64, f64)> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut runs = Vec::new();
        for _ in 0..in_flight {
            let mut now = 0.0;
            while now < until {
                let begun = now;
                now += random.random_range(0.5..1.5);
                runs.push((begun, now));
            }
        }
        runs
    }

    fn lack(levels: impl Iterator<Item = (Vec<(f64, f64)>, usize)>) -> bool {
        LastMoments::lack_runs(levels.filter_map(|(runs, users)| LastMoments::of(&runs, users)))
    }

    const USERS: [usize; 5] = [1, 4, 8, 16, 32];

    #[test]
    fn only_recordings_that_end_with_runs_in_flight_lack_them() {
        let mut noticed = 0;
        for seed in 0..50 {
            let whole = |users| closed_loop(users, 4.0, seed);
            assert!(!lack(USERS.map(|users| (whole(users), users)).into_iter()), "{seed}");
            let ended = |users| whole(users).into_iter().filter(|it| it.1 <= 4.0).collect();
            noticed += u32::from(lack(USERS.map(|users| (ended(users), users)).into_iter()));
        }
        assert!(noticed >= 45, "{noticed}");
    }

    /// Sixty runs that are dealt out to users, the first of whom get one more; each takes so long as `length` says.
    fn dealt(users: usize, mut length: impl FnMut() -> f64) -> Vec<(f64, f64)> {
        let mut free = vec![0.0; users];
        let run = |index: usize| {
            let free = &mut free[index % users];
            let begun = *free;
            *free += length();
            (begun, *free)
        };
        (0..60).map(run).collect()
    }

    #[test]
    fn users_who_get_a_run_fewer_leave_nothing_out() {
        let (mut alike, mut spread) = (0, 0);
        for seed in 0..50 {
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
            let mut narrow = |users| (dealt(users, || random.random_range(0.92..1.08)), users);
            alike += u32::from(lack([8, 16].map(&mut narrow).into_iter()));
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
            let mut wide = |users| (dealt(users, || random.random_range(0.5..1.5)), users);
            spread += u32::from(lack([8, 16].map(&mut wide).into_iter()));
        }
        assert!(alike == 0 && spread <= 2, "{alike} {spread}");
    }

    /// Exponential lengths, of which those in flight are the longer ones.
    #[test]
    fn long_runs_that_are_missing_are_not_taken_for_users_who_stopped() {
        let mut noticed = 0;
        for seed in 0..50 {
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
            let mut level = |users: usize| {
                let mut runs = Vec::new();
                for _ in 0..users {
                    let mut now = 0.0;
                    while now < 5.0 {
                        let begun = now;
                        now -= (1.0 - random.random::<f64>()).ln();
                        runs.push((begun, now));
                    }
                }
                (runs.into_iter().filter(|it| it.1 <= 5.0).collect::<Vec<_>>(), users)
            };
            noticed += u32::from(lack(USERS.map(&mut level).into_iter()));
        }
        assert!(noticed >= 40, "{noticed}");
    }

    #[test]
    fn users_that_stop_one_by_one_leave_nothing_out() {
        for seed in 0..50 {
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
            // Each user makes eight runs, however long they take.
            let mut user = |_| {
                let mut now = 0.0;
                let lengths: Vec<f64> = (0..8).map(|_| random.random_range(0.5..1.5)).collect();
                let run = |length: f64| {
                    let begun = now;
                    now += length;
                    (begun, now)
                };
                lengths.into_iter().map(run).collect::<Vec<_>>()
            };
            let mut level = |users| ((0..users).flat_map(&mut user).collect(), users);
            assert!(!lack(USERS.map(&mut level).into_iter()), "{seed}");
        }
    }
}
