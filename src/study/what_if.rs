//! Other targets, answered from the levels that are there.

use super::execute::own;
use super::stages::{Artifacts, EstimateSlice, observe};
use super::{Pipeline, PipelineError, RunOptions, Selection, StageId, Study};
use crate::measure::Metric;
use crate::report::{WhatIf, WhatIfCase};
use crate::sizing::MeasuredSweep;
use crate::spec::{Spec, Targets};
use crate::store::Store;
use std::collections::BTreeMap;

/// Values to combine; where there are none, those of the spec stay.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grid {
    /// Users to serve.
    pub users: Vec<u64>,
    /// Runs to serve per second.
    pub request_rates: Vec<f64>,
    /// Limits on the p95 of each metric, or on the p05 of a rate, in its unit. All are above 0.
    pub limits: BTreeMap<Metric, Vec<f64>>,
}

impl Grid {
    /// All combinations; without any value, the sets of targets that the spec has itself.
    fn cases(&self, spec: &Spec) -> Result<Vec<Targets>, PipelineError> {
        let main = spec.targets.main();
        let limits: Vec<_> = self.limits.iter().filter(|(_, values)| !values.is_empty()).collect();
        if self.users.is_empty() && self.request_rates.is_empty() && limits.is_empty() {
            return Ok(spec.targets.with_paths().map(|(_, targets)| targets.clone()).collect());
        }
        if !self.request_rates.is_empty() && spec.concurrency.counts_users() {
            let message = "the levels of this sweep count users, so they say nothing about a rate";
            return Err(spec.error_at("concurrency", message.to_owned()).into());
        }
        let of_users = |users: &u64| Targets {
            users: Some(*users),
            request_rate: None,
            name: None,
            ..main.clone()
        };
        let of_rate = |rate: &f64| Targets {
            users: None,
            think_time: None,
            request_rate: Some(*rate),
            name: None,
            ..main.clone()
        };
        let mut cases: Vec<Targets> =
            self.users.iter().map(of_users).chain(self.request_rates.iter().map(of_rate)).collect();
        if cases.is_empty() {
            cases.push(main);
        }
        for (metric, values) in limits {
            let each = |case: &Targets| -> Vec<Targets> {
                let limited = |value: &f64| {
                    let mut case = case.clone();
                    case.set_limit(*metric, *value);
                    case
                };
                values.iter().map(limited).collect()
            };
            cases = cases.iter().flat_map(each).collect();
        }
        Ok(cases)
    }
}

impl Study {
    /// Answers every combination of a grid for every branch. Measures nothing: a level that is not
    /// there is left out, and where none is, that is an error. Of adaptive levels, all that are there count.
    pub async fn what_if(&self, grid: &Grid, options: RunOptions) -> Result<WhatIf, PipelineError> {
        let selection = Selection::until("fit");
        let options = RunOptions { selection, offline: true, ..options };
        let (mut cases, mut missing, mut failure) = (Vec::new(), Vec::new(), None);
        for (branch, pipeline) in self.branches() {
            match (pipeline.cases(grid, branch, &options).await, branch) {
                (Ok(found), _) => cases.extend(found),
                // What is there of other branches can be told without it.
                (Err(error @ PipelineError::Missing { .. }), Some(branch)) => {
                    missing.push(branch.to_owned());
                    failure = failure.or(Some(error));
                }
                (Err(error), _) => return Err(error),
            }
        }
        match failure.filter(|_| cases.is_empty()) {
            Some(error) => Err(error),
            None => Ok(WhatIf::of(cases, missing)),
        }
    }
}

impl Pipeline {
    async fn cases(
        &self,
        grid: &Grid,
        branch: Option<&str>,
        options: &RunOptions,
    ) -> Result<Vec<WhatIfCase>, PipelineError> {
        let spec = self.spec();
        let cases = grid.cases(spec)?;
        let owner = own(spec, options).await?;
        let outcome = self.run_alone(options.clone(), &owner).await?;
        let store = Store::beside(spec.base_dir()).owned(&owner);
        let done = outcome.stages.into_iter().filter(|stage| stage.id != StageId::Expand);
        let digests = done.map(|stage| (stage.id, stage.digest)).collect();
        let artifacts = Artifacts::new(&store, digests);
        let (mut measured, fits) = (MeasuredSweep::of(artifacts.levels()?), artifacts.fits()?);
        observe(&mut measured, artifacts.runs(), &[])?;
        let asked = EstimateSlice::of(spec);
        let prepared = asked.prepare(&measured, &fits);
        let answer = |targets: &Targets| {
            let question = asked.question(targets);
            let (estimates, gpus) = prepared.answer(&question);
            WhatIfCase::of(branch, targets.name.as_deref(), &question, &estimates, &gpus)
        };
        Ok(cases.iter().map(answer).collect())
    }
}
