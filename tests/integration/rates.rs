//! Targets on rates, of which more is better.

use crate::support::Sizer;
use serde_json::{Value, json};
use std::fmt::Write;

/// Streamed calls of 21 tokens whose mean time between tokens is `0.01 s + 0.002 s × concurrency`, a
/// tenth more or less in turns if they spread, in sustained levels.
fn runs(spread: f64) -> String {
    let mut lines = String::new();
    for concurrency in [1_u32, 2, 4, 8, 16, 32] {
        let mean = 0.01 + 0.002 * f64::from(concurrency);
        for index in 0..20 * concurrency {
            let gap = mean * if index % 2 == 0 { 1.0 - spread } else { 1.0 + spread };
            let start = f64::from(index / concurrency) * (0.1 + 20.0 * mean);
            let end = start + 0.1 + 20.0 * gap;
            let _ = writeln!(
                lines,
                "{{\"concurrency\": {concurrency}, \"id\": {index}, \"start\": {start}, \"end\": {end}, \
                 \"ttft\": 0.1, \"completion_tokens\": 21}}"
            );
        }
    }
    lines
}

fn recorded(spread: f64, rest: &str) -> Sizer {
    Sizer::new().file("runs.jsonl", &runs(spread)).spec(&format!(
        "version: 1\nname: rates\nworkflow: {{type: recorded, path: runs.jsonl}}\n\
         test: {{gpu_count: 2}}\n{rest}\n"
    ))
}

#[track_caller]
fn close(got: &Value, expected: f64) {
    let got = got.as_f64().unwrap();
    assert!((got / expected - 1.0).abs() < 1e-6, "{got} instead of {expected}");
}

/// The column of `levels.csv` with a name; empty if there is none.
fn column(project: &Sizer, name: &str) -> Vec<String> {
    let csv = project.read("out/levels.csv");
    let mut rows = csv.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let at = rows.next().unwrap().iter().position(|it| it == name);
    at.map_or_else(Vec::new, |at| rows.map(|row| row[at].clone()).collect())
}

