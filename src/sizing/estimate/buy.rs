//! Rounding of a need to whole replicas, and the recommendation over all targets.

use super::{Answer, CrossCheck, Estimate, GpuCount, Recommendation, Sum};
use crate::measure::{Quantile, QuantileName};
use crate::sizing::{Grade, Load, Margin, Rig};

/// Share of a count that may be rounding error, and the largest part of a replica that it may be.
const ROUNDING: f64 = 1e-12;
const MOST_ROUNDED: f64 = 0.01;

/// Returns the smallest number of whole replicas with at least `gpus` GPUs, in GPUs.
pub(super) fn whole_replicas(gpus: f64, gpus_per_replica: u32) -> u64 {
    // A count that is whole but for rounding must not cost a further replica; nor may a large one lose any.
    let replicas = gpus / f64::from(gpus_per_replica);
    let replicas = (replicas - (replicas * ROUNDING).min(MOST_ROUNDED)).ceil().max(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and a float-to-int cast saturates"
    )]
    let replicas = replicas as u64;
    replicas.saturating_mul(u64::from(gpus_per_replica))
}

/// Derives the number to buy, in GPUs, from the need and the number that is enough with the
/// requested confidence.
pub(super) fn sum(needed: f64, confident: Option<f64>, rig: Rig, margin: Margin) -> Sum {
    let whole = |gpus: f64| whole_replicas(gpus, rig.gpus_per_replica);
    let with_confidence = confident.map(whole);
    // Headroom is added to whole replicas where they are certain, to the bare need where nothing is.
    let before = with_confidence.map_or(needed, |gpus| gpus as f64);
    let with_headroom = whole(before * (1.0 + margin.headroom));
    let spares = u64::from(margin.spares) * u64::from(rig.gpus_per_replica);
    Sum {
        needed,
        whole_replicas: whole(needed),
        with_confidence,
        with_headroom,
        with_spares: with_headroom.saturating_add(spares),
    }
}

/// Returns the mean time (seconds) of runs that arrive at a rate on `rigs` rigs side by side: the
/// time that is usual with the number in flight that results from it.
pub(super) fn settled_runtime(per_second: f64, rigs: f64, mean: impl Fn(f64) -> f64) -> f64 {
    const ROUNDS: usize = 100;
    (0..ROUNDS).fold(mean(0.0), |runtime, _| mean(per_second * runtime / rigs))
}

/// Converts users to arrivals per second, and arrivals to concurrent users, for a mean runtime in
/// seconds.
pub(super) fn other_form(load: Load, mean_runtime: f64) -> Load {
    match load {
        Load::Users { users, think } => {
            Load::Rate { per_second: users as f64 / (mean_runtime + think) }
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and a float-to-int cast saturates"
        )]
        Load::Rate { per_second } => {
            Load::Users { users: (per_second * mean_runtime).ceil().max(1.0) as u64, think: 0.0 }
        }
    }
}

/// Creates the cross-check with the other form of the load and the GPUs it needs.
pub(super) fn cross_check(other: Load, gpus: f64, differs: bool) -> CrossCheck {
    let (request_rate, concurrent) = match other {
        Load::Users { users, .. } => (None, Some(users as f64)),
        Load::Rate { per_second } => (Some(per_second), None),
    };
    CrossCheck { request_rate, concurrent, gpus, differs }
}

impl GpuCount {
    /// Returns the number that is needed at least, and the number that is enough, as far as they
    /// are known.
    pub fn bounds(&self) -> (Option<f64>, Option<f64>) {
        (self.least(), self.most())
    }

    /// Returns the number that is needed at least, if it is known.
    fn least(&self) -> Option<f64> {
        let one_sided = self.at_least.is_some() || self.at_most.is_some();
        self.at_least.or(self.low.filter(|_| !one_sided))
    }

    /// Returns the number that is enough, if it is known.
    fn most(&self) -> Option<f64> {
        let one_sided = self.at_least.is_some() || self.at_most.is_some();
        self.at_most.or(self.high.filter(|_| !one_sided))
    }
}

impl Estimate {
    /// Returns the name of the quantile that is limited.
    fn quantile_name(&self) -> QuantileName {
        self.target.quantile(self.quantile)
    }
}

