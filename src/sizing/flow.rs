//! Conversion of concurrency to users that think and to runs that arrive.
//!
//! A sweep shows how long runs take at each concurrency. What serves them can then be replaced by a
//! single server whose speed depends on how many runs it holds: the flow-equivalent server of
//! Chandy, Herzog and Woo (1975). In front of it stand users that think, or a stream of arrivals;
//! the number of runs in flight then fluctuates, as a birth and death process whose probabilities
//! are known in closed form. By the arrival theorem a new run meets what others leave behind.

use super::Load;

/// Number of runs in flight beyond which their fluctuation is lost in the noise of the
/// measurements.
const MOST_STATES: f64 = 20_000.0;
/// Probability relative to the likeliest state below which states are neglected.
const NEGLIGIBLE: f64 = 1e-12;

/// Mean runtime of a rig in seconds, by runs in flight.
pub(super) type MeanRuntime<'a> = dyn Fn(f64) -> f64 + 'a;

impl Load {
    /// Returns the number of rigs for the load if each held exactly `carried` runs that take
    /// `mean_runtime` seconds on average (Little's law).
    pub(super) fn rigs(self, carried: f64, mean_runtime: f64) -> f64 {
        match self {
            Self::Users { users, think } => {
                let busy = mean_runtime / (mean_runtime + think);
                users as f64 * if think > 0.0 { busy } else { 1.0 } / carried
            }
            Self::Rate { per_second } => per_second * mean_runtime / carried,
        }
    }

    /// Returns the share of runs that are fast enough on `rigs` rigs side by side, each with this
    /// mean runtime; `fast_enough` returns the share for a number of runs in flight on a rig.
    fn share_within(self, rigs: f64, mean: &MeanRuntime<'_>, fast_enough: &MeanRuntime<'_>) -> f64 {
        let ended_per_second = |runs: f64| runs / mean(runs / rigs);
        // How likely one more run is than one fewer, beside `runs` in flight.
        let (others, ratio): (f64, Box<dyn Fn(f64) -> f64 + '_>) = match self {
            Self::Users { users, think } => {
                let others = users as f64 - 1.0;
                (
                    others,
                    Box::new(move |runs| (others - runs + 1.0) / think / ended_per_second(runs)),
                )
            }
            Self::Rate { per_second } => {
                (f64::INFINITY, Box::new(move |runs| per_second / ended_per_second(runs)))
            }
        };
        let (mut weight, mut sum, mut within, mut likeliest) = (1.0_f64, 0.0, 0.0, 0.0_f64);
        let mut runs = 0.0;
        while runs <= others {
            sum += weight;
            within += weight * shared((runs + 1.0) / rigs, fast_enough);
            likeliest = likeliest.max(weight);
            runs += 1.0;
            let ratio = ratio(runs);
            weight *= ratio;
            if runs > 2.0 * MOST_STATES {
                // More arrives than is ever served.
                return 0.0;
            }
            if ratio < 1.0 && weight < NEGLIGIBLE * likeliest {
                break;
            }
            if weight > 1e200 {
                (weight, sum, within, likeliest) =
                    (weight / 1e200, sum / 1e200, within / 1e200, likeliest / 1e200);
            }
        }
        within / sum
    }

    /// Returns what fluctuation leaves of a rig's capacity: the number of rigs if each held exactly
    /// `carried` runs, over the number needed for `share` of the runs to be fast enough; `None` if
    /// no number suffices.
    pub(super) fn efficiency(
        self,
        carried: f64,
        share: f64,
        mean: &MeanRuntime<'_>,
        fast_enough: &MeanRuntime<'_>,
    ) -> Option<f64> {
        const HALVINGS: usize = 30;
        const MOST_RIGS: f64 = 64.0;
        if matches!(self, Self::Users { think, .. } if think <= 0.0) {
            return Some(in_whole_runs(carried, share, fast_enough));
        }
        let steady = self.rigs(carried, mean(carried));
        if steady * carried > MOST_STATES {
            return Some(1.0);
        }
        let enough = |rigs: f64| self.share_within(rigs, mean, fast_enough) >= share;
        let (mut low, mut high) = ((steady / 4.0).ln(), (steady * MOST_RIGS).ln());
        if !enough(high.exp()) {
            return None;
        }
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if enough(middle.exp()) { high = middle } else { low = middle }
        }
        Some(steady / high.exp())
    }
}

/// Number of runs on a rig from which one more or less is within the uncertainty anyway.
const MANY: f64 = 4.0;

/// Returns the share of runs that are fast enough if each rig holds `runs` on average: with few,
/// some rigs hold the next lower whole number, the others the next higher one.
pub(super) fn shared(runs: f64, fast_enough: impl Fn(f64) -> f64) -> f64 {
    let (low, high) = (runs.floor(), runs.ceil());
    if !(1.0..MANY).contains(&low) || high - low < 0.5 {
        return fast_enough(runs.max(1.0));
    }
    let of_high = (runs - low) * high / runs;
    (1.0 - of_high) * fast_enough(low) + of_high * fast_enough(high)
}