#[test]
fn a_line_gives_the_closed_form() {
    let line = "estimate: {method: linear}\ntargets: {users: 100, tokens_per_second: 20}";
    let project = recorded(0.0, line);
    project.run(&["run", "spec.yml"]).success();
    let result = project.result();
    let estimate = &result["estimates"][0];
    // 1 / 20 = 0.01 + 0.002 × 20.
    close(&estimate["capacity"]["point"], 20.0);
    close(&estimate["gpus"]["point"], 10.0);
    assert_eq!(
        (&estimate["target"], &estimate["quantile"], &estimate["limit"]),
        (&json!("tokens_per_second"), &json!("p05"), &json!(20.0))
    );
    assert_eq!(result["gpus"]["decided_by"], "tokens_per_second");
    // At 32 in flight a token takes 74 ms.
    let over: Vec<&Value> = result["levels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|level| &level["over_target"]["tokens_per_second"])
        .collect();
    assert_eq!(over, [0, 0, 0, 0, 0, 640]);
    for quantile in ["p50", "p10", "p05", "p01"] {
        let told = column(&project, &format!("tokens_per_second_{quantile}"));
        for (told, concurrency) in std::iter::zip(&told, [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]) {
            close(&json!(told.parse::<f64>().unwrap()), 1.0 / (0.01 + 0.002 * concurrency));
        }
        assert_eq!(told.len(), 6);
    }
    assert_eq!(column(&project, "over_target_tokens_per_second").last().unwrap(), "640");
    let summary = project.read("out/summary.md");
    assert!(
        summary.contains(
            "p05 output speed ≥ 20 tokens/s for 100 users (95 % of the calls reach it): 10.0 GPUs"
        ),
        "{summary}"
    );
    assert!(summary.contains("decided by the output speed target"), "{summary}");
}

#[test]
fn the_slow_calls_are_those_that_count() {
    let project = recorded(
        0.1,
        "estimate: {method: linear}\ntargets: {users: 100, tokens_per_second: {p50: 25, p05: 20}}",
    );
    project.run(&["run", "spec.yml"]).success();
    let result = project.result();
    let quantiles: Vec<&Value> =
        result["estimates"].as_array().unwrap().iter().map(|it| &it["quantile"]).collect();
    assert_eq!(quantiles, ["p50", "p05"]);
    close(&result["estimates"][1]["capacity"]["point"], (0.05 / 1.1 - 0.01) / 0.002);
    for (told, concurrency) in
        std::iter::zip(column(&project, "tokens_per_second_p05"), [1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    {
        close(&json!(told.parse::<f64>().unwrap()), 1.0 / 1.1 / (0.01 + 0.002 * concurrency));
    }
    // The closed form of one level that is known to be out of reach.
    let args = ["estimate", "spec.yml", "--set", "targets.tokens_per_second=90"];
    let said = project.run(&args).code(3).stdout;
    assert!(said.contains("the p05 is only 75.8 tokens/s"), "{said}");
}

#[test]
fn a_target_that_is_no_rate_leaves_no_trace_of_rates() {
    let project = recorded(0.1, "targets: {users: 100, itl: 50ms}");
    project.run(&["run", "spec.yml"]).success();
    assert!(column(&project, "tokens_per_second_p05").is_empty());
    assert_eq!(project.result()["levels"][0]["over_target"].as_object().unwrap().len(), 4);
}

#[test]
fn the_capacity_is_that_of_the_equivalent_time_between_tokens() {
    let project = Sizer::new().workflow(
        "{type: simulator, seed: 3, output_tokens: {median: 12, sigma: 0.3}}",
        "test: {gpu_count: 1}\nconcurrency: {levels: [1, 2, 4, 8], runs: 40}\n\
         targets:\n  - {users: 40, tokens_per_second: 125}\n  - {name: gap, users: 40, itl: 8ms}\n\
         outputs: {reports: [summary.md, levels.csv, result.json]}",
    );
    project.run(&["run", "spec.yml"]);
    let result = project.result();
    let (rate, gap) = (&result["estimates"][0], &result["alternatives"][0]["estimates"][0]);
    for key in ["capacity", "gpus", "grade", "curve", "proven", "throughput", "unreachable"] {
        assert_eq!(rate[key], gap[key], "{key}");
    }
    let rates = column(&project, "tokens_per_second_p05");
    let gaps = column(&project, "itl_p95_s");
    assert_eq!((rates.len(), gaps.len()), (4, 4));
    // On a machine that is busy with other things, gaps can be longer than the limit at any load.
    let capacity = &rate["capacity"];
    let answered = capacity["point"].is_number() || capacity["at_least"].is_number();
    let shortest = gaps.iter().map(|gap| gap.parse::<f64>().unwrap()).fold(f64::INFINITY, f64::min);
    assert!(answered || shortest > 0.008, "{rate}");
    for (rate, gap) in std::iter::zip(rates, gaps) {
        close(&json!(rate.parse::<f64>().unwrap()), 1.0 / gap.parse::<f64>().unwrap());
    }
}

#[test]
fn what_if_has_an_option_for_it() {
    let project = recorded(0.1, "targets: {users: 100, tokens_per_second: 20}");
    project.run(&["run", "spec.yml"]).success();
    let what_if = |args: &[&str]| {
        let args: Vec<&str> = ["what-if", "spec.yml"].iter().chain(args).copied().collect();
        project.run(&args)
    };
    let asked = ["--tokens-per-second", "20,40", "--users", "50"];
    let text = what_if(&asked).success().stdout;
    assert!(text.contains("p05 output speed ≥ 40 tokens/s"), "{text}");
    let csv = what_if(&[&asked[..], &["--format", "csv"]].concat()).success().stdout;
    assert!(csv.lines().next().unwrap().contains(",tokens_per_second_p05,"), "{csv}");
    let found = what_if(&[&asked[..], &["--format", "json"]].concat()).success().stdout;
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(
        found["cases"][1]["limits"],
        json!([{"target": "tokens_per_second", "quantile": "p05", "at_least": 40.0}])
    );
    let gpus = |case: usize| found["cases"][case]["gpus"]["point"].as_f64().unwrap();
    assert!(gpus(1) > gpus(0), "{found}");
    let plan = ["plan", "spec.yml", "--set", "targets.tokens_per_second=40"];
    let told = project.run(&plan).success().stdout;
    assert!(told.contains("tokens_per_second"), "{told}");
    what_if(&["--tokens-per-second", "20ms"])
        .code(2)
        .stderr("a limit on it is a number above 0, in tokens/s");
    what_if(&["--tokens-per-second", "0"]).code(2).stderr("a number above 0");
}

#[test]
fn a_limit_on_a_rate_is_a_plain_number() {
    for (limit, message) in [
        ("50ms", "a number of tokens per second such as 20, or one per quantile such as {p05: 20}"),
        (
            "{p95: 20}",
            "the p95 of a rate is reached by few calls: limit its p05, which 95 % of the calls reach",
        ),
        ("0", "a rate that every call reaches is not a target: it must be above 0"),
        ("{p05: -1}", "it must be above 0"),
        ("1e-320", "it must be above 0"),
        ("{}", "no quantile is given"),
    ] {
        let project =
            recorded(0.0, &format!("targets: {{users: 100, tokens_per_second: {limit}}}"));
        project.run(&["validate", "spec.yml"]).code(2).stderr(message).stderr("spec.yml:5");
    }
}

#[test]
fn what_decides_is_named_by_its_quantile_where_its_metric_does_not_tell() {
    let decided = |targets: &str| {
        let project = recorded(0.1, &format!("targets: {{users: 100, {targets}}}"));
        project.run(&["run", "spec.yml"]).success();
        let by = &project.result()["gpus"]["decided_by_quantile"];
        let summary = project.read("out/summary.md");
        let from = summary.find("decided by ").unwrap();
        let words = summary[from..].split([';', ')']).next().unwrap();
        (words.to_owned(), by.as_str().unwrap().to_owned())
    };
    let told = |words: &str, quantile: &str| (words.to_owned(), quantile.to_owned());
    assert_eq!(decided("itl: 50ms"), told("decided by the inter-token latency target", "p95"));
    assert_eq!(
        decided("itl: {p50: 50ms}"),
        told("decided by the p50 inter-token latency target", "p50")
    );
    assert_eq!(
        decided("itl: {p50: 60ms, p95: 50ms}"),
        told("decided by the p95 inter-token latency target", "p95")
    );
    assert_eq!(
        decided("tokens_per_second: {p50: 20}"),
        told("decided by the p50 output speed target", "p50")
    );
    assert_eq!(
        decided("tokens_per_second: {p05: 20}"),
        told("decided by the output speed target", "p05")
    );
}

/// A limit on the output speed and one on the time to the first token: the runtime has none.
#[test]
fn a_difference_is_told_in_the_figures_that_targets_limit() {
    let project = recorded(0.0, "targets: {users: 100, tokens_per_second: 20}");
    project.run(&["run", "spec.yml", "--quiet"]).success();
    let history = project.run(&["history", "spec.yml", "--format", "json"]).success().stdout;
    let history: Value = serde_json::from_str(&history).unwrap();
    let first = history[0]["id"].as_str().unwrap();
    let other = "targets: {users: 100, tokens_per_second: 25, ttft: {p50: 1s}}";
    let project = project.spec(&format!(
        "version: 1\nname: rates\nworkflow: {{type: recorded, path: runs.jsonl}}\n\
         test: {{gpu_count: 2}}\n{other}\n"
    ));
    project.run(&["run", "spec.yml", "--quiet"]).success();
    let second = project.run(&["history", "spec.yml", "--format", "json"]).success().stdout;
    let second: Value = serde_json::from_str(&second).unwrap();
    for sides in [vec![first], vec![first, second[1]["id"].as_str().unwrap()]] {
        let diff = |more: &[&str]| {
            project.run(&[&["diff", "spec.yml"], &sides[..], more].concat()).success()
        };
        let text = diff(&[]);
        let text = text
            .stdout("| p05 output speed (tokens/s) before |")
            .stdout("| p50 time to first token (s) before |")
            .stdout("Fit of the p95 inter-token latency: ");
        assert!(!text.stdout.contains("runtime"), "{text:#?}");
        let json: Value = serde_json::from_str(&diff(&["--format", "json"]).stdout).unwrap();
        let level = &json["levels"][4];
        let figures: Vec<(&Value, &Value)> = level["figures"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| (&it["target"], &it["quantile"]))
            .collect();
        let expected =
            [(&json!("ttft"), &json!("p50")), (&json!("tokens_per_second"), &json!("p05"))];
        assert_eq!(figures, expected, "{json:#}");
        // 1 / (0.01 + 0.002 × 16).
        close(&level["figures"][1]["before"], 1.0 / 0.042);
        close(&level["figures"][1]["now"], 1.0 / 0.042);
    }
}
