//! How near the estimates came, in tables.

use super::case::Case;
use super::kind::Kind;
use sizer::internal::quantile_of_sorted;
use sizer::{Estimate, Grade};

/// The grade of an estimate; without one nothing is settled.
fn grade(estimate: &Estimate) -> &'static str {
    match estimate.grade {
        Some(Grade::Solid) => "solid",
        Some(Grade::Fair) => "fair",
        Some(Grade::Weak) => "weak",
        Some(Grade::Unsettled) | None => "unsettled",
    }
}

const GRADES: [&str; 4] = ["solid", "fair", "weak", "unsettled"];
const FIRM: [&str; 2] = ["solid", "fair"];

/// What a sweep's estimate came to, in GPUs.
struct Score {
    kind: Kind,
    plan: String,
    truth: f64,
    truth_without_failures: Option<f64>,
    answer: Option<Answer>,
    grade: &'static str,
}

struct Answer {
    point: f64,
    low: f64,
    high: f64,
    recommended: Option<f64>,
}

impl Score {
    fn of(case: &Case) -> Self {
        let gpus = case.estimate.as_ref().and_then(|estimate| estimate.answer.gpus());
        // Where only one end is known, the other is open.
        let answer = |gpus: sizer::estimates::GpuCount| Answer {
            point: gpus.point.unwrap_or_default(),
            low: gpus.low.or(gpus.at_least).unwrap_or(0.0),
            high: gpus.high.or(gpus.at_most).unwrap_or(f64::INFINITY),
            recommended: gpus.recommended.map(|gpus| gpus as f64),
        };
        Self {
            kind: case.kind,
            plan: case.plan.to_string(),
            truth: case.truth,
            truth_without_failures: case.truth_without_failures,
            answer: gpus.map(answer),
            grade: case.estimate.as_ref().map_or("unsettled", grade),
        }
    }

    fn is_disturbed(&self) -> bool {
        self.kind != Kind::Clean
    }

    fn is_firm(&self) -> bool {
        FIRM.contains(&self.grade)
    }

    fn holds(&self, of: impl Fn(&Answer, f64) -> bool) -> bool {
        self.answer.as_ref().is_some_and(|answer| of(answer, self.truth))
    }

    fn is_far_too_low(&self) -> bool {
        self.holds(|answer, truth| too_low(answer.point, truth, 0.25))
    }
}

fn too_low(gpus: f64, truth: f64, by: f64) -> bool {
    gpus < (1.0 - by) * truth - 1e-9
}

fn percent(count: usize, of: usize) -> String {
    if of == 0 {
        return "–".to_owned();
    }
    format!("{:.1} %", 100.0 * count as f64 / of as f64)
}

/// Prints all tables.
pub fn print(cases: &[Case]) {
    let scores: Vec<Score> = cases.iter().map(Score::of).collect();
    by_kind(&scores);
    by_grade(&scores);
    headlines(&scores);
}

fn by_kind(scores: &[Score]) {
    println!(
        "| sweeps | plan | number | within 10 % | > 10 % too low | > 25 % too low | no answer | interval holds \
         | recommended / true, median | recommended > 25 % too low |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for kind in Kind::ALL {
        let of_kind: Vec<&Score> = scores.iter().filter(|score| score.kind == kind).collect();
        let mut plans: Vec<&str> = of_kind.iter().map(|score| score.plan.as_str()).collect();
        plans.sort_unstable();
        plans.dedup();
        for plan in plans {
            let rows = of_kind.iter().filter(|score| score.plan == plan).copied();
            row(&kind.to_string(), plan, &rows.collect::<Vec<_>>());
        }
    }
    let disturbed: Vec<&Score> = scores.iter().filter(|score| score.is_disturbed()).collect();
    row("**all disturbed**", "", &disturbed);
}

fn row(name: &str, plan: &str, scores: &[&Score]) {
    let count = |holds: &dyn Fn(&Score) -> bool| scores.iter().filter(|it| holds(it)).count();
    let share = |holds: &dyn Fn(&Answer, f64) -> bool| {
        percent(count(&|score| score.holds(holds)), scores.len())
    };
    let answered = count(&|score| score.answer.is_some());
    let inside = count(&|score| score.holds(|it, truth| it.low <= truth && truth <= it.high));
    let of_truth = |score: &&Score| Some(score.answer.as_ref()?.recommended? / score.truth);
    let mut ratios: Vec<f64> = scores.iter().filter_map(of_truth).collect();
    ratios.sort_by(f64::total_cmp);
    let median = quantile_of_sorted(&ratios, 0.5);
    println!(
        "| {name} | {plan} | {} | {} | {} | {} | {} | {} | {} | {} |",
        scores.len(),
        share(&|it, truth| (it.point / truth - 1.0).abs() <= 0.1 + 1e-9),
        share(&|it, truth| too_low(it.point, truth, 0.1)),
        percent(count(&Score::is_far_too_low), scores.len()),
        percent(scores.len() - answered, scores.len()),
        percent(inside, answered),
        median.map_or_else(|| "none".to_owned(), |median| format!("{median:.2}")),
        share(&|it, truth| it.recommended.is_some_and(|gpus| too_low(gpus, truth, 0.25))),
    );
}

fn by_grade(scores: &[Score]) {
    println!(
        "\n| grade | clean | disturbed | of these > 25 % too low | > 25 % too high | no answer |"
    );
    println!("|---|---|---|---|---|---|");
    let (clean, disturbed): (Vec<&Score>, Vec<&Score>) =
        scores.iter().partition(|score| !score.is_disturbed());
    for grade in GRADES {
        let with = |of: &[&Score], holds: &dyn Fn(&Score) -> bool| {
            of.iter().filter(|score| score.grade == grade && holds(score)).count()
        };
        let (of_clean, of_disturbed) = (with(&clean, &|_| true), with(&disturbed, &|_| true));
        if of_clean + of_disturbed == 0 {
            continue;
        }
        let far_too_high =
            |score: &Score| score.holds(|answer, truth| answer.point > 1.25 * truth + 1e-9);
        println!(
            "| {grade} | {of_clean} | {of_disturbed} | {} | {} | {} |",
            with(&disturbed, &Score::is_far_too_low),
            with(&disturbed, &far_too_high),
            with(&disturbed, &|score| score.answer.is_none()),
        );
    }
}

fn headlines(scores: &[Score]) {
    let share = |disturbed: bool, holds: &dyn Fn(&Score) -> bool| {
        let all = scores.iter().filter(|score| score.is_disturbed() == disturbed);
        percent(all.clone().filter(|score| holds(score)).count(), all.count())
    };
    println!();
    println!(
        "disturbed, solid or fair and more than 25 % too low: {} (wanted: 1 % at the most)",
        share(true, &|score| score.is_firm() && score.is_far_too_low())
    );
    println!(
        "clean, graded solid or fair: {} (wanted: 95 % at the least)",
        share(false, &Score::is_firm)
    );
    let failing: Vec<(f64, &Score)> =
        scores.iter().filter_map(|score| Some((score.truth_without_failures?, score))).collect();
    let short = |firm: bool| {
        let short = failing.iter().filter(|(truth, score)| {
            (score.is_firm() || !firm)
                && score.answer.as_ref().is_some_and(|it| too_low(it.point, *truth, 0.25))
        });
        percent(short.count(), failing.len())
    };
    println!(
        "failures above a load, if none may fail: {} more than 25 % too low, {} solid or fair and that",
        short(false),
        short(true)
    );
}
