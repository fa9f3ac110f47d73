//! Mean times by concurrency and their noise: the points that the curve is fitted to.

use super::curve::MeanPoint;
use super::observed::{ObservedLevel, ObservedRun};
use crate::measure::Metric;
use std::collections::BTreeMap;

/// Bins per e-fold of concurrency.
pub(super) const BINS: f64 = 8.0;

/// A time in seconds, with the load that it met.
#[derive(Clone, Copy)]
pub(super) struct Sample {
    pub concurrency: f64,
    pub seconds: f64,
    /// Number of times that it counts for.
    pub count: f64,
}

impl Sample {
    /// Makes the sample of one run or call.
    pub fn new(concurrency: f64, seconds: f64) -> Self {
        Self { concurrency, seconds, count: 1.0 }
    }
}

/// Returns the times of a level, each with the load that it met; zero times are left out.
pub(super) fn times(level: &ObservedLevel, metric: Metric) -> Vec<Sample> {
    let of_calls = |&(concurrency, seconds): &(f64, f64)| Sample::new(concurrency, seconds);
    let mut samples: Vec<Sample> = match metric.call_column() {
        None => runtimes(std::slice::from_ref(&level)),
        Some(_) => level.calls(metric).iter().map(of_calls).collect(),
    };
    samples.retain(|it| it.seconds > 0.0);
    samples
}

fn runtimes(levels: &[&ObservedLevel]) -> Vec<Sample> {
    let runs = levels.iter().flat_map(|level| &level.runs);
    runs.map(|run| Sample::new(run.concurrency, run.runtime)).collect()
}

/// Returns by how many seconds one more run in flight delays each LLM call of the others, if the
/// highest level has saturated the rig: its time divided by the runs in flight and the calls of a
/// run.
pub(super) fn wait_for_one_more(levels: &[&ObservedLevel]) -> Option<f64> {
    let runs: Vec<f64> =
        levels.iter().flat_map(|level| &level.runs).map(|run| run.llm_calls).collect();
    let calls = (runs.iter().sum::<f64>() / runs.len().max(1) as f64).max(1.0);
    let highest = *means(&runtimes(levels)).0.last()?;
    Some(highest.seconds / highest.concurrency / calls)
}

/// Groups items into bins by concurrency, each with its mean concurrency.
pub(super) fn binned<T>(items: impl Iterator<Item = (f64, T)>) -> Vec<(f64, Vec<T>)> {
    let mut bins: BTreeMap<i64, (f64, Vec<T>)> = BTreeMap::new();
    for (concurrency, item) in items {
        #[expect(clippy::cast_possible_truncation, reason = "a few hundred at the most")]
        let bin = (concurrency.ln() * BINS).round() as i64;
        let (sum, members) = bins.entry(bin).or_insert_with(|| (0.0, Vec::new()));
        *sum += concurrency;
        members.push(item);
    }
    let mean = |(sum, members): (f64, Vec<T>)| (sum / members.len() as f64, members);
    bins.into_values().map(mean).collect()
}

/// Computes mean runtimes. Quantities that load does not change, the time outside of LLM calls and
/// the number of calls of a run, are averaged over all levels: their variation is chance, not the
/// level's doing.
pub(super) fn means_of_runs(levels: &[&ObservedLevel]) -> (Vec<MeanPoint>, f64) {
    let runs = || levels.iter().flat_map(|level| &level.runs);
    let count = runs().count().max(1) as f64;
    let calls = runs().map(|run| run.llm_calls).sum::<f64>() / count;
    let outside = runs().map(|run| (run.runtime - run.llm_time).max(0.0)).sum::<f64>() / count;
    let apart = |of: &dyn Fn(&ObservedRun) -> f64| {
        depends_on_load(&binned(runs().map(|run| (run.concurrency, of(run)))))
    };
    // Where some runs show no calls, or calls side by side, their time cannot be told apart; and a service that queues runs
    // before their first call is slow outside of calls, the more so the higher the load.
    if runs().any(|run| run.llm_calls < 1.0 || run.calls_overlap())
        || apart(&|run| run.runtime - run.llm_time)
        || apart(&|run| run.llm_calls)
    {
        let samples: Vec<Sample> =
            runs().map(|run| Sample::new(run.concurrency, run.runtime)).collect();
        return means(&samples);
    }
    let bins = binned(runs().map(|run| (run.concurrency, run)));
    let mut seen = Vec::new();
    for (concurrency, members) in &bins {
        let made: f64 = members.iter().map(|run| run.llm_calls).sum();
        let latency = members.iter().map(|run| run.llm_time).sum::<f64>() / made;
        let seconds = outside + calls * latency;
        let residual = |run: &&&ObservedRun| run.llm_time - run.llm_calls * latency;
        let squares: f64 = members.iter().map(|run| residual(&run).powi(2)).sum();
        let count = members.len() as f64;
        let squares = (calls * squares.sqrt() / made / seconds).powi(2) * count * count;
        seen.push((MeanPoint { concurrency: *concurrency, seconds, weight: count }, squares));
    }
    weighted(seen)
}

