//! Models of a metric: through all usable levels, with those whose runs failed now and then, and
//! without any one of them.

use crate::measure::{Metric, Quantile};
use crate::sizing::observed::ObservedLevel;
use crate::sizing::verdict::Level;
use crate::sizing::{CapacitySamples, Certainty, PooledModel};
use std::cell::OnceCell;
use std::rc::Rc;

/// Largest share of failed runs at a level whose other runs still tell about the load.
const SPORADIC: f64 = 0.025;
/// Most runs of a level in models without another level; more would not change the answer.
const MOST_RUNS: usize = 2_000;
/// Certainty with which runs as they are contradict an answer by tokens.
const CONTRADICTED: Certainty = Certainty { confidence: 0.9, resamples: 400, seed: 1 };

/// Models of a metric through the usable levels, and through more.
pub(in crate::sizing) struct Models {
    /// Model through the usable levels.
    usable: PooledModel,
    /// Model with levels at which few runs failed as well, each failure slower than any limit: if the
    /// load caused the failures, its capacity is not too low.
    with_failed: Option<PooledModel>,
}

impl Models {
    fn of(
        levels: &[Level<'_>],
        metric: Metric,
        count_failed: bool,
        by_tokens: bool,
    ) -> Option<Self> {
        let usable: Vec<Level<'_>> =
            levels.iter().filter(|level| level.is_usable()).copied().collect();
        let sporadic = |level: &&Level<'_>| {
            // However many timed out: those are slow runs.
            let failed = level.metrics.failed.saturating_sub(level.slow_failures(metric));
            level.is_usable() || failed as f64 <= SPORADIC * level.metrics.runs as f64
        };
        let more: Vec<Level<'_>> = levels.iter().filter(sporadic).copied().collect();
        let with_failed =
            (more.len() > usable.len()).then(|| PooledModel::of(&more, metric, true, by_tokens));
        Some(Self {
            usable: PooledModel::of(&usable, metric, count_failed, by_tokens)?,
            with_failed: with_failed.flatten(),
        })
    }

    /// Returns the model of the usable levels.
    pub fn usable(&self) -> &PooledModel {
        &self.usable
    }

    /// Returns the model that has seen the highest loads.
    pub fn furthest(&self) -> &PooledModel {
        self.with_failed.as_ref().unwrap_or(&self.usable)
    }

    /// Returns the best single figure of the capacity within a limit (seconds).
    pub fn point(&self, quantile: Quantile, limit: f64) -> f64 {
        let of = |pooled: &PooledModel| pooled.point(quantile, limit);
        self.with_failed.as_ref().map_or(f64::INFINITY, of).min(of(&self.usable))
    }

    /// Returns the capacity within a limit (seconds): the smaller of both models.
    pub fn capacity(
        &self,
        quantile: Quantile,
        limit: f64,
        certainty: Certainty,
        runtime: Option<&PooledModel>,
    ) -> CapacitySamples {
        let of = |pooled: &PooledModel| pooled.capacity(quantile, limit, certainty, runtime);
        let usable = of(&self.usable);
        match self.with_failed.as_ref().map(of) {
            Some(other) => usable.less_of(&other),
            None => usable,
        }
    }
}

/// All models of a metric.
pub(in crate::sizing) struct MetricModels<'a> {
    /// All levels, ascending, failed ones included.
    pub levels: Vec<Level<'a>>,
    /// Models through all of them.
    pub whole: Rc<Models>,
    /// The metric; of a rate, that of the times behind it.
    pub metric: Metric,
    /// True if failed runs count as slower than any limit.
    pub count_failed: bool,
    thinned: OnceCell<Vec<ObservedLevel>>,
    without: Vec<OnceCell<Option<Rc<Models>>>>,
    as_they_are: OnceCell<Option<Models>>,
    of_all_runs: OnceCell<Option<PooledModel>>,
}

