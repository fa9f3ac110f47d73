//! Progress on the terminal: a bar per level with runs done, failures and the p95 so far.

use crate::measure::{Quantile, Run, quantile_of_sorted};
use crate::pipeline::{Observer, PipelineError, StageId, StageReport};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Shows progress on stderr, or nothing.
pub(super) struct Progress {
    visible: bool,
    level: Mutex<Level>,
}

#[derive(Default)]
struct Level {
    bar: Option<ProgressBar>,
    /// Ascending.
    runtimes: Vec<f64>,
    failed: usize,
}

impl Progress {
    pub fn new(visible: bool) -> Self {
        Self { visible, level: Mutex::default() }
    }

    fn level(&self) -> std::sync::MutexGuard<'_, Level> {
        self.level.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Progress {
    fn level_started(&self, concurrency: u32, runs: usize) {
        if !self.visible {
            return;
        }
        let bar = ProgressBar::with_draw_target(Some(runs as u64), ProgressDrawTarget::stderr());
        let style =
            ProgressStyle::with_template("{prefix:>14} [{bar:30}] {pos}/{len} {elapsed} {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.set_prefix(format!("concurrency {concurrency}"));
        bar.enable_steady_tick(Duration::from_millis(250));
        *self.level() = Level { bar: Some(bar), ..Level::default() };
    }

    fn run_done(&self, run: &Run) {
        if !self.visible {
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
        let p95 = p95.map(|p95| format!("p95 {p95:.3} s")).unwrap_or_default();
        let failed =
            if level.failed > 0 { format!(", {} failed", level.failed) } else { String::new() };
        if let Some(bar) = &level.bar {
            bar.inc(1);
            bar.set_message(format!("{p95}{failed}"));
        }
    }

    fn notice(&self, text: &str) {
        eprintln!("{text}");
    }

    fn branch_started(&self, branch: Option<&str>) {
        if let Some(branch) = branch.filter(|_| self.visible) {
            eprintln!("[{branch}]");
        }
    }

    fn stage_failed(&self, stage: &StageId, error: &PipelineError) {
        if let Some(bar) = self.level().bar.take() {
            bar.abandon();
        }
        eprintln!("{stage} failed: {error}");
    }

    fn stage_done(&self, report: &StageReport) {
        if let (StageId::Sweep(_), Some(bar)) = (&report.id, self.level().bar.take()) {
            bar.abandon();
        }
    }
}
