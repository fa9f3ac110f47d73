//! The reference calculator's own figures, recorded from version 1.9.0.

use serde::Deserialize;
use sizer::estimates::{Assessment, Finding, MethodName, NoFit, Plan, Point, Regression};
use sizer::internal::{Linear, rough_gpus};
use sizer::levels::Summary;
use sizer::results::sentence;
use sizer::{
    Certainty, FitOptions, Fits, LevelMetrics, Load, Margin, MeasuredSweep, Metric, Quantile,
    Question, Recording, Rig, Target,
};

#[derive(Deserialize)]
struct Case {
    id: u32,
    concurrencies: Vec<u32>,
    times: Vec<f64>,
    fit_config: Config,
    target_time: f64,
    target_users: u64,
    test_gpu_count: u32,
    expected: Expected,
    rough: RoughCase,
}

#[derive(Deserialize)]
struct Config {
    small_concurrency_range_threshold: usize,
    extreme_outlier_threshold: f64,
    conservative_outlier_threshold: f64,
    min_r_squared: f64,
    remove_outliers: bool,
}

#[derive(Deserialize)]
struct Expected {
    fit: Option<ExpectedFit>,
    gpu_estimate: Option<f64>,
    gpu_estimate_error: Option<String>,
}

#[derive(Deserialize)]
struct ExpectedFit {
    slope: f64,
    intercept: f64,
    r_squared: f64,
    outliers_removed: Vec<u32>,
}

#[derive(Deserialize)]
struct RoughCase {
    concurrency: u32,
    observed_llm_latency: f64,
    observed_workflow_runtime: f64,
    target_llm_latency: f64,
    target_workflow_runtime: f64,
    expected: ExpectedRough,
}

#[derive(Deserialize)]
struct ExpectedRough {
    gpu_estimate_by_wf_runtime: Option<f64>,
    gpu_estimate_by_llm_latency: Option<f64>,
}

#[track_caller]
fn close(got: f64, expected: f64, what: &str) {
    let tolerance = 1e-9 * expected.abs().max(1e-9);
    assert!((got - expected).abs() <= tolerance, "{what}: {got} instead of {expected}");
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../data/nat_fit_vectors.json")).unwrap()
}

