//! The verbs besides `run`, and what people and machines read.

use crate::support::{SimulatorProcess, Sizer};
use serde_json::Value;

const SIMULATOR: &str =
    "{type: simulator, engine: {base: 2ms, per_sequence: 6ms}, output_tokens: 8}";
const REST: &str = "test: {gpu_count: 2}
concurrency: {mode: burst, levels: [1, 2], passes: 2}
targets: {users: 10, workflow_runtime: 5s}
estimate: {min_r_squared: 0}";

#[test]
fn init_writes_a_spec_that_runs() {
    let project = Sizer::new();
    project.run(&["init", "mine"]).success().stdout("sizer run mine/sizer.yml");
    // The rig has the replicas that it is said to have.
    let starter = project.read("mine/sizer.yml");
    let number = |key: &str| -> u64 {
        let rest = starter.split(&format!("{key}: ")).nth(1).unwrap();
        rest.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
    };
    assert_eq!(number("replicas"), number("gpu_count") / number("gpus_per_replica"));
    let fewer = ["--set", "concurrency.levels=[1, 2]", "--set", "concurrency.passes=1"];
    let ended = project.run(&[&["run", "mine/sizer.yml"], &fewer[..]].concat());
    assert!(ended.stdout.contains("p95 WF Runtime"), "{ended:#?}");
    project.run(&["init", "mine"]).code(2).stderr("already exists");
}

#[test]
fn json_is_all_that_stdout_holds() {
    let project = Sizer::new().workflow(SIMULATOR, REST);
    let ended = project.run(&["run", "spec.yml", "--format", "json"]).success();
    let printed: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(printed, project.result());
    assert_eq!(printed["schema_version"], 1);
    assert_eq!(printed["spec"]["name"], "test");
    assert_eq!(printed["levels"].as_array().unwrap().len(), 2);
    assert_eq!(printed["levels"][0]["over_target"]["workflow_runtime"], 0);
    assert_eq!(printed["estimates"][0]["target"], "workflow_runtime");
    let capacity = &printed["estimates"][0]["capacity"];
    // Two levels far below the limit: what is known is what was carried, and not where it ends.
    assert_eq!(capacity["at_least"], 2.0, "{capacity:#}");
    assert_eq!((&capacity["high"], &printed["gpus"]["recommended"]), (&Value::Null, &Value::Null));
    assert_eq!(printed["gpus"]["grade"], "unsettled");
    project.run(&["run", "spec.yml", "--strict"]).code(1).stdout("unsettled, at most");
    let silent = project.run(&["run", "spec.yml", "--quiet"]).success();
    assert_eq!(silent.stderr, "");
}

#[test]
fn gathering_alone_shows_levels_and_says_what_is_missing() {
    let project =
        Sizer::new().workflow(SIMULATOR, "concurrency: {mode: burst, levels: [1, 2], passes: 2}");
    let ended = project.run(&["run", "spec.yml"]).success();
    ended.stdout("p95 WF Runtime").stdout("note: No target is set");
    let ended = project.run(&["run", "spec.yml", "--set", "targets.workflow_runtime=5s"]).success();
    ended.stdout("targets.users and test.gpu_count are not set");
    assert_eq!(project.result()["gpus"]["recommended"], Value::Null);
}

#[test]
fn a_target_out_of_reach_exits_with_3_and_writes_the_rest() {
    let project = Sizer::new().workflow(SIMULATOR, REST);
    let ended = project.run(&["run", "spec.yml", "--set", "targets.workflow_runtime=1ms"]).code(3);
    ended.stdout("no number of GPUs meets this target, since at concurrency 1 the p95 is already");
    assert!(project.read("out/summary.md").contains("No number of GPUs"));
    assert_eq!(project.result()["estimates"][0]["unreachable"], true);
}

#[test]
fn one_level_gives_a_reason_and_exits_with_1() {
    let project = Sizer::new().workflow(SIMULATOR, REST);
    let ended = project.run(&["run", "spec.yml", "--set", "concurrency.levels=[2]"]).code(1);
    ended.stdout("only 1 usable level");
}

