//! The method `monotone`: pooled models of all runs.

use crate::measure::Metric;
use crate::sizing::crossing::crossing;
use crate::sizing::estimate::{FoundCapacities, MetricModels, estimate_pooled};
use crate::sizing::estimator::{Estimator, Model, NoModel};
use crate::sizing::evidence::Evidence;
use crate::sizing::pooled::PooledModel;
use crate::sizing::remembered::Remembered;
use crate::sizing::verdict::Level;
use crate::sizing::{Certainty, Estimate, ExpectedRuntime, Target, TargetQuestion};
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// The method `monotone`.
#[derive(Debug)]
pub(super) struct Monotone;

impl Estimator for Monotone {
    fn prepare<'e>(&self, evidence: &Evidence<'e>) -> Result<Box<dyn Model + 'e>, NoModel> {
        NoModel::if_all_failed(evidence.levels())?;
        Ok(Box::new(PooledModels::of(evidence)))
    }
}

/// Pooled models of each metric, built on first use.
pub(super) struct PooledModels<'e> {
    evidence: Evidence<'e>,
    levels: Vec<Level<'e>>,
    models: BTreeMap<Metric, OnceCell<Option<MetricModels<'e>>>>,
    found: FoundCapacities,
}

impl<'e> PooledModels<'e> {
    /// Creates the models of the levels whose runs are known.
    pub fn of(evidence: &Evidence<'e>) -> Self {
        let models = Metric::ALL.into_iter().map(|metric| (metric, OnceCell::new())).collect();
        Self {
            evidence: *evidence,
            levels: evidence.with_runs(),
            models,
            found: Remembered::default(),
        }
    }

    /// Returns the levels whose runs are known, each with them.
    pub fn levels(&self) -> &[Level<'e>] {
        &self.levels
    }

    /// Returns the models of a metric; `None` if no usable level saw it.
    pub fn of_metric(&self, metric: Metric) -> Option<&MetricModels<'e>> {
        // A rate has the models of the times behind it.
        let metric = metric.time_behind();
        let make = || MetricModels::of(&self.levels, metric, self.evidence.counts_failures());
        self.models.get(&metric)?.get_or_init(make).as_ref()
    }

    fn usable(&self, metric: Metric) -> Option<&PooledModel> {
        Some(self.of_metric(metric)?.whole.usable())
    }
}

impl Model for PooledModels<'_> {
    fn estimate(&self, asked: &TargetQuestion<'_>, certainty: Certainty) -> Estimate {
        let metric = asked.target.metric;
        let whole = metric == Metric::WorkflowRuntime;
        let runtime = self.usable(Metric::WorkflowRuntime).filter(|_| !whole);
        estimate_pooled(asked, self.of_metric(metric), runtime, certainty, &self.found)
    }

    fn crossing(&self, target: &Target) -> Option<f64> {
        crossing(self.evidence.levels(), target)
    }

    fn mean_runtime(&self, load: f64) -> Option<f64> {
        Some(self.usable(Metric::WorkflowRuntime)?.mean(load))
    }

    fn expected(&self, level: u32) -> Option<ExpectedRuntime> {
        self.usable(Metric::WorkflowRuntime)?.expected(f64::from(level))
    }

    fn counted_runs(&self) -> Option<u64> {
        self.usable(Metric::WorkflowRuntime)?.counted_runs()
    }

    fn runs_to_halve(&self, estimate: &Estimate) -> Option<(f64, f64)> {
        let (range, confidence) = (estimate.answer.capacity()?, estimate.confidence?);
        let ends = range.low.zip(range.high)?;
        let pooled = self.usable(estimate.target)?;
        pooled.runs_to_halve(ends, range.point?, estimate.quantile, confidence)
    }
}
