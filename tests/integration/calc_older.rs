//! `sizer calc` with the files and the table that the guide of the first releases shows, and what it says of the
//! reference's straight line.

use crate::calc::{assert_same, data, flags, gathered, json, offline_output, run};
use crate::support::Sizer;
use serde_json::{Map, Value, json};

const ESTIMATE: [&str; 10] = [
    "calc",
    "--offline_mode",
    "--calc_output_dir",
    "calc",
    "--test_gpu_count",
    "8",
    "--target_workflow_runtime",
    "10",
    "--target_users",
    "100",
];

/// The older shape of a file in the newer one, with the names of the first releases or of later ones.
fn older(newer: &Value, first: bool) -> Value {
    let mut data = Map::new();
    for (concurrency, level) in newer["calc_data"].as_object().unwrap() {
        let interrupted = level["sizing_metrics"]["alerts"]["workflow_interrupted"].as_bool();
        let mut metrics = level["sizing_metrics"].clone();
        metrics.as_object_mut().unwrap().remove("alerts");
        let counted = if first { "runs" } else { "items" };
        let mut out_of_range = json!({
            format!("num_{counted}_greater_than_target_latency"): 0,
            format!("num_{counted}_greater_than_target_runtime"): 0,
        });
        if first {
            out_of_range["workflow_interrupted"] = interrupted.into();
        } else {
            metrics["eligible_for_slope_based_estimation"] = (!interrupted.unwrap()).into();
        }
        let level = json!({
            "gpu_estimates": level["gpu_estimates"],
            "out_of_range_runs": out_of_range,
            "sizing_metrics": metrics,
        });
        data.insert(concurrency.clone(), level);
    }
    json!({ "gpu_estimates": newer["gpu_estimates"], "per_concurrency_data": data })
}

/// A project with a gathered file.
fn with_file(file: &Value) -> Sizer {
    let project = Sizer::new();
    std::fs::create_dir_all(project.path("calc/online/job_1")).unwrap();
    project.file("calc/online/job_1/calc_runner_output.json", &file.to_string())
}

/// A gathered file with these levels: concurrency, p95 LLM latency, p95 runtime, total runtime. All runs of a level
/// take as long.
fn file_of(levels: &[(u32, f64, f64, f64)]) -> Value {
    let mut data = Map::new();
    for &(concurrency, llm_latency, runtime, total_runtime) in levels {
        let items = (0..2 * concurrency).map(|n| {
            let item = json!({ "llm_latency": llm_latency, "workflow_runtime": runtime });
            (n.to_string(), item)
        });
        let metrics = json!({
            "llm_latency_p95": llm_latency,
            "workflow_runtime_p95": runtime,
            "total_runtime": total_runtime,
            "per_item_metrics": items.collect::<Map<_, _>>(),
        });
        data.insert(concurrency.to_string(), json!({ "sizing_metrics": metrics }));
    }
    json!({ "per_concurrency_data": data })
}

#[test]
fn files_of_the_first_releases_give_what_newer_files_give() {
    let cases = ["00_line", "01_line", "02_outlier", "03_nonlinear", "04_interrupted", "05_nollm"];
    for case in cases {
        let newer = gathered(case);
        let expected = run(&newer, &flags(case), &["--no_plots"]);
        for first in [false, true] {
            let project = with_file(&older(&json(&data(case).join("online.json")), first));
            let ended = run(&project, &flags(case), &["--no_plots"]);
            assert_eq!(ended.stdout, expected.stdout, "{case}");
            assert_same(&offline_output(&project), &offline_output(&newer), case);
        }
    }
    let neither = with_file(&json!({ "levels": {} }));
    let ended = neither.run(&ESTIMATE).code(2);
    ended.stderr("has neither `calc_data` nor `per_concurrency_data`");
}

#[test]
fn the_older_shape_is_written_where_it_is_asked_for() {
    for case in ["00_line", "04_interrupted"] {
        let newer = gathered(case);
        let expected = run(&newer, &flags(case), &["--no_plots"]);
        let project = gathered(case);
        run(&project, &flags(case), &["--no_plots", "--format", "aiq"]);
        let written = offline_output(&project);
        let keys: Vec<&String> = written.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["gpu_estimates", "per_concurrency_data"]);
        let mut again = offline_output(&newer);
        for (concurrency, level) in written["per_concurrency_data"].as_object().unwrap() {
            let newer = again["calc_data"][concurrency].take();
            let keys: Vec<&String> = level.as_object().unwrap().keys().collect();
            assert_eq!(keys, ["gpu_estimates", "out_of_range_runs", "sizing_metrics"]);
            let (out_of_range, metrics) = (&level["out_of_range_runs"], &level["sizing_metrics"]);
            for of in ["latency", "runtime"] {
                let count = format!("num_items_greater_than_target_{of}");
                assert_eq!(out_of_range[&count], newer["alerts"][&count], "{case} {concurrency}");
            }
            let interrupted = &newer["sizing_metrics"]["alerts"]["workflow_interrupted"];
            assert_eq!(&out_of_range["workflow_interrupted"], interrupted);
            assert_ne!(&metrics["eligible_for_slope_based_estimation"], interrupted);
            assert_eq!(metrics["per_item_metrics"], newer["sizing_metrics"]["per_item_metrics"]);
            assert_eq!(level["gpu_estimates"], newer["gpu_estimates"]);
        }
        // What was written is read again.
        let project = with_file(&written);
        assert_eq!(run(&project, &flags(case), &["--no_plots"]).stdout, expected.stdout);
    }
}