#[test]
fn plan_and_graph_change_nothing() {
    let project = Sizer::new().workflow(SIMULATOR, REST);
    insta::assert_snapshot!(project.run(&["plan", "spec.yml"]).success().stdout);
    insta::assert_snapshot!("mermaid", project.run(&["graph", "spec.yml"]).success().stdout);
    insta::assert_snapshot!(
        "dot",
        project.run(&["graph", "spec.yml", "--format", "dot"]).success().stdout
    );
    assert_eq!(project.files().len(), 2, "{:?}", project.files());
}

#[test]
fn help_texts() {
    let project = Sizer::new();
    insta::assert_snapshot!("help", project.run(&["--help"]).success().stdout);
    insta::assert_snapshot!("help_run", project.run(&["run", "--help"]).success().stdout);
    project.run(&["rnu"]).code(2).stderr("unrecognized subcommand");
}

#[test]
fn the_schemas_know_every_key() {
    let project = Sizer::new();
    let schema: Value = serde_json::from_str(&project.run(&["schema"]).success().stdout).unwrap();
    let keys: Vec<&str> =
        schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    for key in [
        "version",
        "name",
        "dataset",
        "workflow",
        "test",
        "concurrency",
        "targets",
        "estimate",
        "outputs",
    ] {
        assert!(keys.contains(&key), "{key} is not in {keys:?}");
    }
    assert!(!keys.contains(&"origin"));
    let text = schema.to_string();
    for kind in ["openai", "nat", "http", "simulator"] {
        assert!(text.contains(&format!("\"const\":\"{kind}\"")), "{kind}");
    }
    let published =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/result.schema.json"));
    let schema = project.run(&["schema", "result"]).success().stdout;
    assert_eq!(
        published.unwrap(),
        schema,
        "write it anew: cargo run -- schema result > docs/result.schema.json"
    );
}

#[test]
fn datasets_are_read_as_people_write_them() {
    let spec = "version: 1\nname: test\ndataset: {path: data.json, id_key: nr, question_key: ask}\n\
                workflow: {type: simulator}\nconcurrency: {mode: burst, levels: [1]}\n";
    let project = Sizer::new().spec(spec).file(
        "data.json",
        "[ // trailing commas and comments\n {\"nr\": 1, \"ask\": \"a\",},\n {\"nr\": 1, \"ask\": \"b\"},\n {\"ask\": \" \"},\n {\"ask\": 7},\n]",
    );
    project.run(&["validate", "spec.yml"]).success().stdout("3 items (1 row without a question)");
    let args =
        ["run", "spec.yml", "--set", "concurrency.passes=1", "--set", "workflow.output_tokens=1"];
    project.run(&args).success().stdout("1 row of the dataset had an empty question");
    let items = project.files().into_iter().find(|path| crate::support::holds(path, "\"dropped\""));
    let items = std::fs::read_to_string(items.unwrap()).unwrap();
    insta::assert_snapshot!(items);
}

#[test]
fn levels_are_a_table_for_spreadsheets() {
    let project = Sizer::new().workflow(SIMULATOR, REST);
    project.run(&["run", "spec.yml"]).success();
    let text = project.read("out/levels.csv");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    let result = project.result();
    for (row, level) in rows.iter().zip(result["levels"].as_array().unwrap()) {
        let cell = |name: &str| {
            let column = header.iter().position(|title| title == name).unwrap();
            row[column].parse::<f64>().unwrap()
        };
        let same = |name: &str, value: &Value| {
            assert!((cell(name) - value.as_f64().unwrap()).abs() < 1e-12);
        };
        same("concurrency", &level["concurrency"]);
        same("workflow_runtime_p95_s", &level["workflow_runtime"]["p95"]);
        same("throughput_per_s", &level["throughput"]);
        same("rough_gpus_workflow_runtime", &level["rough_gpus"]["workflow_runtime"]);
    }
}

#[test]
fn exactly_the_concurrency_is_in_flight() {
    let simulator =
        SimulatorProcess::start(&["engine.base=3ms", "output_tokens=5", "engine.max_batch=64"]);
    let workflow =
        format!("{{type: openai, base_url: \"http://{}/v1\", model: m}}", simulator.address);
    for (level, passes) in [(1, 6), (7, 3), (64, 3)] {
        let rest = format!("concurrency: {{mode: burst, levels: [{level}], passes: {passes}}}");
        let project = Sizer::new().workflow(&workflow, &rest);
        let before = simulator.metric("requests_total");
        project.run(&["run", "spec.yml"]).success();
        assert_eq!(simulator.metric("requests_total") - before, level * passes);
        // Levels ascend, so the highest so far is this one.
        assert_eq!(simulator.metric("requests_in_flight_max"), level);
    }
}

