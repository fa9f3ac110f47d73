//! Progress on a terminal: one bar per level under way, with the p95 so far.

use super::diagnose::tell;
use super::log;
use crate::measure::{Quantile, Run, quantile_of_sorted};
use crate::pacing::LoadPoint;
use crate::study::{Observer, PipelineError, StageId, StageOutcome};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Shows the progress of one branch on stderr, or nothing.
pub(super) struct Progress {
    /// Bars of all branches; `None` if only errors and notices are printed.
    bars: Option<MultiProgress>,
    branch: Option<String>,
    level: Mutex<Level>,
}

#[derive(Default)]
struct Level {
    bar: Option<ProgressBar>,
    /// Runtimes in seconds, ascending.
    runtimes: Vec<f64>,
    failed: usize,
}

impl Progress {
    pub fn new(visible: bool) -> Self {
        // Lines of a log would tear them.
        let bars = (visible && !log::is_on()).then(MultiProgress::new);
        Self { bars, branch: None, level: Mutex::default() }
    }

    fn level(&self) -> std::sync::MutexGuard<'_, Level> {
        self.level.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn label(&self) -> String {
        self.branch.as_ref().map_or_else(String::new, |branch| format!("[{branch}] "))
    }

    /// Prints a line above the bars.
    fn say(&self, line: &str) {
        match &self.bars {
            Some(bars) => bars.suspend(|| tell(line)),
            None => tell(line),
        }
    }
}

impl Observer for Progress {
    fn level_started(&self, level: LoadPoint, runs: usize) {
        let Some(bars) = &self.bars else { return };
        let bar = bars.add(ProgressBar::new(runs as u64));
        let style =
            ProgressStyle::with_template("{prefix:>14} [{bar:30}] {pos}/{len} {elapsed} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.set_prefix(format!("{}concurrency {level}", self.label()));
        bar.enable_steady_tick(Duration::from_millis(250));
        *self.level() = Level { bar: Some(bar), ..Level::default() };
    }

    fn run_done(&self, run: &Run) {
        if self.bars.is_none() {
            return;
        }
        let mut level = self.level();
        if run.is_ok() {
            let at = level.runtimes.partition_point(|time| *time < run.runtime());
            level.runtimes.insert(at, run.runtime());
        } else {
            level.failed += 1;
        }
        let p95 = quantile_of_sorted(&level.runtimes, Quantile::P95.share());
        let p95 = p95.map_or_else(String::new, |p95| format!("p95 {p95:.3} s"));
        let failed =
            if level.failed > 0 { format!(", {} failed", level.failed) } else { String::new() };
        if let Some(bar) = &level.bar {
            bar.inc(1);
            bar.set_message(format!("{p95}{failed}"));
        }
    }

    fn notice(&self, text: &str) {
        self.say(text);
    }

    fn branch_started(&self, branch: &str) -> Option<Arc<dyn Observer>> {
        let (bars, branch) = (self.bars.clone(), Some(branch.to_owned()));
        Some(Arc::new(Self { bars, branch, level: Mutex::default() }))
    }

    fn stage_failed(&self, stage: &StageId, error: &PipelineError) {
        log::causes(error);
        if let Some(bar) = self.level().bar.take() {
            bar.abandon();
        }
        self.say(&format!("{}{stage} failed: {error}", self.label()));
    }

    fn stage_done(&self, outcome: &StageOutcome) {
        if let (StageId::Sweep(_), Some(bar)) = (&outcome.id, self.level().bar.take()) {
            bar.abandon();
        }
    }
}
