//! Comparison of two states of a spec: recorded runs, lock files, git revisions.

use super::PipelineError;
use super::context::Context;
use super::slices::{common, merge, slices};
use super::stages::{EstimateSlice, FitSlice};
use crate::engine::differences;
use crate::load::RecordedRuns;
use crate::measure::{LevelMetrics, Metric, Quantile, QuantileName};
use crate::sizing::{Fit, Fits, MeasuredSweep, Recommendation};
use crate::spec::{Spec, TargetSets};
use crate::store::{LockFile, RunRecord, Store};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The source of one side of a comparison.
pub enum Side {
    /// A recorded run.
    Run(Box<RunRecord>),
    /// A lock file and the spec that it belongs to.
    Locked {
        /// The name that the user gave for it.
        name: String,
        /// The lock file.
        lock: LockFile,
        /// The spec to read it with.
        spec: Box<Spec>,
        /// True if the spec is of the same revision as the lock file. A lock file given on its own has no spec, and
        /// the current one is used instead.
        same: bool,
    },
}

/// The facts of one side.
#[derive(Debug)]
struct Facts {
    name: String,
    reads: Value,
    /// True if all of the spec is in `reads`.
    whole: bool,
    /// Levels by their places on the axis, which sides have in common even if one counts users and the other runs in
    /// flight.
    levels: BTreeMap<u32, LevelMetrics>,
    /// Levels that are known but whose metrics are not in this store.
    absent: BTreeSet<u32>,
    fits: Option<Fits>,
    gpus: Option<u64>,
}

/// The differences between two states.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Changes {
    /// The first side.
    pub before: String,
    /// The second side.
    pub now: String,
    /// Keys of the spec that differ, in words.
    pub spec: Vec<String>,
    /// Sides with parts of the spec that are no longer in the store; only parts that both have are compared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub spec_incomplete: Vec<String>,
    /// Level by level.
    pub levels: Vec<LevelChange>,
    /// Lines through the figures that a target of either side limits, of a rate that of the time behind it.
    pub fits: Vec<FitChange>,
    /// GPUs recommended.
    pub gpus: (Option<u64>, Option<u64>),
}

/// One level on both sides; `None` where that side has none, or its metrics are not in this store.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LevelChange {
    /// Place of the level on the axis: runs in flight, or users.
    pub concurrency: u32,
    /// Figures that a target of either side limits; without a target, the p95 workflow runtime.
    pub figures: Vec<FigureChange>,
    /// A remark on the difference, such as `new` or `measured again`.
    pub note: &'static str,
}

/// A figure of a level on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FigureChange {
    /// Metric.
    pub target: Metric,
    /// Quantile of it.
    pub quantile: QuantileName,
    /// Figure before, in the unit of the metric.
    pub before: Option<f64>,
    /// Figure now, in the unit of the metric.
    pub now: Option<f64>,
}

/// The line through a quantile of a metric on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FitChange {
    /// Metric, which is a time.
    pub metric: Metric,
    /// Quantile of it.
    pub quantile: Quantile,
    /// Line before.
    pub before: Option<Fit>,
    /// Line now.
    pub now: Option<Fit>,
}

impl Changes {
    /// Compares two states of a spec, with what its store still has of them.
    pub fn of(spec: &Spec, before: Side, now: Side) -> Result<Self, PipelineError> {
        let store = Store::beside(spec.base_dir());
        let (mut before, mut now) = (Facts::of(before, &store)?, Facts::of(now, &store)?);
        let shown = shown([&before, &now]);
        let incomplete = [&before, &now].into_iter().filter(|side| !side.whole);
        let spec_incomplete: Vec<String> = incomplete.map(|side| side.name.clone()).collect();
        if !spec_incomplete.is_empty() {
            common(&mut before.reads, &mut now.reads);
        }
        let mut spec = Vec::new();
        differences("", &before.reads, &now.reads, &mut spec);
        let all: BTreeSet<u32> = [&before, &now]
            .iter()
            .flat_map(|side| side.levels.keys().chain(&side.absent))
            .copied()
            .collect();
        let levels = all.into_iter().map(|level| change(level, &shown, &before, &now)).collect();
        let lines: BTreeSet<(Metric, Quantile)> =
            shown.iter().map(|(metric, quantile)| (metric.time_behind(), *quantile)).collect();
        let fits = lines.into_iter().map(|(metric, quantile)| FitChange {
            metric,
            quantile,
            before: before.fit(metric, quantile),
            now: now.fit(metric, quantile),
        });
        let fits = fits.collect();
        Ok(Self {
            before: before.name,
            now: now.name,
            spec,
            spec_incomplete,
            levels,
            fits,
            gpus: (before.gpus, now.gpus),
        })
    }
}

/// The figures that a target of a side limits, whichever of its sets has it.
fn shown(sides: [&Facts; 2]) -> BTreeSet<(Metric, Quantile)> {
    let mut shown = BTreeSet::new();
    for side in sides {
        let targets = side.reads.get("targets").cloned();
        // The targets of another version may be of a form that is not known here.
        let sets: Option<TargetSets> = targets.and_then(|it| serde_json::from_value(it).ok());
        for (_, set) in sets.iter().flat_map(TargetSets::with_paths) {
            let limits = |metric: Metric| {
                let limits = set.limits(metric).into_iter().flatten();
                limits.map(move |(quantile, _)| (metric, quantile))
            };
            shown.extend(Metric::ALL.into_iter().flat_map(limits));
        }
    }
    if shown.is_empty() {
        shown.insert((Metric::WorkflowRuntime, Quantile::P95));
    }
    shown
}

