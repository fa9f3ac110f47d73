//! The branches of a matrix side by side.

use super::format::{cell, significant};
use super::prose::{aim_words, decider_words, recommendation, sentence_of};
use super::{ReportError, SizingResult};
use crate::measure::{Metric, QuantileName};
use crate::sizing::{Alternative, Estimate, Grade, Recommendation};
use comfy_table::{Table, presets};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All branches of a matrix, and the cheapest for each set of targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Comparison {
    /// Version of this document's form: 1.
    pub schema_version: u32,
    /// The spec's name.
    pub name: String,
    /// Answers to the set of targets that counts, which is the first.
    #[serde(flatten)]
    pub main: ComparedSet,
    /// Answers to the other sets, in the order in which branches have them.
    #[serde(default)]
    pub alternatives: Vec<ComparedAlternative>,
    /// Branches without any measured level, about which nothing can be said offline.
    #[serde(default)]
    pub missing: Vec<String>,
}

/// Answers of all branches to one set of targets, and the cheapest of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ComparedSet {
    /// Branch by branch, in the order of the matrix.
    pub branches: Vec<ComparedBranch>,
    /// The branch that costs least per hour, or without prices needs the fewest GPUs, among those that meet
    /// every target of the set; null where none does, or where branches have different targets or loads.
    pub cheapest: Option<String>,
    /// The same among branches of equal targets and loads, where not all have the same.
    #[serde(default)]
    pub by_targets: Vec<ComparedTargets>,
    /// Branches that were not compared, though they may be the cheapest: their answer is unsettled.
    #[serde(default)]
    pub not_compared: Vec<String>,
}

/// Another set of targets, with the answers of the branches that have it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ComparedAlternative {
    /// Name of the set.
    pub name: String,
    /// The answers.
    #[serde(flatten)]
    pub set: ComparedSet,
}

/// Branches of equal targets and loads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ComparedTargets {
    /// The targets with their loads, in words.
    pub targets: Vec<String>,
    /// The branches.
    pub branches: Vec<String>,
    /// The one that costs least among those that meet every target; null where none does.
    pub cheapest: Option<String>,
}

/// One branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct ComparedBranch {
    /// Its combination of values.
    pub branch: String,
    /// GPUs in whole replicas; null where there is no answer.
    pub gpus: Option<u64>,
    /// Their cost per hour; null without a price.
    pub cost_per_hour: Option<f64>,
    /// The target that decides.
    pub decided_by: Option<Metric>,
    /// Quantile that it limits.
    #[serde(default)]
    pub decided_by_quantile: Option<QuantileName>,
    /// Load that the test rig carries within the deciding target.
    pub capacity: Option<f64>,
    /// Grade of the answer: how far it can be relied on.
    #[serde(default)]
    pub grade: Option<Grade>,
    /// Reason why there is no answer.
    pub reason: Option<String>,
}

/// Figure by which answers are compared: the cost if every answer has one, since a missing price is not a low
/// one; otherwise the number of GPUs.
pub(super) fn price(cost_per_hour: Option<f64>, gpus: Option<u64>, all_priced: bool) -> f64 {
    match cost_per_hour {
        Some(cost) if all_priced => cost,
        _ => gpus.map_or(f64::INFINITY, |gpus| gpus as f64),
    }
}

/// Reason why a set of estimates gives no answer: a single target without an estimate is enough.
pub(super) fn why_unanswered(estimates: &[Estimate], gpus: &Recommendation) -> Option<String> {
    match estimates.iter().find(|estimate| estimate.answer.gpus().is_none()) {
        Some(estimate) => {
            estimate.answer.reason().map(|reason| sentence_of(estimate.target, reason))
        }
        None if estimates.is_empty() => Some("no target is set".to_owned()),
        None => recommendation(gpus, estimates).filter(|_| gpus.recommended.is_none()),
    }
}

impl Comparison {
    /// Compares results, labelled by branch; `missing` are the labels of the branches without a result.
    pub fn of(name: &str, results: &[(String, &SizingResult)], missing: &[String]) -> Self {
        let main: Vec<Answered<'_>> = results
            .iter()
            .map(|(branch, result)| Answered {
                branch,
                estimates: &result.estimates,
                gpus: &result.gpus,
            })
            .collect();
        let mut others: Vec<(&str, Vec<Answered<'_>>)> = Vec::new();
        for (branch, result) in results {
            for Alternative { name, estimates, gpus } in &result.alternatives {
                let answered = Answered { branch, estimates, gpus };
                match others.iter_mut().find(|(known, _)| known == name) {
                    Some((_, answers)) => answers.push(answered),
                    None => others.push((name, vec![answered])),
                }
            }
        }
        let alternatives = others.into_iter().map(|(name, answers)| ComparedAlternative {
            name: name.to_owned(),
            set: ComparedSet::of(&answers),
        });
        Self {
            schema_version: 1,
            name: name.to_owned(),
            main: ComparedSet::of(&main),
            alternatives: alternatives.collect(),
            missing: missing.to_vec(),
        }
    }

    /// The comparison in Markdown.
    pub fn to_markdown(&self) -> String {
        // The first set alone decides, so what is said of it must not seem to be said of the others.
        let of_first = if self.alternatives.is_empty() { "" } else { " of the first set" };
        let main = self.main.to_markdown(of_first);
        let others = self.alternatives.iter().map(|ComparedAlternative { name, set }| {
            format!("\n## {name}\n\n{}", set.to_markdown(" of this set"))
        });
        let others: String = others.collect();
        let missing = match self.missing.as_slice() {
            [] => String::new(),
            branches => format!(
                "\nNot measured: **{}**; an online `sizer run` compares {} too.\n",
                branches.join("**, **"),
                if branches.len() == 1 { "it" } else { "them" }
            ),
        };
        format!("# {}\n\n{main}{others}{missing}", self.name)
    }

    /// The comparison as JSON.
    pub fn to_json(&self) -> Result<String, ReportError> {
        let failed = |error| ReportError::format("comparison.json", error);
        Ok(serde_json::to_string_pretty(self).map_err(failed)? + "\n")
    }
}

/// Answers of a branch to one set of targets.
struct Answered<'a> {
    branch: &'a str,
    estimates: &'a [Estimate],
    gpus: &'a Recommendation,
}

