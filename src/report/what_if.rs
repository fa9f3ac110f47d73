//! Grid of targets with the GPUs that each needs.

use super::ReportError;
use super::comparison::{price, why_unanswered};
use super::format::{cell, significant};
use super::prose::{between, limit_words};
use crate::measure::{Direction, Metric, QuantileName};
use crate::sizing::{Estimate, GpuCount, Grade, Load, Question, Recommendation, Target};
use comfy_table::{Table, presets};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// All combinations, for all branches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WhatIf {
    /// Version of this document's form: 1.
    pub schema_version: u32,
    /// Answers, one per combination and branch.
    pub cases: Vec<WhatIfCase>,
    /// Branches without any measured level.
    #[serde(default)]
    pub missing: Vec<String>,
}

/// One combination of a load and limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WhatIfCase {
    /// The branch of the matrix; null without one.
    pub branch: Option<String>,
    /// Name of the set of targets; null for a combination.
    pub name: Option<String>,
    /// Users to serve.
    pub users: Option<u64>,
    /// Think time between two runs of a user, in seconds.
    pub think_time: Option<f64>,
    /// Runs to serve per second.
    pub request_rate: Option<f64>,
    /// Limits of the case.
    pub limits: Vec<CaseLimit>,
    /// GPUs needed for the deciding target; null if there is no answer.
    pub gpus: Option<GpuCount>,
    /// Grade of the answer: how far it can be relied on.
    #[serde(default)]
    pub grade: Option<Grade>,
    /// The target that decides.
    pub decided_by: Option<Metric>,
    /// Quantile that it limits.
    #[serde(default)]
    pub decided_by_quantile: Option<QuantileName>,
    /// Cost of the recommended GPUs per hour; null without a price.
    pub cost_per_hour: Option<f64>,
    /// True if no branch answers the same case for less, by cost if all have one, otherwise by GPUs.
    pub cheapest: bool,
    /// True if the measurements show that no number of GPUs meets a limit.
    #[serde(default)]
    pub unreachable: bool,
    /// Reason why there is no answer.
    pub reason: Option<String>,
}

/// Limit of a case.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CaseLimit {
    /// Metric that is limited.
    pub target: Metric,
    /// Quantile that is limited: of a rate, the least that it has to reach.
    pub quantile: QuantileName,
    /// The longest acceptable time, in seconds; left out for a rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// The lowest acceptable rate, in the unit of the metric; left out for a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
}

impl CaseLimit {
    fn of(target: &Target) -> Self {
        let Target { metric, quantile, limit } = *target;
        let (seconds, at_least) = match metric.direction() {
            Direction::Lower => (Some(limit), None),
            Direction::Higher => (None, Some(limit)),
        };
        Self { target: metric, quantile: metric.quantile(quantile), seconds, at_least }
    }

    fn figure(&self) -> Option<f64> {
        self.seconds.or(self.at_least)
    }

    /// Returns the name of its column.
    fn column(&self) -> String {
        let unit = if self.target.is_rate() { "" } else { "_s" };
        format!("{}_{}{unit}", self.target.key(), self.quantile)
    }

    fn words(&self) -> Option<String> {
        Some(limit_words(self.target, self.quantile.of_times(), self.figure()?))
    }
}

impl WhatIfCase {
    /// Summarises the answer to a question as one row.
    pub fn of(
        branch: Option<&str>,
        name: Option<&str>,
        question: &Question,
        estimates: &[Estimate],
        gpus: &Recommendation,
    ) -> Self {
        let (mut users, mut think_time, mut request_rate) = (None, None, None);
        for load in &question.loads {
            match *load {
                Load::Users { users: count, think } => {
                    users = Some(count);
                    think_time = Some(think).filter(|think| *think > 0.0);
                }
                Load::Rate { per_second } => request_rate = Some(per_second),
            }
        }
        // An unsettled answer is shown with the bounds that are known.
        let unsettled = gpus.grade == Some(Grade::Unsettled) && gpus.unanswered.is_empty();
        let reason = why_unanswered(estimates, gpus).filter(|_| !unsettled);
        let count = gpus
            .deciding(estimates)
            .and_then(|estimate| estimate.clone().told().answer.gpus())
            .map(|count| {
                // The bounds apply to all targets together.
                let (at_least, at_most) = (gpus.at_least, gpus.at_most);
                if unsettled { GpuCount { at_least, at_most, ..count } } else { count }
            });
        Self {
            branch: branch.map(str::to_owned),
            name: name.map(str::to_owned),
            users,
            think_time,
            request_rate,
            limits: question.targets.iter().map(CaseLimit::of).collect(),
            gpus: count.filter(|_| reason.is_none()),
            grade: gpus.grade,
            decided_by: gpus.decided_by,
            decided_by_quantile: gpus.decided_by_quantile,
            cost_per_hour: gpus.cost_per_hour.filter(|_| reason.is_none()),
            cheapest: false,
            unreachable: estimates.iter().any(|estimate| estimate.answer.is_out_of_reach()),
            reason,
        }
    }

