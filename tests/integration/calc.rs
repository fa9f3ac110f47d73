//! `sizer calc` against what the reference calculator 1.9.0 wrote and printed.

use crate::support::{ANSWER, Scripted, SimulatorProcess, Sizer, respond};
use serde_json::Value;
use std::path::Path;

pub fn data(case: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/nat_offline").join(case)
}

pub fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A project whose folder `calc` holds the gathered metrics of a golden case.
pub fn gathered(case: &str) -> Sizer {
    let project = Sizer::new();
    let job = project.path("calc/online/job_1700000000");
    std::fs::create_dir_all(&job).unwrap();
    std::fs::copy(data(case).join("online.json"), job.join("calc_runner_output.json")).unwrap();
    project
}

pub fn flags(case: &str) -> Vec<String> {
    let params = json(&data(case).join("params.json"));
    let mut flags: Vec<String> =
        ["calc", "--offline_mode", "--calc_output_dir", "calc"].map(str::to_owned).to_vec();
    for (name, value) in params.as_object().unwrap() {
        flags.extend([format!("--{name}"), value.to_string()]);
    }
    flags
}

pub fn run(project: &Sizer, args: &[String], more: &[&str]) -> crate::support::Ended {
    let args: Vec<&str> = args.iter().map(String::as_str).chain(more.iter().copied()).collect();
    project.run(&args)
}

/// The one job of a mode.
pub fn job(project: &Sizer, mode: &str) -> std::path::PathBuf {
    let mut jobs = std::fs::read_dir(project.path("calc").join(mode)).unwrap();
    let job = jobs.next().unwrap().unwrap().path();
    assert!(jobs.next().is_none(), "one job");
    job
}

pub fn offline_output(project: &Sizer) -> Value {
    json(&job(project, "offline").join("calc_runner_output.json"))
}

/// Equal in shape, keys in the same order, numbers to 1e-9.
pub fn assert_same(got: &Value, expected: &Value, path: &str) {
    match (got, expected) {
        (Value::Object(got), Value::Object(expected)) => {
            assert_eq!(
                got.keys().collect::<Vec<_>>(),
                expected.keys().collect::<Vec<_>>(),
                "keys of {path}"
            );
            for (key, value) in expected {
                assert_same(&got[key], value, &format!("{path}.{key}"));
            }
        }
        (Value::Number(got), Value::Number(expected)) => {
            let (got, expected) = (got.as_f64().unwrap(), expected.as_f64().unwrap());
            let near = (got - expected).abs() <= 1e-9 * expected.abs().max(1e-9);
            assert!(near, "{path}: {got} instead of {expected}");
        }
        _ => assert_eq!(got, expected, "{path}"),
    }
}