#[test]
fn the_simulators_agent_is_seen_call_by_call() {
    let workflow = "{type: simulator, protocol: nat, engine: {base: 5ms, per_sequence: 0, per_prefill_token: 0}, \
                     output_tokens: 10, agent: {calls: 3, tool_time: 20ms}}";
    let project =
        Sizer::new().workflow(workflow, "concurrency: {mode: burst, levels: [1], passes: 4}");
    project.run(&["run", "spec.yml"]).success();
    let level = project.result()["levels"][0].clone();
    let at = |metric: &str, quantile: &str| level[metric][quantile].as_f64().unwrap();
    // Ten steps of 5 ms a call, by the engine's own clock; two tools of 20 ms between three calls.
    assert!((at("llm_latency", "p50") - 0.050).abs() < 0.002, "{level:#}");
    assert!(at("server_runtime", "p50") >= 0.189, "{level:#}");
    assert!(at("workflow_runtime", "p50") >= at("server_runtime", "p50"), "{level:#}");
    assert!((at("ttft", "p50") - 0.005).abs() < 0.002, "{level:#}");
}

#[test]
fn a_built_in_report_is_printed_by_its_name() {
    let simulator = SimulatorProcess::fast();
    let workflow =
        format!("{{type: openai, base_url: \"http://{}/v1\", model: m}}", simulator.address);
    let rest = "concurrency: {mode: burst, levels: [1, 2], passes: 2}\ntest: {gpu_count: 1}\n\
                targets: {users: 1, workflow_runtime: 5s}";
    let project = Sizer::new().workflow(&workflow, rest);
    project.run(&["run", "spec.yml"]).success().stdout("for 1 user:");
    let never =
        project.run(&["show", "spec.yml", "fit", "--set", "estimate.method=linear"]).code(1);
    never.stderr("is not in the store (").stderr("): run the spec to make it");
    for name in ["summary.md", "levels.csv"] {
        let shown = project.run(&["render", "spec.yml", "--template", name]).success();
        assert_eq!(shown.stdout.trim(), project.read(&format!("out/{name}")).trim(), "{name}");
    }
    let project = project.file("summary.md", "mine\n");
    project.run(&["render", "spec.yml", "--template", "summary.md"]).success().stdout("mine");
    project.run(&["render", "spec.yml", "--template", "other.md"]).code(2).stderr("cannot be read");
}

#[test]
fn a_level_without_a_run_to_time_shows_no_time() {
    let server = crate::support::Scripted::start(|socket, _| {
        crate::support::respond(socket, "500 No", "{}")
    });
    let workflow =
        format!("{{type: openai, base_url: \"http://{}/v1\", model: m}}", server.address);
    let project =
        Sizer::new().workflow(&workflow, "concurrency: {mode: burst, levels: [1], passes: 2}");
    let shown = project.run(&["run", "spec.yml"]).stdout;
    let row = shown.lines().find(|line| line.starts_with("| !W")).unwrap();
    let cells: Vec<&str> = row.split('|').map(str::trim).collect();
    assert_eq!(cells[2..6], ["1", "", "", ""], "{shown}");
}

#[test]
fn migrate_brings_a_spec_up_to_date_and_leaves_the_rest() {
    let text = "# Ours.\nname: test # a name\ndataset: {path: questions.jsonl}\n\
                workflow: {type: simulator}\nconcurrency: {mode: burst, levels: [1]}\n";
    let project = Sizer::new().spec(text);
    project.run(&["validate", "spec.yml"]).code(2).stderr("`sizer migrate spec.yml`");
    let new = text.replace("name: test #", "version: 1\nname: test #");
    let shown = project.run(&["migrate", "spec.yml", "--dry-run"]).success();
    assert_eq!((shown.stdout, project.read("spec.yml")), (new.clone(), text.to_owned()));
    project.run(&["migrate", "spec.yml"]).success().stdout("spec.yml: version 0 → 1");
    assert_eq!(project.read("spec.yml"), new);
    project.run(&["validate", "spec.yml"]).success();
    project.run(&["migrate", "spec.yml"]).success().stdout("already has the current version");
    project.run(&["migrate", "nope.yml"]).code(2).stderr("cannot be read");
}