    fn asks_the_same(&self, other: &Self) -> bool {
        let asked = |case: &Self| (case.users, case.think_time, case.request_rate);
        asked(self) == asked(other) && self.limits == other.limits && self.name == other.name
    }

    /// Returns true if the answer can be compared with others.
    pub fn is_settled(&self) -> bool {
        self.gpus.is_some_and(|gpus| gpus.recommended.is_some())
    }

    fn load(&self) -> String {
        let one = self.users == Some(1);
        let users = self.users.map(|users| format!("{users} user{}", if one { "" } else { "s" }));
        let think =
            self.think_time.map(|think| format!("with a think time of {} s", significant(think)));
        let rate = self.request_rate.map(|rate| format!("{} runs/s", significant(rate)));
        let users = users.into_iter().chain(think).collect::<Vec<_>>().join(" ");
        let parts = [Some(users).filter(|users| !users.is_empty()), rate];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
    }

    fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("{name}: {}", self.load()),
            None => self.load(),
        }
    }

    fn aims(&self) -> String {
        self.limits.iter().filter_map(CaseLimit::words).collect::<Vec<_>>().join(", ")
    }

    fn count(&self) -> String {
        let Some(gpus) = self.gpus else { return "none".to_owned() };
        let Some(recommended) = gpus.recommended else {
            let (low, high) = gpus.bounds();
            return format!("unsettled, {}", between(low, high, significant));
        };
        match (gpus.low, gpus.high) {
            (Some(low), Some(high)) => {
                format!("{recommended} ({} to {})", significant(low), significant(high))
            }
            _ => recommended.to_string(),
        }
    }
}

impl WhatIf {
    /// Collects cases and marks the cheapest branch of each.
    pub fn of(mut cases: Vec<WhatIfCase>, missing: Vec<String>) -> Self {
        let all = cases.clone();
        for case in &mut cases {
            let rivals = || all.iter().filter(|it| it.asks_the_same(case) && it.is_settled());
            let priced = rivals().all(|rival| rival.cost_per_hour.is_some());
            let cost = |case: &WhatIfCase| {
                price(case.cost_per_hour, case.gpus.and_then(|gpus| gpus.recommended), priced)
            };
            let least = rivals().map(cost).fold(f64::INFINITY, f64::min);
            case.cheapest = case.is_settled() && cost(case) <= least;
        }
        Self { schema_version: 1, cases, missing }
    }