impl ComparedSet {
    fn of(answers: &[Answered<'_>]) -> Self {
        let branches: Vec<ComparedBranch> = answers.iter().map(ComparedBranch::of).collect();
        let mut by_targets: Vec<ComparedTargets> = Vec::new();
        for Answered { branch, estimates, .. } in answers {
            let targets: Vec<String> = estimates.iter().map(aim_words).collect();
            match by_targets.iter_mut().find(|group| group.targets == targets) {
                Some(group) => group.branches.push((*branch).to_owned()),
                None => by_targets.push(ComparedTargets {
                    targets,
                    branches: vec![(*branch).to_owned()],
                    cheapest: None,
                }),
            }
        }
        for group in &mut by_targets {
            let of_group = branches.iter().filter(|it| group.branches.contains(&it.branch));
            group.cheapest = cheapest(&of_group.collect::<Vec<_>>());
        }
        let one = by_targets.len() < 2;
        let cheapest = by_targets.first().filter(|_| one).and_then(|it| it.cheapest.clone());
        if one {
            by_targets.clear();
        }
        let unsettled = branches.iter().filter(|branch| branch.grade == Some(Grade::Unsettled));
        let not_compared = unsettled.map(|branch| branch.branch.clone()).collect();
        Self { branches, cheapest, by_targets, not_compared }
    }

    /// A table in Markdown, with the cheapest. `scope` says which targets are all.
    fn to_markdown(&self, scope: &str) -> String {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_header(["Branch", "GPUs", "Grade", "Cost per hour", "Rig carries", "Decided by"]);
        for branch in &self.branches {
            let decided = match (&branch.reason, branch.decided_by) {
                (Some(reason), _) => format!("no answer: {reason}"),
                (None, Some(metric)) => decider_words(metric, branch.decided_by_quantile),
                (None, None) => String::new(),
            };
            table.add_row([
                branch.branch.clone(),
                cell(branch.gpus),
                cell(branch.grade),
                cell(branch.cost_per_hour.map(|cost| format!("{cost:.2}"))),
                cell(branch.capacity.map(significant)),
                decided,
            ]);
        }
        let by_targets: String = self.by_targets.iter().map(ComparedTargets::line).collect();
        let cheapest = match &self.cheapest {
            Some(branch) => format!("Cheapest that meets every target{scope}: **{branch}**"),
            None if !by_targets.is_empty() => format!(
                "Branches have different targets or loads, so only those with the same are compared:\n\n{by_targets}"
            ),
            None if self.not_compared.is_empty() => format!("No branch meets every target{scope}."),
            None => format!("No branch is known to meet every target{scope}."),
        };
        let not_compared = match self.not_compared.as_slice() {
            [] => String::new(),
            branches => format!(
                "\nNot compared: **{}**, unsettled; {} may cost less or more.\n",
                branches.join("**, **"),
                if branches.len() == 1 { "it" } else { "they" }
            ),
        };
        format!("{table}\n\n{cheapest}\n{not_compared}")
    }
}

/// The cheapest of branches that have an answer.
fn cheapest(branches: &[&ComparedBranch]) -> Option<String> {
    let answered =
        || branches.iter().filter(|branch| branch.reason.is_none() && branch.gpus.is_some());
    let priced = answered().all(|branch| branch.cost_per_hour.is_some());
    let cost = |branch: &&&ComparedBranch| price(branch.cost_per_hour, branch.gpus, priced);
    let cheapest = answered().min_by(|a, b| cost(a).total_cmp(&cost(b)));
    cheapest.map(|branch| branch.branch.clone())
}

impl ComparedTargets {
    /// One item of a list in Markdown.
    fn line(&self) -> String {
        let targets = match self.targets.as_slice() {
            [] => "no target".to_owned(),
            targets => targets.join("; "),
        };
        let what = match (&self.cheapest, self.branches.as_slice()) {
            (_, [alone]) => format!("**{alone}** alone"),
            (Some(branch), _) => format!("cheapest is **{branch}**"),
            (None, branches) => format!("none of **{}** is known to", branches.join("**, **")),
        };
        format!("- {targets}: {what}\n")
    }
}

impl ComparedBranch {
    fn of(Answered { branch, estimates, gpus }: &Answered<'_>) -> Self {
        let deciding = gpus.deciding(estimates);
        let reason = why_unanswered(estimates, gpus);
        Self {
            branch: (*branch).to_owned(),
            gpus: gpus.recommended.filter(|_| reason.is_none()),
            cost_per_hour: gpus.cost_per_hour.filter(|_| reason.is_none()),
            decided_by: gpus.decided_by,
            decided_by_quantile: gpus.decided_by_quantile,
            grade: gpus.grade,
            capacity: deciding.and_then(|estimate| estimate.answer.capacity()?.point),
            reason,
        }
    }
}