#[test]
fn all_fits_and_estimates_agree() {
    let cases = cases();
    assert_eq!(cases.len(), 153);
    for case in cases {
        let what = format!("case {}", case.id);
        let method = Linear {
            min_r_squared: case.fit_config.min_r_squared,
            remove_outliers: case.fit_config.remove_outliers,
            small_range: case.fit_config.small_concurrency_range_threshold,
            extreme_iqrs: case.fit_config.extreme_outlier_threshold,
            residual_iqrs: case.fit_config.conservative_outlier_threshold,
        };
        let points: Vec<Point> = std::iter::zip(&case.concurrencies, &case.times)
            .map(|(&concurrency, &seconds)| Point { concurrency, seconds })
            .collect();
        let fit = method.fit(&points);
        let Some(expected) = case.expected.fit else {
            assert!(matches!(fit, Err(NoFit::PoorFit { .. })), "{what}: {fit:?}");
            continue;
        };
        let fit = fit.unwrap();
        close(fit.slope, expected.slope, &what);
        close(fit.intercept, expected.intercept, &what);
        close(fit.r_squared, expected.r_squared, &what);
        assert_eq!(fit.outliers, expected.outliers_removed, "{what}");
        match (fit.capacity(case.target_time), case.expected.gpu_estimate) {
            (Ok(capacity), Some(expected)) => {
                let gpus = case.target_users as f64 / capacity * f64::from(case.test_gpu_count);
                close(gpus, expected, &what);
            }
            (Err(_), None) => assert!(case.expected.gpu_estimate_error.is_some(), "{what}"),
            (got, expected) => panic!("{what}: {got:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn all_rough_estimates_agree() {
    for case in cases() {
        let rough = case.rough;
        let met = |observed: f64, target: f64| target == 0.0 || observed <= target;
        let shown = met(rough.observed_llm_latency, rough.target_llm_latency)
            && met(rough.observed_workflow_runtime, rough.target_workflow_runtime);
        for (observed, target, expected) in [
            (
                rough.observed_workflow_runtime,
                rough.target_workflow_runtime,
                rough.expected.gpu_estimate_by_wf_runtime,
            ),
            (
                rough.observed_llm_latency,
                rough.target_llm_latency,
                rough.expected.gpu_estimate_by_llm_latency,
            ),
        ] {
            let gpus = rough_gpus(
                rough.concurrency,
                observed,
                target,
                case.target_users,
                case.test_gpu_count,
            );
            match (gpus.filter(|_| shown), expected) {
                (Some(got), Some(expected)) => close(got, expected, &format!("case {}", case.id)),
                (got, expected) => assert_eq!(got, expected, "case {}", case.id),
            }
        }
    }
}

/// The table of the reference's guide: concurrency, p95 LLM latency, p95 workflow runtime.
const TABLE: [(u32, f64, f64); 6] = [
    (1, 1.14981, 4.03488),
    (2, 1.3591, 4.71197),
    (4, 1.50682, 5.67581),
    (8, 2.10668, 7.90895),
    (16, 3.30196, 12.677),
    (32, 6.57847, 24.5307),
];

fn summary(seconds: f64) -> Option<Summary> {
    Summary::of(vec![seconds])
}

fn table_levels() -> Vec<LevelMetrics> {
    let level = |&(concurrency, llm_latency, runtime): &(u32, f64, f64)| {
        let mut level = LevelMetrics::of(concurrency, &Recording::default(), 0.0);
        level.workflow_runtime = summary(runtime);
        level.llm_latency = summary(llm_latency);
        level
    };
    TABLE.iter().map(level).collect()
}

fn assessed(question: &Question, levels: &[LevelMetrics]) -> Assessment {
    let measured = MeasuredSweep::of(levels.to_vec());
    measured.prepare(&measured.fits(OPTIONS), false).assess(question)
}

fn question() -> Question {
    let target = Target { metric: Metric::WorkflowRuntime, quantile: Quantile::P95, limit: 10.0 };
    Question {
        targets: vec![target],
        loads: vec![Load::Users { users: 100, think: 0.0 }],
        rig: Rig { gpu_count: Some(8), gpus_per_replica: 4, cost_per_gpu_hour: None },
        margin: Margin::default(),
        certainty: Certainty { confidence: 0.9, resamples: 0, seed: 0 },
        counts_users: false,
        plan: Plan::default(),
    }
}

const OPTIONS: FitOptions =
    FitOptions { method: MethodName::Linear, min_r_squared: 0.7, remove_outliers: true };

#[track_caller]
fn shown(got: f64, expected: f64) {
    assert!((got / expected - 1.0).abs() < 1e-5, "{got} instead of {expected}");
}

#[test]
fn the_guides_table_gives_its_estimate() {
    let levels = table_levels();
    let fits = Fits::of(&levels, OPTIONS);
    let fit = fits.get(Metric::WorkflowRuntime, Quantile::P95).unwrap();
    shown(fit.slope, 0.656_841);
    shown(fit.intercept, 3.026_42);
    shown(fit.r_squared, 0.995_49);
    assert!(fit.outliers.is_empty());
    let latency = fits.get(Metric::LlmLatency, Quantile::P95).unwrap();
    assert!((latency.slope - 0.14213).abs() < 1e-5 && (latency.intercept - 1.00367).abs() < 1e-5);
    assert_eq!(latency.outliers, [32]);

    let assessment = assessed(&question(), &levels);
    let gpus = assessment.estimates[0].answer.gpus().unwrap();
    assert!((gpus.point.unwrap() - 75.35).abs() < 0.01, "{gpus:?}");
    assert_eq!(gpus.recommended, Some(76));
    assert_eq!(assessment.gpus.recommended, Some(76));
    let rough: Vec<Option<f64>> =
        assessment.levels.iter().map(|level| level.rough_gpus.workflow_runtime).collect();
    for (got, expected) in rough.iter().zip([322.79, 188.479, 113.516, 79.0895]) {
        shown(got.unwrap(), expected);
    }
    assert_eq!(rough[4..], [None, None]);
}

#[test]
fn the_guides_example_gives_its_estimate() {
    // A slope of 0.6 and an intercept of 3.5, exactly.
    let points: Vec<Point> = [1, 2, 4, 8]
        .map(|concurrency| Point { concurrency, seconds: 3.5 + 0.6 * f64::from(concurrency) })
        .to_vec();
    let fit = Linear::default().fit(&points).unwrap();
    let gpus = 100.0 / fit.capacity(10.0).unwrap() * 8.0;
    assert!((gpus - 73.85).abs() < 0.005, "{gpus}");
}

#[test]
fn an_interrupted_level_changes_nothing() {
    let mut levels = table_levels();
    let before = assessed(&question(), &levels);
    let mut broken = LevelMetrics::of(64, &Recording::default(), 0.0);
    broken.interrupted = true;
    broken.workflow_runtime = summary(0.1);
    levels.push(broken);
    let after = assessed(&question(), &levels);
    assert_eq!(before.estimates, after.estimates);
    assert!(after.notes.contains(&Finding::Interrupted { levels: vec![64] }));
}

#[test]
fn an_answer_that_cannot_be_given_has_its_reason() {
    let reason = |limit: f64, levels: &[LevelMetrics], users: Option<u64>| {
        let mut question = question();
        question.targets[0].limit = limit;
        question.loads = users.map(|users| Load::Users { users, think: 0.0 }).into_iter().collect();
        let assessment = assessed(&question, levels);
        let estimate = assessment.estimates[0].clone();
        (sentence(estimate.answer.reason().unwrap()), estimate.answer.is_out_of_reach())
    };
    let levels = table_levels();
    let (words, unreachable) = reason(3.0, &levels, Some(100));
    assert!(
        unreachable && words.contains("at concurrency 1 the p95 is already 4.035 s"),
        "{words}"
    );
    // Without the level at concurrency 1, the intercept is what says so.
    let (words, unreachable) = reason(2.0, &levels[1..], Some(100));
    assert!(unreachable && words.contains("intercept"), "{words}");
    let (words, _) = reason(10.0, &levels, None);
    assert!(words.contains("targets.users is not set"), "{words}");
    let (words, _) = reason(10.0, &levels[..1], Some(100));
    assert!(words.contains("only 1 usable level:"), "{words}");
    let mut falling = levels.clone();
    for (level, seconds) in falling.iter_mut().zip([9.0, 8.0, 7.0, 6.0, 5.0, 4.0]) {
        level.workflow_runtime = summary(seconds);
    }
    let (words, unreachable) = reason(10.0, &falling, Some(100));
    assert!(!unreachable && words.contains("slope is not positive"), "{words}");
    let mut wild = levels;
    for (level, seconds) in wild.iter_mut().zip([9.0, 1.0, 8.0, 2.0, 7.0, 3.0]) {
        level.workflow_runtime = summary(seconds);
    }
    let (words, _) = reason(10.0, &wild, Some(100));
    assert!(words.contains("R²"), "{words}");
}