    /// Renders Markdown tables: loads down, limits across, one table per branch.
    pub fn to_text(&self) -> String {
        let branches = distinct(self.cases.iter().map(|case| case.branch.clone()));
        let aims = distinct(self.cases.iter().map(WhatIfCase::aims));
        let several = branches.len() > 1;
        let mut text = vec!["GPUs to buy (interval of the need)\n".to_owned()];
        for branch in &branches {
            let of_branch: Vec<&WhatIfCase> =
                self.cases.iter().filter(|case| case.branch == *branch).collect();
            let loads = distinct(of_branch.iter().map(|case| case.title()));
            let answer = |case: &WhatIfCase| {
                let cost = case.cost_per_hour.map(|cost| format!(", {cost:.2}/h"));
                let rivals = self.cases.iter().filter(|it| it.asks_the_same(case)).count();
                let mark = if rivals > 1 && case.cheapest { " *" } else { "" };
                format!("{}{}{mark}", case.count(), cell(cost))
            };
            let mut table = Table::new();
            table.load_style(presets::ASCII_MARKDOWN);
            if loads.len() * aims.len() == of_branch.len() {
                table.set_header(std::iter::once("").chain(aims.iter().map(String::as_str)));
                // Cases are ordered with limits varying fastest.
                for (load, row) in std::iter::zip(&loads, of_branch.chunks(aims.len().max(1))) {
                    let cells = row.iter().map(|case| answer(case));
                    table.add_row(std::iter::once(load.clone()).chain(cells));
                }
            } else {
                table.set_header(["", "Targets", "GPUs"]);
                for case in &of_branch {
                    table.add_row([case.title(), case.aims(), answer(case)]);
                }
            }
            text.extend(branch.as_ref().map(|branch| format!("\n## {branch}\n")));
            text.push(format!("\n{table}\n"));
        }
        if several {
            text.push("\n* the cheapest branch for the case\n".to_owned());
            let open = |case: &&WhatIfCase| case.gpus.is_some() && !case.is_settled();
            let open =
                distinct(self.cases.iter().filter(open).filter_map(|case| case.branch.clone()));
            if !open.is_empty() {
                text.push(format!(
                    "\nNot compared where they are unsettled: {}\n",
                    open.join(", ")
                ));
            }
        }
        if !self.missing.is_empty() {
            text.push(format!("\nNot measured: {}\n", self.missing.join(", ")));
        }
        for reason in distinct(self.cases.iter().filter_map(|case| case.reason.clone())) {
            text.push(format!("\nnone: {reason}\n"));
        }
        text.concat()
    }

    /// Renders CSV with one row per case.
    pub fn to_csv(&self) -> Result<String, ReportError> {
        const NAME: &str = "what-if";
        let mut writer = csv::Writer::from_writer(Vec::new());
        let limits =
            distinct(self.cases.iter().flat_map(|case| case.limits.iter().map(CaseLimit::column)));
        let mut header: Vec<String> =
            ["branch", "name", "users", "think_time_s", "request_rate_per_s"]
                .map(str::to_owned)
                .to_vec();
        header.extend(limits.iter().cloned());
        header.extend(
            [
                "gpus_point",
                "gpus_low",
                "gpus_high",
                "gpus_at_least",
                "gpus_at_most",
                "gpus_recommended",
                "grade",
                "decided_by",
                "decided_by_quantile",
            ]
            .map(str::to_owned),
        );
        header.extend(["cost_per_hour", "cheapest", "reason"].map(str::to_owned));
        writer.write_record(&header).map_err(|error| ReportError::format(NAME, error))?;
        for case in &self.cases {
            let mut row = vec![
                cell(case.branch.as_ref()),
                cell(case.name.as_ref()),
                cell(case.users),
                cell(case.think_time),
                cell(case.request_rate),
            ];
            row.extend(limits.iter().map(|name| {
                let limit = case.limits.iter().find(|limit| limit.column() == *name);
                cell(limit.and_then(CaseLimit::figure))
            }));
            row.push(cell(case.gpus.and_then(|gpus| gpus.point)));
            row.push(cell(case.gpus.and_then(|gpus| gpus.low)));
            row.push(cell(case.gpus.and_then(|gpus| gpus.high)));
            row.push(cell(case.gpus.and_then(|gpus| gpus.at_least)));
            row.push(cell(case.gpus.and_then(|gpus| gpus.at_most)));
            row.push(cell(case.gpus.and_then(|gpus| gpus.recommended)));
            row.push(cell(case.grade));
            row.push(cell(case.decided_by.map(Metric::key)));
            row.push(cell(case.decided_by_quantile));
            row.push(cell(case.cost_per_hour));
            row.push(case.cheapest.to_string());
            row.push(cell(case.reason.as_ref()));
            writer.write_record(&row).map_err(|error| ReportError::format(NAME, error))?;
        }
        let bytes =
            writer.into_inner().map_err(|error| ReportError::format(NAME, error.into_error()))?;
        String::from_utf8(bytes).map_err(|error| ReportError::format(NAME, error))
    }
}

/// Removes duplicates, keeping the order of first occurrences.
fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for value in values {
        if !seen.contains(&value) {
            seen.push(value);
        }
    }
    seen
}