fn change(
    concurrency: u32,
    shown: &BTreeSet<(Metric, Quantile)>,
    before: &Facts,
    now: &Facts,
) -> LevelChange {
    let figures = shown.iter().map(|&(metric, quantile)| {
        let of = |side: &Facts| side.levels.get(&concurrency)?.figure(metric, quantile);
        let (before, now) = (of(before), of(now));
        FigureChange { target: metric, quantile: metric.quantile(quantile), before, now }
    });
    let known =
        |side: &Facts| side.levels.contains_key(&concurrency) || side.absent.contains(&concurrency);
    let absent = before.absent.contains(&concurrency) || now.absent.contains(&concurrency);
    let note = match (known(before), known(now)) {
        _ if absent => "not in this store",
        (false, true) => "new",
        (true, false) => "gone",
        _ if before.levels.get(&concurrency) == now.levels.get(&concurrency) => "the same runs",
        _ => "measured again",
    };
    LevelChange { concurrency, figures: figures.collect(), note }
}

impl Facts {
    fn of(side: Side, store: &Store) -> Result<Self, PipelineError> {
        match side {
            Side::Run(record) => Ok(Self::of_run(&record, store)),
            Side::Locked { name, lock, spec, same } => {
                let listed = if same { spec.concurrency.levels.values() } else { Vec::new() };
                Self::of_lock(name, &lock, &Arc::new(*spec), &listed, store)
            }
        }
    }

    /// Reads the facts of a recorded run, as far as its artifacts were not garbage-collected.
    fn of_run(record: &RunRecord, store: &Store) -> Self {
        let mut facts = Self::empty(format!("run {}", record.id));
        facts.gpus = record.gpus;
        let mut reads = serde_json::Map::new();
        let ran = |stage: &str| record.keys.keys().any(|it| it.starts_with(stage));
        // A run of some stages says nothing of what the others read.
        let mut whole = ["sweep@", "level@", "fit", "estimate"].into_iter().all(ran);
        for (stage, key) in &record.keys {
            let manifest = store.manifest(key);
            let level = stage.strip_prefix("level@").and_then(|level| level.parse().ok());
            let is_told = !stage.starts_with("render") && stage != "result";
            if is_told {
                match &manifest {
                    Some(manifest) => merge(&mut reads, manifest.parts.reads.clone()),
                    None => whole = false,
                }
            }
            let bytes = manifest.and_then(|manifest| store.read(&manifest.digest).ok());
            facts.level(level, bytes.as_deref());
            if stage == "fit" {
                facts.fits = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            }
        }
        (facts.reads, facts.whole) = match &record.reads {
            Some(reads) => (reads.clone(), true),
            None => (Value::Object(reads), whole),
        };
        facts
    }

    /// Reads the facts of a lock file: its levels (only those `listed`, if any are), and the fits and estimates that
    /// are computed from them.
    fn of_lock(
        name: String,
        lock: &LockFile,
        spec: &Arc<Spec>,
        listed: &[u32],
        store: &Store,
    ) -> Result<Self, PipelineError> {
        let mut facts = Self::empty(name);
        // Of a list, levels that it no longer has are in the lock file still.
        let is_asked = |level: &u32| listed.is_empty() || listed.contains(level);
        for (stage, locked) in lock.stages().into_iter().flatten() {
            let level =
                stage.strip_prefix("level@").and_then(|level| level.parse().ok()).filter(is_asked);
            facts.level(level, store.read(&locked.digest).ok().as_deref());
        }
        // The slices that stages read, so that both kinds of side speak of the same keys.
        let context = Context::at_rest(spec, &Arc::default());
        let expand = lock.get("expand").and_then(|locked| store.manifest(&locked.key));
        let dataset = expand.map(|manifest| manifest.parts.reads);
        facts.whole = dataset.is_some() || lock.get("expand").is_none();
        facts.reads = Value::Object(slices(&context, dataset)?);
        // With levels missing, a fit over the rest would be another answer, not this one.
        if facts.absent.is_empty() {
            let mut measured = MeasuredSweep::of(facts.levels.values().cloned().collect());
            observe(&mut measured, lock, store);
            let fits = FitSlice::of(spec).fits(measured.levels());
            let asked = EstimateSlice::of(spec);
            let Recommendation { recommended, .. } =
                asked.prepare(&measured, &fits).answer(&asked.main_question()).1;
            facts.gpus = recommended;
            facts.fits = Some(fits);
        }
        Ok(facts)
    }

    fn empty(name: String) -> Self {
        let (levels, absent) = (BTreeMap::new(), BTreeSet::new());
        Self { name, reads: Value::Null, whole: true, levels, absent, fits: None, gpus: None }
    }

    fn fit(&self, metric: Metric, quantile: Quantile) -> Option<Fit> {
        self.fits.as_ref()?.get(metric, quantile).ok().cloned()
    }

    fn level(&mut self, level: Option<u32>, bytes: Option<&[u8]>) {
        let Some(level) = level else { return };
        match bytes.and_then(|bytes| serde_json::from_slice(bytes).ok()) {
            Some(metrics) => drop(self.levels.insert(level, metrics)),
            None => drop(self.absent.insert(level)),
        }
    }
}

/// Adds the runs behind the levels of a lock file, as far as they are here.
fn observe(measured: &mut MeasuredSweep, lock: &LockFile, store: &Store) {
    for (stage, locked) in lock.stages().into_iter().flatten() {
        let concurrency = stage.strip_prefix("sweep@").and_then(|level| level.parse().ok());
        let runs = store.open(&locked.digest).ok().map(RecordedRuns::open);
        if let (Some(concurrency), Some(Ok(runs))) = (concurrency, runs) {
            // Runs that cannot be read are as good as none.
            let _ = measured.observe(concurrency, &runs, runs.around());
        }
    }
}
