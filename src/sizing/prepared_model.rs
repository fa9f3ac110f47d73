//! Evidence with its model, ready for any number of questions.

use super::added::AddedMethod;
use super::advice::LevelAdvice;
use super::estimator::{Model, NoModel};
use super::evidence::Evidence;
use super::{Answer, Estimate, Load, Question, Recommendation, Target, TargetQuestion, recommend};
use crate::measure::LimitComparison;
use std::collections::BTreeMap;

/// Evidence with the model that its method makes of it.
pub struct PreparedModel<'e> {
    evidence: Evidence<'e>,
    model: Result<Box<dyn Model + 'e>, NoModel>,
    by_line: bool,
    against: Option<&'e BTreeMap<u32, LimitComparison>>,
}

impl<'e> PreparedModel<'e> {
    /// Makes the model.
    pub fn of(evidence: Evidence<'e>) -> Self {
        Self::by(None, evidence)
    }

    /// Makes the model of a method that was added, if there is one.
    pub fn by(added: Option<&AddedMethod>, evidence: Evidence<'e>) -> Self {
        let estimator = evidence.method().or_added(added);
        let (model, by_line) = (estimator.prepare(&evidence), estimator.is_line());
        Self { evidence, model, by_line, against: None }
    }

    /// Adds the comparison of each level's runs with the limits of the question to assess.
    pub(super) fn with_comparison(self, against: &'e BTreeMap<u32, LimitComparison>) -> Self {
        Self { against: Some(against), ..self }
    }

    /// Returns the comparison of a level's runs with the limits; `None` if there is none.
    pub(super) fn against(&self, concurrency: u32) -> Option<&'e LimitComparison> {
        self.against?.get(&concurrency)
    }

    /// Returns the evidence.
    pub(super) fn evidence(&self) -> Evidence<'e> {
        self.evidence
    }

    /// Returns true if the answers rest on straight lines through the levels' quantiles.
    pub(super) fn is_by_line(&self) -> bool {
        self.by_line
    }

    /// Returns the model; `None` if there is none.
    pub(super) fn model(&self) -> Option<&(dyn Model + 'e)> {
        self.model.as_deref().ok()
    }

    /// Returns the load at which the first of the targets is crossed: 0 if a single run in flight
    /// exceeds it, infinite if nothing indicates a crossing.
    pub(super) fn crossing(&self, targets: &[Target]) -> f64 {
        let of = |target: &Target| self.model()?.crossing(target);
        targets.iter().filter_map(of).fold(f64::INFINITY, f64::min)
    }

    /// Returns the estimate of every target with every load, and the recommendation over all of
    /// them.
    pub fn answer(&self, question: &Question) -> (Vec<Estimate>, Recommendation) {
        let asked = self.asked(question);
        let of = |asked: &TargetQuestion<'_>| match &self.model {
            Ok(model) => model.estimate(asked, question.certainty),
            Err(reason) => asked.estimate(self.evidence.method(), Answer::none(reason)),
        };
        let estimates: Vec<Estimate> = asked.iter().map(of).collect();
        let mut gpus = recommend(&estimates, question.rig.cost_per_gpu_hour);
        let mut wanted = LevelAdvice::default();
        for estimate in &estimates {
            wanted.add.extend(&estimate.add);
            wanted.again.extend(&estimate.again);
        }
        gpus.next = question.plan.command(&wanted, self.evidence.levels());
        (estimates, gpus)
    }

    /// Combines every target with every load; without a load there is still a capacity to estimate.
    pub(super) fn asked<'q>(&self, question: &'q Question) -> Vec<TargetQuestion<'q>>
    where
        'e: 'q,
    {
        let Question { rig, margin, counts_users, .. } = *question;
        let loads: Vec<Option<Load>> = match question.loads.as_slice() {
            [] => vec![None],
            loads => loads.iter().copied().map(Some).collect(),
        };
        let levels = self.evidence.levels();
        let of_target = |&target: &Target| {
            loads.clone().into_iter().map(move |load| TargetQuestion {
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
}