impl<'a> MetricModels<'a> {
    /// Creates the models of levels, ascending; `None` if no usable one saw the metric.
    pub fn of(levels: &[Level<'a>], metric: Metric, count_failed: bool) -> Option<Self> {
        let whole = Models::of(levels, metric, count_failed, true)?;
        let without = levels.iter().map(|_| OnceCell::new()).collect();
        Some(Self {
            levels: levels.to_vec(),
            whole: Rc::new(whole),
            metric,
            count_failed,
            thinned: OnceCell::new(),
            without,
            as_they_are: OnceCell::new(),
            of_all_runs: OnceCell::new(),
        })
    }

    /// Returns the capacity of the runs as they are, if it contradicts that by tokens.
    ///
    /// It rests on fewer assumptions: where tokens are not all that there is to it, because a few calls become
    /// slow, or long, only at high loads, the runs still say what was seen. Beyond the highest level, nothing was.
    pub fn contradicted(&self, quantile: Quantile, limit: f64) -> Option<f64> {
        self.whole.usable.counted_runs()?;
        let by_tokens = self.whole.point(quantile, limit);
        if by_tokens > self.whole.usable.highest() {
            return None;
        }
        let make = || Models::of(&self.levels, self.metric, self.count_failed, false);
        let runs = self.as_they_are.get_or_init(make).as_ref()?;
        let drawn = runs.capacity(quantile, limit, CONTRADICTED, None);
        let range = drawn.range(|it| it.concurrency);
        let agrees = drawn.point.capped || (range.low..=range.high).contains(&by_tokens);
        (!agrees).then_some(range.point)
    }

    /// Returns the capacity that is likely by all runs that succeeded, those of failed levels included.
    pub fn likely_by_all_runs(
        &self,
        quantile: Quantile,
        limit: f64,
        certainty: Certainty,
        runtime: Option<&PooledModel>,
    ) -> Option<f64> {
        let by_tokens = self.whole.usable.counted_runs().is_some();
        let make = || PooledModel::of(&self.levels, self.metric, false, by_tokens);
        let all = self.of_all_runs.get_or_init(make).as_ref()?;
        let drawn = all.capacity(quantile, limit, certainty, runtime);
        Some(drawn.range(|it| it.concurrency).likely)
    }

    /// Makes models of other levels by tokens only if the whole was: those of fewer runs are to be compared with it.
    fn alike(&self, levels: &[Level<'_>], count_failed: bool) -> Option<Models> {
        let by_tokens = self.whole.usable.counted_runs().is_some();
        Models::of(levels, self.metric, count_failed, by_tokens)
    }

    /// Returns the models in which all tolerated failures are slower than any limit; `None` if there
    /// are none, or if all models count them so.
    pub fn with_failures(&self) -> Option<Models> {
        let is_tolerated = |level: &&Level<'_>| {
            level.is_usable() && level.metrics.failed > level.slow_failures(self.metric)
        };
        let mut tolerated = self.levels.iter().filter(is_tolerated);
        tolerated.next().filter(|_| !self.count_failed)?;
        self.alike(&self.levels, true)
    }

    /// Returns the models in which some levels are replaced by a part of themselves.
    pub fn with_parts(&self, parts: &[Option<&ObservedLevel>]) -> Option<Models> {
        let levels = std::iter::zip(&self.levels, parts);
        let levels: Vec<Level<'_>> = levels
            .map(|(level, part)| Level { observed: part.unwrap_or(level.observed), ..*level })
            .collect();
        self.alike(&levels, self.count_failed)
    }

    /// Returns the models through all levels but the one at an index.
    pub fn without(&self, index: usize) -> Option<&Rc<Models>> {
        let make = || {
            let thinned = self.thinned.get_or_init(|| {
                self.levels.iter().map(|level| level.observed.thinned(MOST_RUNS)).collect()
            });
            let levels = std::iter::zip(&self.levels, thinned).enumerate();
            let others: Vec<Level<'_>> = levels
                .filter(|(other, _)| *other != index)
                .map(|(_, (level, observed))| Level { observed, ..*level })
                .collect();
            self.alike(&others, self.count_failed).map(Rc::new)
        };
        self.without.get(index)?.get_or_init(make).as_ref()
    }
}