/// Returns what is left of a capacity if no rig holds part of a run: all of it if the share of runs
/// that are fast enough falls slowly with the load, or the whole number after which that share
/// drops.
fn in_whole_runs(carried: f64, share: f64, fast_enough: &MeanRuntime<'_>) -> f64 {
    const HALVINGS: usize = 20;
    /// Excess of slow runs, as a share of those allowed, up to which it counts as rounding.
    const ROUNDING: f64 = 0.1;
    let enough = |runs: f64| shared(runs, fast_enough) >= share - ROUNDING * (1.0 - share);
    if !(1.0..MANY).contains(&carried) || enough(carried) {
        return 1.0;
    }
    let (mut low, mut high) = (carried.floor(), carried);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if enough(middle) { low = middle } else { high = middle }
    }
    low / carried
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: f64 = 2.0;

    /// A rig of ten servers, of which a run takes one for 2 s on average.
    fn mean(runs: f64) -> f64 {
        RUN * (runs / 10.0).max(1.0)
    }

    /// Runs are fast enough where they find a free server.
    fn fast(runs: f64) -> f64 {
        f64::from(runs <= 10.0 + 1e-9)
    }

    /// Erlang's C formula: the share of arrivals that wait, with `servers` servers.
    fn erlang_c(servers: u32, load: f64) -> f64 {
        let mut terms = vec![1.0];
        for k in 1..=servers {
            terms.push(terms[k as usize - 1] * load / f64::from(k));
        }
        let last = terms[servers as usize] * f64::from(servers) / (f64::from(servers) - load);
        last / (terms[..servers as usize].iter().sum::<f64>() + last)
    }

    #[test]
    fn random_arrivals_wait_as_erlang_says() {
        for per_second in [1.0, 3.0, 4.5] {
            let share = Load::Rate { per_second }.share_within(1.0, &mean, &fast);
            let waits = erlang_c(10, per_second * RUN);
            assert!((1.0 - share - waits).abs() < 1e-9, "{per_second}: {share} {waits}");
        }
        assert!(Load::Rate { per_second: 5.1 }.share_within(1.0, &mean, &fast) < 1e-9);
        // Two rigs side by side are twenty servers.
        let share = Load::Rate { per_second: 8.0 }.share_within(2.0, &mean, &fast);
        assert!((1.0 - share - erlang_c(20, 16.0)).abs() < 1e-9);
    }

    #[test]
    fn thinking_users_meet_what_the_others_leave() {
        // Ten users on ten servers: nobody waits. Eleven: the last one does when all others are there,
        // each with probability 2 / (2 + 6).
        let think = 6.0;
        let share = |users| Load::Users { users, think }.share_within(1.0, &mean, &fast);
        assert!((share(10) - 1.0).abs() < 1e-12);
        assert!((1.0 - share(11) - 0.25_f64.powi(10)).abs() < 1e-12);
    }

    #[test]
    fn no_rig_holds_part_of_a_run() {
        let users = Load::Users { users: 100, think: 0.0 };
        let of = |carried: f64, fast: &MeanRuntime<'_>| {
            carried * users.efficiency(carried, 0.95, &mean, fast).unwrap()
        };
        // All runs are fast with two in flight, and none with three: one rig in sixty may hold three.
        let drops = of(2.7, &|runs| f64::from(runs <= 2.0 + 1e-9));
        assert!((2.0..2.05).contains(&drops), "{drops}");
        let slowly = |runs: f64| 0.95 - 0.002 * (runs - 2.7);
        assert!((of(2.7, &slowly) - 2.7).abs() < 1e-9);
        assert!((of(10.7, &fast) - 10.7).abs() < 1e-9, "of many it does not matter");
    }

    #[test]
    fn fluctuation_costs_less_where_there_is_more_to_share_it() {
        let rate = |per_second| Load::Rate { per_second }.efficiency(10.0, 0.95, &mean, &fast);
        let (small, large) = (rate(1.0).unwrap(), rate(300.0).unwrap());
        assert!(small < 0.7 && large > 0.9 && large < 1.0, "{small} {large}");
        assert!(
            (Load::Users { users: 7, think: 0.0 }.efficiency(10.0, 0.95, &mean, &fast).unwrap()
                - 1.0)
                .abs()
                < 1e-12
        );
        // Where one run in twenty is slow at any load, nothing is left for chance.
        let slow = |runs: f64| 0.95 * fast(runs);
        assert_eq!(Load::Rate { per_second: 1.0 }.efficiency(10.0, 0.951, &mean, &slow), None);
    }
}
