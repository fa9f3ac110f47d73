//! The step that takes the largest part of the runtime, and how that grows with the load.

use super::finding::Finding;
use super::step_at_level::StepAtLevel;
use crate::measure::{LevelMetrics, StepKind};

/// Finds the step with the largest share of the runtime at the highest level that counts.
pub(super) fn bottleneck(levels: &[LevelMetrics]) -> Option<Finding> {
    let usable = || levels.iter().filter(|level| !level.interrupted && level.steps.is_some());
    let highest = usable().max_by_key(|level| level.concurrency)?;
    let lowest = usable().min_by_key(|level| level.concurrency)?;
    let first = highest.steps.as_ref()?.steps.first()?;
    let (kind, name) = (first.kind, first.name.clone());
    let lowest = at(lowest, kind, &name).filter(|it| it.level < highest.concurrency);
    let highest = at(highest, kind, &name).filter(|it| it.share > 0.0)?;
    Some(Finding::Bottleneck { kind, name, lowest, highest })
}

/// Returns a step at a level; one that does not occur there takes no time.
fn at(level: &LevelMetrics, kind: StepKind, name: &str) -> Option<StepAtLevel> {
    let mut steps = level.steps.as_ref()?.steps.iter();
    let found = steps.find(|it| it.kind == kind && it.name == name);
    let (share, time) = found.map_or((0.0, 0.0), |it| (it.share.mean, it.time));
    Some(StepAtLevel { level: level.concurrency, share, time })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Recording, Run, Step};

    /// An LLM takes a second of each run and a tool as many tenths as there are runs in flight.
    fn level(concurrency: u32) -> LevelMetrics {
        let tool = 0.1 * f64::from(concurrency);
        let step = |kind, name: &str, start, end| Step {
            kind,
            name: name.to_owned(),
            start,
            end,
            parent: None,
        };
        let steps = vec![
            step(StepKind::Llm, "m", 0.0, 1.0),
            step(StepKind::Tool, "search", 1.0, 1.0 + tool),
        ];
        let run = Run { end: 1.0 + tool, steps, ..Run::default() };
        LevelMetrics::of(
            concurrency,
            &Recording { runs: vec![run; 4], ..Recording::default() },
            0.0,
        )
    }

    #[test]
    fn it_is_that_of_the_highest_level_that_counts() {
        let mut levels = vec![level(1), level(4), level(30)];
        let Some(Finding::Bottleneck { kind, name, lowest, highest }) = bottleneck(&levels) else {
            panic!("no bottleneck");
        };
        assert_eq!((kind, name.as_str()), (StepKind::Tool, "search"));
        assert_eq!((lowest.unwrap().level, highest.level), (1, 30));
        assert!((highest.share - 0.75).abs() < 1e-6 && (highest.time - 3.0).abs() < 1e-6);
        assert!((lowest.unwrap().share - 0.1 / 1.1).abs() < 1e-6);
        levels[2].interrupted = true;
        let Some(Finding::Bottleneck { kind, .. }) = bottleneck(&levels) else {
            panic!("no bottleneck");
        };
        assert_eq!(kind, StepKind::Llm);
        let Some(Finding::Bottleneck { lowest, .. }) = bottleneck(&levels[..1]) else {
            panic!("no bottleneck");
        };
        assert_eq!(lowest, None);
        assert_eq!(bottleneck(&[]), None);
    }
}
