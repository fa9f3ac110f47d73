//! The method of estimation `chord`: the straight line through the lowest and the highest usable level.

use sizer::estimates::{Fit, MethodName, NoFit, NoModel, Point, Regression, TargetQuestion};
use sizer::{Certainty, Estimate, Estimator, Evidence, FitOptions, LevelMetrics, Model, Target};

/// The method.
#[derive(Debug)]
pub struct Chord;

impl Estimator for Chord {
    fn prepare<'e>(&self, evidence: &Evidence<'e>) -> Result<Box<dyn Model + 'e>, NoModel> {
        NoModel::if_all_failed(evidence.levels())?;
        Ok(Box::new(ChordModel { evidence: *evidence }))
    }

    fn is_line(&self) -> bool {
        true
    }

    fn regression(&self, options: &FitOptions) -> Box<dyn Regression> {
        Box::new(TwoPoints { method: options.method })
    }
}

struct TwoPoints {
    method: MethodName,
}

impl Regression for TwoPoints {
    fn fit(&self, points: &[Point]) -> Result<Fit, NoFit> {
        let (Some(first), Some(last), 2..) = (points.first(), points.last(), points.len()) else {
            return Err(NoFit::TooFewLevels { usable: points.len() });
        };
        let width = f64::from(last.concurrency) - f64::from(first.concurrency);
        let slope = (last.seconds - first.seconds) / width;
        let intercept = first.seconds - slope * f64::from(first.concurrency);
        Ok(Fit { method: self.method, slope, intercept, r_squared: 1.0, outliers: Vec::new() })
    }
}

struct ChordModel<'e> {
    evidence: Evidence<'e>,
}

impl Model for ChordModel<'_> {
    fn estimate(&self, asked: &TargetQuestion<'_>, _: Certainty) -> Estimate {
        let Target { metric, quantile, .. } = asked.target;
        asked.by_line(&self.evidence, &self.evidence.fit(metric, quantile).cloned())
    }

    /// An adaptive sweep asks after each level, when there are no lines yet: its own goes through the first and the
    /// last of them.
    fn crossing(&self, target: &Target) -> Option<f64> {
        let usable = self.evidence.levels().iter().filter(|level| !level.interrupted);
        let point = |level: &LevelMetrics| {
            let seconds = level.metric(target.metric)?.at(target.quantile);
            Some(Point { concurrency: level.concurrency, seconds })
        };
        let points: Vec<Point> = usable.filter_map(point).collect();
        let line = TwoPoints { method: self.evidence.method() }.fit(&points).ok()?;
        Some(line.capacity(target.seconds()).unwrap_or(f64::INFINITY))
    }
}