impl Recommendation {
    /// Returns the estimate of the target that decides; of several loads, that of the one whose count is
    /// recommended.
    pub fn deciding<'a>(&self, estimates: &'a [Estimate]) -> Option<&'a Estimate> {
        let decides = |it: &&Estimate| {
            Some(it.target) == self.decided_by
                && self.decided_by_quantile.is_none_or(|quantile| quantile == it.quantile_name())
        };
        let all = || estimates.iter().filter(decides);
        let is_recommended = |it: &&Estimate| {
            it.answer.gpus().is_some_and(|count| count.recommended == self.recommended)
        };
        all().find(is_recommended).or_else(|| all().next())
    }

    /// Returns the quantile of the target that decides where its metric does not tell which target that is: where
    /// it is not the usual one, or the metric has limits on several.
    pub fn told_quantile(&self, estimates: &[Estimate]) -> Option<QuantileName> {
        let metric = self.decided_by?;
        let usual = metric.quantile(Quantile::P95);
        let of_metric = estimates.iter().filter(|it| it.target == metric);
        let others =
            of_metric.map(Estimate::quantile_name).any(|it| Some(it) != self.decided_by_quantile);
        self.decided_by_quantile.filter(|quantile| *quantile != usual || others)
    }
}

/// Combines the estimates: the largest need decides, a target out of reach decides alone, and there
/// is no recommendation if a target that may need more is unanswered or unsettled.
pub fn recommend(estimates: &[Estimate], cost_per_gpu_hour: Option<f64>) -> Recommendation {
    if let Some(estimate) = estimates.iter().find(|estimate| estimate.answer.is_out_of_reach()) {
        return Recommendation {
            decided_by: Some(estimate.target),
            decided_by_quantile: Some(estimate.quantile_name()),
            grade: estimate.grade,
            ..Recommendation::default()
        };
    }
    let mut found = Recommendation::default();
    let any = estimates.iter().any(|estimate| estimate.answer.gpus().is_some());
    let lacks = |answer: &Answer| match answer {
        Answer::Gpus { .. } => false,
        Answer::CapacityOnly { .. } => any,
        Answer::OutOfReach { .. } | Answer::NoModel { .. } => true,
    };
    for estimate in estimates.iter().filter(|it| lacks(&it.answer)) {
        if !found.unanswered.contains(&estimate.target) {
            found.unanswered.push(estimate.target);
        }
    }
    let counted = || estimates.iter().filter_map(|it| Some((it, it.answer.gpus()?)));
    found.at_least = counted().filter_map(|(_, gpus)| gpus.least()).reduce(f64::max);
    let ends: Option<Vec<f64>> = counted().map(|(_, gpus)| gpus.most()).collect();
    found.at_most = ends.and_then(|ends| ends.into_iter().reduce(f64::max));
    // Of equal counts, the one with the larger need, which is the smaller capacity.
    let need = |gpus: &GpuCount| {
        let sum = gpus.sum?;
        Some((sum.with_spares, sum.with_confidence.unwrap_or(0), sum.needed))
    };
    let mut decided: Option<(u64, u64, f64)> = None;
    for (estimate, gpus) in counted() {
        let own = need(&gpus);
        if own.is_some_and(|own| decided.is_none_or(|before| own > before)) {
            decided = own;
            found.decided_by = Some(estimate.target);
            found.decided_by_quantile = Some(estimate.quantile_name());
            found.recommended = gpus.recommended;
            found.grade = estimate.grade;
        }
    }
    // An unsettled target does not matter where all that it can need is bought anyway.
    let bought = decided.map_or(0.0, |(_, confident, needed)| needed.max(confident as f64));
    let unsettled = counted().filter(|(it, _)| it.grade == Some(Grade::Unsettled));
    let mut open = unsettled.filter(|(_, gpus)| gpus.most().is_none_or(|most| most > bought));
    if let Some((estimate, _)) = open.next() {
        found.decided_by = Some(estimate.target);
        found.decided_by_quantile = Some(estimate.quantile_name());
        found.recommended = None;
        found.grade = Some(Grade::Unsettled);
    }
    if !found.unanswered.is_empty() {
        found.recommended = None;
        found.grade = any.then_some(Grade::Unsettled);
    }
    let price = |gpus: u64| Some(gpus as f64 * cost_per_gpu_hour?);
    found.cost_per_hour = found.recommended.and_then(price);
    found
}
