//! Measurements, prepared for any number of questions.

use super::advice::Wanted;
use super::estimate::{MetricModels, estimate_pooled, grade_line};
use super::verdict::{Bounds, Level, Verdict};
use super::{
    Asked, Certainty, Estimate, Fits, Load, MethodName, ObservedLevel, Pooled, Question,
    Recommendation, Target, estimate, recommend,
};
use crate::measure::{LevelMetrics, Metric};
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// Measurements, prepared for any number of questions.
pub struct Evidence<'a> {
    pub(super) levels: &'a [LevelMetrics],
    pub(super) fits: &'a Fits,
    seen: Vec<Level<'a>>,
    count_failed: bool,
    /// Models of each metric, built on first use.
    models: BTreeMap<Metric, OnceCell<Option<MetricModels<'a>>>>,
}

impl<'a> Evidence<'a> {
    /// Creates evidence from levels (ascending) with their fits, and the runs of each, from which
    /// the method `monotone` builds its models. Failed runs at levels that tolerate them are left
    /// out.
    pub fn new(
        levels: &'a [LevelMetrics],
        fits: &'a Fits,
        observed: &'a BTreeMap<u32, ObservedLevel>,
    ) -> Self {
        Self::with_failures(levels, fits, observed, false)
    }

    /// Like [`Evidence::new`]; if failed runs are counted, each is slower than any limit.
    pub fn with_failures(
        levels: &'a [LevelMetrics],
        fits: &'a Fits,
        observed: &'a BTreeMap<u32, ObservedLevel>,
        count_failed: bool,
    ) -> Self {
        let seen = levels.iter().filter_map(|metrics| {
            let observed = observed.get(&metrics.concurrency)?;
            Some(Level { metrics, observed })
        });
        let seen: Vec<Level<'a>> = seen.collect();
        let models = Metric::ALL.into_iter().map(|metric| (metric, OnceCell::new())).collect();
        Self { levels, fits, seen, count_failed, models }
    }

    fn models(&self, metric: Metric) -> Option<&MetricModels<'a>> {
        let make = || MetricModels::of(&self.seen, metric, self.count_failed);
        self.models.get(&metric)?.get_or_init(make).as_ref()
    }

    /// Returns the pooled model of the usable levels; `None` with a line, or if the metric was not
    /// seen.
    pub(super) fn pooled(&self, metric: Metric) -> Option<&Pooled> {
        if self.fits.method != MethodName::Monotone {
            return None;
        }
        Some(self.models(metric)?.whole.usable())
    }

    /// Returns the estimate of every target with every load, and the recommendation over all of
    /// them.
    pub fn answer(&self, question: &Question) -> (Vec<Estimate>, Recommendation) {
        let asked = asked(question, self.levels);
        let estimates: Vec<Estimate> =
            asked.iter().map(|asked| self.estimate(asked, question.certainty)).collect();
        let mut gpus = recommend(&estimates, question.rig.cost_per_gpu_hour);
        let mut wanted = Wanted::default();
        for estimate in &estimates {
            wanted.add.extend(&estimate.add);
            wanted.again.extend(&estimate.again);
        }
        gpus.next = question.plan.command(&wanted, self.levels);
        (estimates, gpus)
    }

    fn estimate(&self, asked: &Asked<'_>, certainty: Certainty) -> Estimate {
        let Target { metric, quantile, .. } = asked.target;
        if self.fits.method == MethodName::Monotone {
            let whole = metric == Metric::WorkflowRuntime;
            let runtime = self.pooled(Metric::WorkflowRuntime).filter(|_| !whole);
            return estimate_pooled(asked, self.models(metric), runtime, certainty);
        }
        let mut found =
            estimate(asked, self.fits.method, &self.fits.get(metric, quantile).cloned());
        let verdicts = self.seen.iter().map(|level| Verdict::of(level, &asked.target));
        let bounds = Bounds::of(&verdicts.collect::<Vec<_>>());
        let Target { limit, .. } = asked.target;
        let curve = self.models(metric).map(|models| {
            let carried = models.whole.capacity(quantile, limit, certainty, None);
            let range = carried.range(|it| it.concurrency);
            (range.low, range.high)
        });
        grade_line(&mut found, asked, &bounds, curve);
        found
    }
}

/// Combines every target with every load; without a load there is still a capacity to estimate.
pub(super) fn asked<'a>(question: &'a Question, levels: &'a [LevelMetrics]) -> Vec<Asked<'a>> {
    let Question { rig, margin, counts_users, .. } = *question;
    let loads: Vec<Option<Load>> = match question.loads.as_slice() {
        [] => vec![None],
        loads => loads.iter().copied().map(Some).collect(),
    };
    let of_target = |&target: &Target| {
        loads.clone().into_iter().map(move |load| Asked {
            target,
            load,
            rig,
            margin,
            levels,
            counts_users,
            plan: &question.plan,
        })
    };
    question.targets.iter().flat_map(of_target).collect()
}