/// Returns true if means differ between bins by more than chance: an F statistic beyond that of one
/// in a thousand experiments of equal means.
pub(super) fn depends_on_load(bins: &[(f64, Vec<f64>)]) -> bool {
    const BEYOND_CHANCE: f64 = 4.0;
    let count: f64 = bins.iter().map(|(_, members)| members.len() as f64).sum();
    let all = bins.iter().flat_map(|(_, members)| members).sum::<f64>() / count.max(1.0);
    let (mut between, mut within) = (0.0, 0.0);
    for (_, members) in bins {
        let mean = members.iter().sum::<f64>() / members.len() as f64;
        between += members.len() as f64 * (mean - all).powi(2);
        within += members.iter().map(|it| (it - mean).powi(2)).sum::<f64>();
    }
    let groups = bins.len() as f64;
    if groups < 2.0 || count <= groups {
        return false;
    }
    let rounding = f64::EPSILON * count * all * all;
    between / (groups - 1.0) > BEYOND_CHANCE * within / (count - groups) + rounding
}

/// Computes plain means, and the noise of one sample relative to its mean.
pub(super) fn means(samples: &[Sample]) -> (Vec<MeanPoint>, f64) {
    let bins = binned(samples.iter().map(|it| (it.concurrency, it.seconds)));
    let mut errors = 0.0;
    let seen = bins.iter().map(|(concurrency, members)| {
        let weight = members.len() as f64;
        let seconds = members.iter().sum::<f64>() / weight;
        errors += members.iter().map(|it| (it / seconds - 1.0).powi(2)).sum::<f64>();
        MeanPoint { concurrency: *concurrency, seconds, weight }
    });
    let seen: Vec<MeanPoint> = seen.collect();
    (seen, (errors / samples.len().max(1) as f64).sqrt())
}

/// Weights the means of runs by the variation of their own runs, and returns the noise of one run
/// of weight 1. Each mean comes with its number of runs as weight, and with the sum of their
/// squared relative deviations.
///
/// Runs vary more where no batch is full, and a level with few of them must not look like a rig
/// that has changed. But few runs tell little of their variance, so it is shrunk towards that of
/// all others; and no mean counts for more than its number of runs.
pub(super) fn weighted(seen: Vec<(MeanPoint, f64)>) -> (Vec<MeanPoint>, f64) {
    /// Number of runs whose own variance counts as much as that of all others together.
    const OF_OTHERS: f64 = 10.0;
    let count: f64 = seen.iter().map(|(it, _)| it.weight).sum();
    let pooled = seen.iter().map(|(_, squares)| squares).sum::<f64>() / count.max(1.0);
    let of = |(it, squares): (MeanPoint, f64)| {
        let own = (OF_OTHERS * pooled + squares) / (OF_OTHERS + it.weight - 1.0);
        let weight = if own > pooled { it.weight * pooled / own } else { it.weight };
        MeanPoint { weight, ..it }
    };
    (seen.into_iter().map(of).collect(), pooled.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(concurrency: f64, runtimes: &[f64]) -> ObservedLevel {
        let run = |&runtime: &f64| ObservedRun {
            concurrency,
            runtime,
            llm_time: runtime,
            llm_calls: 1.0,
            prompt_tokens: None,
            completion_tokens: None,
            first_tokens: None,
        };
        ObservedLevel { runs: runtimes.iter().map(run).collect(), ..ObservedLevel::default() }
    }

    #[test]
    fn a_level_whose_runs_vary_more_counts_less_and_none_counts_more() {
        let even: Vec<f64> =
            (0..400).map(|index| if index % 2 == 0 { 9.0 } else { 11.0 }).collect();
        let uneven: Vec<f64> =
            (0..40).map(|index| if index % 2 == 0 { 1.0 } else { 9.0 }).collect();
        let (seen, noise) = means_of_runs(&[&level(1.0, &uneven), &level(32.0, &even)]);
        let pooled = (400.0 * 0.01 + 40.0 * 0.64) / 440.0;
        assert!((noise * noise - pooled).abs() < 1e-12, "{noise}");
        // Ten runs' worth of the others' noise, and forty of its own.
        let own = (10.0 * pooled + 40.0 * 0.64) / 49.0;
        assert!((seen[0].weight - 40.0 * pooled / own).abs() < 1e-9, "{seen:?}");
        assert!((seen[1].weight - 400.0).abs() < 1e-9, "{seen:?}");
    }

    #[test]
    fn calls_that_are_made_at_once_are_no_longer_than_their_run() {
        // Four calls side by side, each as long as the run.
        let parallel = |concurrency: f64, runtime: f64| {
            let mut level = level(concurrency, &[runtime; 30]);
            for run in &mut level.runs {
                (run.llm_time, run.llm_calls) = (4.0 * runtime, 4.0);
            }
            level
        };
        let (seen, _) = means_of_runs(&[&parallel(1.0, 2.0), &parallel(8.0, 3.0)]);
        let seconds: Vec<f64> = seen.iter().map(|it| it.seconds).collect();
        assert!((seconds[0] - 2.0).abs() < 1e-9 && (seconds[1] - 3.0).abs() < 1e-9, "{seconds:?}");
    }
}