/// The cells of a Markdown table, and the lines around it.
fn parsed(text: &str) -> (Vec<Vec<String>>, Vec<String>) {
    let (rows, lines): (Vec<&str>, Vec<&str>) =
        text.lines().filter(|line| !line.is_empty()).partition(|line| line.starts_with('|'));
    let cells = |row: &&str| -> Vec<String> {
        row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut rows: Vec<Vec<String>> =
        rows.iter().filter(|row| !row.starts_with("|-")).map(cells).collect();
    // Columns that version 1.9.0 no longer has.
    while let Some(column) = rows[0].iter().position(|title| title.ends_with(" OOR")) {
        for row in &mut rows {
            row.remove(column);
        }
    }
    (rows, lines.into_iter().map(str::to_owned).collect())
}

#[test]
fn offline_cases_agree_where_the_reference_has_an_answer() {
    for case in ["00_line", "01_line", "04_interrupted"] {
        let project = gathered(case);
        let ended = run(&project, &flags(case), &[]).success();
        assert_same(&offline_output(&project), &json(&data(case).join("offline.json")), case);
        let expected = std::fs::read_to_string(data(case).join("stdout.txt")).unwrap();
        assert_eq!(parsed(&ended.stdout), parsed(&expected), "{case}");
        for plot in ["concurrency_vs_p95_simple.png", "concurrency_vs_p95_analysis.png"] {
            let bytes = std::fs::read(job(&project, "offline").join(plot)).unwrap();
            assert!(bytes.starts_with(b"\x89PNG"), "{case} {plot}");
        }
    }
}

#[test]
fn without_an_estimate_the_table_is_the_same_and_the_reason_is_said() {
    for case in ["02_outlier", "03_nonlinear"] {
        let project = gathered(case);
        let ended = run(&project, &flags(case), &["--no_plots"]).code(1);
        assert_same(&offline_output(&project), &json(&data(case).join("offline.json")), case);
        let expected = std::fs::read_to_string(data(case).join("stdout.txt")).unwrap();
        let ((table, lines), (expected_table, expected_lines)) =
            (parsed(&ended.stdout), parsed(&expected));
        assert_eq!(table, expected_table, "{case}");
        assert!(lines.starts_with(&expected_lines), "{case}: {lines:?}");
        ended.stdout("No GPU estimate (Workflow Runtime): R²");
        assert!(!job(&project, "offline").join("concurrency_vs_p95_simple.png").exists());
    }
}

#[test]
fn one_outlier_among_four_levels_is_named_and_the_robust_line_offered() {
    let project = gathered("02_outlier");
    let ended = run(&project, &flags("02_outlier"), &[]).code(1);
    ended.stderr("except at concurrency 1: the method `robust`").stderr("gives 14.4 GPUs");
    let ended = run(&project, &flags("02_outlier"), &["--method", "robust"]).code(1);
    // 100 / ((8.01 − 2.1630783) / 0.8415859), by hand.
    ended.stdout("Estimated GPU count (Workflow Runtime): 14.4").stdout("| !R     |           1 |");
}

/// The reference drops every level of a workflow that makes no LLM call.
#[test]
fn a_workflow_without_llm_calls_has_its_runtime_estimate() {
    let project = gathered("05_nollm");
    let ended = run(&project, &flags("05_nollm"), &["--no_plots"]).code(1);
    let output = offline_output(&project);
    let fit = &output["fit_results"]["wf_runtime_fit"];
    // Figures of `numpy.polyfit` over the ten levels.
    let (slope, intercept) = (0.665_642_925_583_853_9, 3.713_983_832_862_502_3);
    assert!((fit["slope"].as_f64().unwrap() - slope).abs() < 1e-9, "{fit}");
    assert!((fit["intercept"].as_f64().unwrap() - intercept).abs() < 1e-9, "{fit}");
    let gpus = output["gpu_estimates"]["gpu_estimate_by_wf_runtime"].as_f64().unwrap();
    assert!((gpus - 100.0 / ((8.75 - intercept) / slope) * 8.0).abs() < 1e-6, "{gpus}");
    ended
        .stdout(&format!("Estimated GPU count (Workflow Runtime): {gpus:.1}"))
        .stdout("No GPU estimate (LLM Latency): no LLM latency was seen");
}

/// The reference ends in a traceback, and writes nothing.
#[test]
fn a_target_below_the_intercept_is_a_reason_and_the_rest_stands() {
    let project = gathered("06_low");
    let ended = run(&project, &flags("06_low"), &[]).code(3);
    ended
        .stdout("No GPU estimate (Workflow Runtime): ")
        .stdout("Estimated GPU count (LLM Latency): ");
    let output = offline_output(&project);
    assert!(output["gpu_estimates"]["gpu_estimate_by_wf_runtime"].is_null());
    assert!(output["gpu_estimates"]["gpu_estimate_by_llm_latency"].is_f64());
    let intercept = output["fit_results"]["wf_runtime_fit"]["intercept"].as_f64().unwrap();
    // As the reference's own error message says.
    assert!((intercept - 0.775_689_702_467_180_6).abs() < 1e-9);
    assert!(job(&project, "offline").join("concurrency_vs_p95_analysis.png").is_file());
}

#[test]
fn the_newest_job_wins_and_older_offline_jobs_go_last() {
    let project = gathered("00_line");
    let older = project.path("calc/online/job_1600000000");
    std::fs::create_dir_all(&older).unwrap();
    let mut old = json(&data("01_line").join("online.json"));
    let metrics = old["calc_data"]["8"].clone();
    old["calc_data"]["32"] = metrics;
    std::fs::write(older.join("calc_runner_output.json"), old.to_string()).unwrap();
    let set_time = |path: &Path, seconds: u64| {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        std::fs::File::open(path).unwrap().set_modified(time).unwrap();
    };
    set_time(&older, 1_600_000_000);
    std::fs::create_dir_all(project.path("calc/online/job_broken")).unwrap();
    std::fs::write(project.path("calc/online/job_broken/calc_runner_output.json"), "{").unwrap();
    let stale = project.path("calc/offline/job_1");
    std::fs::create_dir_all(&stale).unwrap();
    let ended = run(&project, &flags("00_line"), &["--no_plots"]).code(1);
    ended.stderr("job_broken is skipped");
    let output = offline_output(&project);
    let levels: Vec<&String> = output["calc_data"].as_object().unwrap().keys().collect();
    assert_eq!(levels.len(), 5, "{levels:?}");
    let first = &json(&data("00_line").join("online.json"))["calc_data"]["8"]["sizing_metrics"];
    assert_eq!(&output["calc_data"]["8"]["sizing_metrics"], first);
    assert!(!stale.exists());
}

#[test]
fn parameters_are_checked_as_the_reference_does() {
    let project = gathered("00_line").file("c.yml", "eval: {general: {dataset: questions.jsonl}}");
    let offline = ["calc", "--offline_mode", "--calc_output_dir", "calc"];
    let with = |more: &[&'static str]| [&offline[..], more].concat();
    let complete =
        ["--target_workflow_runtime", "5", "--test_gpu_count", "1", "--target_users", "9"];
    for (args, message) in [
        (with(&[]), "--target_workflow_runtime or --target_llm_latency"),
        (with(&complete[..2]), "needs --test_gpu_count"),
        (with(&complete[..4]), "needs --target_users"),
        (with(&[&complete[..], &["--append_calc_outputs"]].concat()), "is for gathering"),
        ([&["calc", "--offline_mode"], &complete[..]].concat(), "needs --calc_output_dir"),
        (vec!["calc"], "--config_file is missing"),
        (vec!["calc", "--config", "c.yml", "--concurrencies", "1"], "needs at least two"),
        (vec!["calc", "--config", "c.yml", "--concurrencies", "1,2,1"], "1 is given twice"),
        (vec!["calc", "--config", "c.yml", "--concurrencies", "0,2"], "at least 1"),
        (vec!["calc", "--config-file", "nope.yml"], "nope.yml cannot be read"),
        (vec!["calc", "--config_file", "c.yml"], "names no workflow; start it yourself"),
        (with(&["--target_workflow_runtime=-1"]), "a time in seconds"),
    ] {
        project.run(&args).code(2).stderr(message);
    }
    let empty = Sizer::new();
    let args = [&with(&complete)[..], &["--calc_output_dir=other"]].concat();
    let args: Vec<&str> = args.into_iter().filter(|arg| *arg != "calc").collect();
    let args = [
        &["calc"],
        &args.iter().copied().filter(|arg| *arg != "--calc_output_dir").collect::<Vec<_>>()[..],
    ]
    .concat();
    empty.run(&args).code(2).stderr("holds no metrics of a gathering run");
}

const CONFIG: &str = "
eval:
  general:
    output_dir: out
    dataset:
      _type: csv
      file_path: ${DATA_DIR:-data}/questions.csv
      id_key: nr
      structure: {question_key: ask}
      filter: {denylist: {field: {ask: [skip*]}}}
llms:
  main: {_type: openai, model_name: m, base_url: 'http://ADDRESS/v1', api_key: '${TEST_KEY}'}
workflow: {_type: chat_completion, llm_name: main}
";

fn configured(address: std::net::SocketAddr) -> Sizer {
    let project = Sizer::new().env("TEST_KEY", "canary-7f3d-key");
    std::fs::create_dir_all(project.path("data")).unwrap();
    project
        .file("data/questions.csv", "nr,ask\n1,What is 3 x 7?\n2,skip me\n3,What is 6 x 6?\n")
        .file("config.yml", &CONFIG.replace("ADDRESS", &address.to_string()))
}

#[test]
fn gathering_measures_again_and_goes_on_with_what_was_interrupted() {
    // Slow enough for a straight line, whatever else the machine does.
    let simulator = SimulatorProcess::start(&[
        "engine.base=1ms",
        "engine.per_sequence=60ms",
        "output_tokens=4",
    ]);
    let project = configured(simulator.address);
    let gather = [
        "calc",
        "--config_file",
        "config.yml",
        "--calc_output_dir",
        "calc",
        "--concurrencies",
        "2,1,4",
        "--num_passes",
        "2",
    ];
    let ended = project.run(&gather).success();
    ended.stdout("|           4 |").stderr("No target is set");
    assert_eq!(simulator.metric("requests_total"), 14);
    let first = job(&project, "online");
    let output = json(&first.join("calc_runner_output.json"));
    let level = &output["calc_data"]["4"]["sizing_metrics"];
    assert_eq!(level["per_item_metrics"].as_object().unwrap().len(), 8);
    assert!(level["per_item_metrics"]["3_rep3"]["llm_latency"].as_f64().unwrap() > 0.0);
    assert!(first.join("concurrency_vs_p95_analysis.png").is_file());

    // Offline from its own metrics: the same estimate as in one go.
    let targets =
        ["--target_workflow_runtime", "5", "--test_gpu_count", "8", "--target_users", "100"];
    let offline = [&["calc", "--offline_mode", "--calc_output_dir", "calc"], &targets[..]].concat();
    let offline = project.run(&offline).success();
    let combined = [&gather[..], &targets, &["--append_calc_outputs"]].concat();
    project.run(&combined).success().stdout("Estimated GPU count (Workflow Runtime): ");
    // Another gathering is another measurement, kept beside the first.
    assert_eq!(simulator.metric("requests_total"), 28);
    assert_eq!(std::fs::read_dir(project.path("calc/online")).unwrap().count(), 2);
    offline.stdout("Estimated GPU count (Workflow Runtime): ");

    for file in project.files() {
        assert!(!crate::support::holds(&file, "canary-7f3d-key"), "{}", file.display());
    }

    // Without --append the other jobs go.
    project.run(&[&gather[..8], &["3"]].concat()).success();
    assert_eq!(simulator.metric("requests_total"), 28 + 21);
    assert_eq!(std::fs::read_dir(project.path("calc/online")).unwrap().count(), 1);
}

#[test]
fn a_gathering_that_was_cut_short_goes_on() {
    let simulator = SimulatorProcess::start(&["engine.base=20ms", "output_tokens=10"]);
    let project = configured(simulator.address);
    let gather = [
        "calc",
        "--config",
        "config.yml",
        "--calc_output_dir",
        "calc",
        "--concurrencies",
        "1,2,4",
        "--num_passes",
        "2",
    ];
    let mut child = project.command(&gather).spawn().unwrap();
    // The first level has two runs; with the third request it is on disk. With the fourth, both users of the second
    // level have asked, and no request is on its way that would be counted later.
    while simulator.metric("requests_total") < 4 {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!project.path("calc/online").exists());
    let before = simulator.metric("requests_total");
    project.run(&gather).success();
    let again = simulator.metric("requests_total") - before;
    assert!(again <= 12, "{again} requests for the levels 2 and 4");
    let held = std::fs::File::options().write(true).open(project.path("calc/.sizer/owner"));
    let held = held.unwrap();
    held.lock().unwrap();
    project.run(&gather).code(1).stderr("run with --wait");
    let mut waiting = project.command(&[&gather[..], &["--wait"]].concat()).spawn().unwrap();
    held.unlock().unwrap();
    assert!(waiting.wait().unwrap().success());
}

#[test]
fn the_emitted_spec_measures_the_same() {
    // A run beside another takes 0.2 s longer, more than a busy machine makes of a run alone: there is a line.
    let simulator = SimulatorProcess::start(&["engine.per_sequence=50ms", "output_tokens=4"]);
    let project = configured(simulator.address);
    let args = [
        "calc",
        "--config",
        "config.yml",
        "--concurrencies",
        "1,2",
        "--num-passes",
        "3",
        "--target-workflow-runtime",
        "5",
        "--test-gpu-count",
        "8",
        "--target-users",
        "100",
    ];
    std::fs::create_dir_all(project.path("specs")).unwrap();
    let emit = [&args[..], &["--emit-spec", "specs/mine.yml"]].concat();
    project.run(&emit).success().stdout("sizer run specs/mine.yml");
    insta::assert_snapshot!(
        project.read("specs/mine.yml").replace(&simulator.address.to_string(), "ADDRESS")
    );
    project.run(&["run", "specs/mine.yml"]).success().stdout("Recommended: ");
    assert_eq!(simulator.metric("requests_total"), 9);
    let output = json(&project.path("specs/out/calc_runner_output.json"));
    assert!(output["gpu_estimates"]["gpu_estimate_by_wf_runtime"].is_f64());
    project.run(&emit).code(2).stderr("already exists");
    for file in project.files() {
        assert!(!crate::support::holds(&file, "canary-7f3d-key"), "{}", file.display());
    }
}

#[test]
fn import_writes_a_spec_or_says_why_not() {
    let project = Sizer::new().file(
        "agent.yml",
        "eval: {general: {dataset: {_type: jsonl, file_path: questions.jsonl}}}\nworkflow: {_type: react_agent, llm_name: x}\n",
    );
    let printed = project.run(&["import", "nat", "agent.yml"]).success();
    insta::assert_snapshot!("a_workflow_for_the_reference", printed.stdout);
    let printed = project
        .run(&["import", "nat", "agent.yml", "--endpoint", "http://localhost:8000"])
        .success();
    insta::assert_snapshot!(printed.stdout);
    project
        .run(&[
            "import",
            "nat",
            "agent.yml",
            "--endpoint",
            "http://localhost:8000",
            "-o",
            "spec.yml",
        ])
        .success();
    project.run(&["validate", "spec.yml"]).success().stdout("agent is valid: 4 items, 10 levels");
    let project = project.file("bad.yml", "eval: [");
    project.run(&["import", "nat", "bad.yml"]).code(2).stderr("bad.yml: this is not valid YAML");
    let project =
        project.file("custom.yml", "eval: {general: {dataset: {_type: custom, function: a.b}}}");
    project.run(&["import", "nat", "custom.yml"]).code(2).stderr("datasets of the type `custom`");
}

#[test]
fn mistakes_are_named_in_the_terms_of_the_command_and_the_configuration() {
    let file = |llm_name: &str, dataset: &str| {
        format!(
            "llms: {{a: {{_type: openai, model_name: m, base_url: 'http://127.0.0.1:9/v1'}}, b: {{}}}}\n\
             workflow: {{_type: chat_completion{llm_name}}}\n\
             eval: {{general: {{dataset: {{_type: jsonl, {dataset}}}}}}}\n"
        )
    };
    let named = |name: &str, text: String| Sizer::new().file(name, &text);
    let wrong = |text: String, flags: &[&str]| {
        let args = [&["calc", "--config_file", "c.yml"], flags].concat();
        named("c.yml", text).run(&args).code(2)
    };
    let sound = || file(", llm_name: a", "file_path: questions.jsonl");
    for (flags, message) in [
        (["--endpoint", "127.0.0.1:9"], "--endpoint: an address begins with http:// or https://"),
        (["--num_passes", "-1"], "'-1' for '--num_passes <N>': this is less than 0"),
        (["--target_users", "many"], "this is not a whole number"),
        (["--target_workflow_runtime", "5s"], "this is not a number"),
        (["--target_workflow_runtime", "-5"], "--target_workflow_runtime: a time in seconds"),
        (["--test_gpu_count", "4294967296"], "this is too large a number"),
    ] {
        wrong(sound(), &flags).stderr(message);
    }
    let path = "file_path: questions.jsonl";
    for (text, message) in [
        (file("", path), "the workflow has no `llm_name`; add it: one of a, b"),
        (file(", llm_name: c", path), "`llm_name` is `c`, and `llms` has a, b; correct it"),
        (file(", llm_name: a", "file_pth: q"), "is given, but file_pth is there"),
        ("- a\n".to_owned(), "c.yml: this is not a configuration: it holds no keys"),
    ] {
        wrong(text, &[]).stderr(message);
    }
    let import = |text: String| named("c.yml", text).run(&["import", "nat", "c.yml"]).success();
    import(file(", llm_name: a", &format!("{path}, structure: {{question: q}}, reps: 3")))
        .stderr("not used, since the dataset has no such key: reps, structure.question");
    import(sound().replace(", b: {}", "").replace(", llm_name: a", "")).stderr(
        "the workflow has no llm_name, which the reference refuses; `a`, the only LLM, is used",
    );
}

/// The reference leaves failed runs of an endpoint out of its p95 and flags nothing.
#[test]
fn half_of_the_runs_failing_is_flagged() {
    let server = Scripted::start(|stream, _| {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        if COUNT.fetch_add(1, Ordering::SeqCst) % 2 == 1 {
            return respond(stream, "500 Internal Server Error", "{\"error\": \"busy\"}");
        }
        respond(stream, "200 OK", ANSWER)
    });
    let project = configured(server.address);
    let ended = project.run(&[
        "calc",
        "--config",
        "config.yml",
        "--calc_output_dir",
        "calc",
        "--concurrencies",
        "1,2",
        "--num_passes",
        "4",
    ]);
    let ended = ended.success().stdout("Alerts!: W = Workflow interrupted");
    let ended = ended.stdout("| !W     |           2 |");
    let ended = ended.stderr(
        "runs failed (HTTP error status): 500 Internal Server Error: {\"error\": \"busy\"}",
    );
    ended.stderr("give --target_workflow_runtime or --target_llm_latency, with");
    let output = json(&job(&project, "online").join("calc_runner_output.json"));
    let alerts = &output["calc_data"]["2"]["sizing_metrics"]["alerts"];
    assert_eq!(alerts["workflow_interrupted"], true);
}

/// What its files do not say is not known, and what was changed in them since counts.
#[test]
fn offline_mode_says_no_more_than_the_files_do() {
    let project = gathered("00_line");
    let file = job(&project, "online").join("calc_runner_output.json");
    let complete = [
        "calc",
        "--offline_mode",
        "--calc_output_dir",
        "calc",
        "--target_workflow_runtime",
        "5",
        "--test_gpu_count",
        "3",
        "--target_users",
        "9",
        "--test_gpu_count",
        "1",
    ];
    // The last of two flags wins, as in the reference.
    let known = project.run(&complete).stdout("Test parameters: GPUs = 1");
    let known = known.stdout("|           3 |");
    known.stdout("Runtime OOR");
    let mut output = json(&file);
    for level in output["calc_data"].as_object_mut().unwrap().values_mut() {
        level["sizing_metrics"]["per_item_metrics"] = serde_json::json!({});
    }
    let first = output["calc_data"].as_object().unwrap().keys().next().unwrap().clone();
    output["calc_data"][&first]["sizing_metrics"]["workflow_runtime_p95"] = (-5.0).into();
    std::fs::write(&file, output.to_string()).unwrap();
    let ended = project.run(&complete).stderr("has a negative time, which counts as none");
    let levels = output["calc_data"].as_object().unwrap().len();
    let ended = ended.stderr(&format!("The fits rest on {} levels", levels - 1));
    assert!(!ended.stdout.contains("OOR"), "{}", ended.stdout);
}

/// A setting that a variable should give is said to be missing where the user wrote it.
#[test]
fn an_error_of_a_configuration_names_the_configuration() {
    let project = configured("127.0.0.1:1".parse().unwrap())
        .file("config.yml", &CONFIG.replace("TEST_KEY", "NO_SUCH_KEY"));
    let ended = project.run(&["calc", "--config", "config.yml", "--concurrencies", "1,2"]).code(2);
    let ended = ended.stderr("error: config.yml: the environment variable NO_SUCH_KEY is not set");
    assert!(!ended.stderr.contains("sizer-calc.yml"), "{}", ended.stderr);
}

/// Where the first level fails, the reference ends in a traceback.
#[test]
fn a_first_level_that_fails_is_tagged_and_the_rest_goes_on() {
    let server = Scripted::start(|stream, _| {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        if COUNT.fetch_add(1, Ordering::SeqCst) == 0 {
            return respond(stream, "500 Internal Server Error", "{}");
        }
        respond(stream, "200 OK", ANSWER)
    });
    let project = configured(server.address);
    let ended = project.run(&[
        "calc",
        "--config",
        "config.yml",
        "--concurrencies",
        "1,2,3",
        "--num_passes",
        "2",
    ]);
    ended.success().stdout("| !W     |           1 |").stdout("|        |           3 |");
    // Without a folder nothing remains.
    assert!(!project.path(".sizer").exists() && !project.path("online").exists());
}