/// The figures of the guide's sample.
#[test]
fn the_table_of_the_guide() {
    let file = file_of(&[
        (1, 1.14981, 4.03488, 8.06977),
        (2, 1.3591, 4.71197, 9.32298),
        (4, 1.50682, 5.67581, 11.1683),
        (8, 2.10668, 7.90895, 15.6193),
        (16, 3.30196, 12.677, 25.3173),
        (32, 6.57847, 24.5307, 43.9806),
    ]);
    let ended = with_file(&file).run(&ESTIMATE).success();
    ended
        .stdout("| Alerts | Concurrency | p95 LLM Latency | p95 WF Runtime | Total Runtime | Runtime OOR | GPUs (WF Runtime, Rough) |")
        .stdout("|           1 |         1.14981 |        4.03488 |       8.06977 |           0 |                   322.79 |")
        .stdout("|          16 |         3.30196 |         12.677 |       25.3173 |          32 |                          |")
        .stdout("|          32 |         6.57847 |        24.5307 |       43.9806 |          64 |                          |")
        .stdout("Estimated GPU count (Workflow Runtime): 75.4");
    let both = [&ESTIMATE[..], &["--target_llm_latency", "2"]].concat();
    with_file(&file).run(&both).stdout("| LLM OOR | Runtime OOR |");
}

#[test]
fn no_level_on_an_exact_line_is_an_outlier() {
    for (intercept, slope) in [(0.3, 0.1), (1.1, 0.07), (2.0, 1.0 / 3.0)] {
        let levels: Vec<_> = (1..=12)
            .map(|level| {
                let runtime = intercept + slope * f64::from(level);
                (level, runtime / 3.0, runtime, runtime * 2.0)
            })
            .collect();
        let ended = with_file(&file_of(&levels)).run(&ESTIMATE);
        assert!(!ended.stdout.contains("Alerts"), "{}", ended.stdout);
    }
}

#[test]
fn a_line_through_two_points_says_that_it_proves_nothing() {
    let ended = run(&gathered("04_interrupted"), &flags("04_interrupted"), &["-q"]);
    ended.stderr("Only concurrency 1 and 2 are left for the line through the workflow runtime: any two points lie on a line");
}

/// Flat until the rig is full, then proportional: the rule takes the saturated level for an error of measurement.
#[test]
fn a_saturated_level_that_the_rule_leaves_out_is_named() {
    let levels = [
        (1, 1.0, 2.0, 4.0),
        (2, 1.0, 2.1, 4.2),
        (4, 1.0, 2.3, 4.6),
        (8, 1.0, 2.7, 5.4),
        (16, 1.0, 3.5, 7.0),
        (64, 1.0, 30.0, 60.0),
    ];
    let ended = with_file(&file_of(&levels)).run(&ESTIMATE);
    ended
        .stdout("| !R     |          64 |")
        .stderr("leaves out concurrency 64 as an outlier, but it is the highest and lies above the line")
        .stderr("By the line, the rig carries 81.0; the method `monotone`, which follows the levels, says ");
}

#[test]
fn concurrencies_may_have_blanks_and_empty_places() {
    let config = "llms: {m: {_type: openai, model_name: m, base_url: http://127.0.0.1:9/v1}}\n\
                  workflow: {_type: chat_completion, llm_name: m}\n\
                  eval: {general: {dataset: {_type: jsonl, file_path: questions.jsonl}}}\n";
    let project =
        Sizer::new().file("c.yml", config).file("questions.jsonl", "{\"question\": \"a\"}\n");
    let emit = ["calc", "--config_file", "c.yml", "--emit-spec", "s.yml", "--concurrencies"];
    project.run(&[&emit[..], &["1, 2,4,"]].concat()).success();
    let text = std::fs::read_to_string(project.path("s.yml")).unwrap();
    assert!(text.contains("- 1\n") && text.contains("- 2\n") && text.contains("- 4\n"), "{text}");
    let wrong = project.run(&[&emit[..], &["1,two"]].concat()).code(2);
    wrong.stderr("`two` is not a whole number; give a list such as 1,2,4,8");
}
