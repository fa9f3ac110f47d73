//! Every key of the spec, and what a change to it runs again.

use crate::support::{SimulatorProcess, Sizer};
use serde_json::Value;
use std::collections::BTreeSet;

const REST: &str = "test: {gpu_count: 8}
concurrency: {levels: [1, 2], passes: 1}
targets: {users: 100, workflow_runtime: 5s}
outputs: {reports: [summary.md]}";

/// What follows from a stage.
const FROM_EXPAND: &str = "expand sweep level fit estimate result render";
const FROM_SWEEP: &str = "sweep level fit estimate result render";
const FROM_FIT: &str = "fit estimate result render";
const FROM_ESTIMATE: &str = "estimate result render";
/// The digest of the spec is in the result, so every change is written into it and its reports.
const REPORTS: &str = "result render";

/// Key, another value, the kinds of stages that run again.
const COMMON: &[(&str, &str, &str)] = &[
    ("name", "other", REPORTS),
    // The same content under another name is the same dataset.
    ("dataset.path", "copy.jsonl", REPORTS),
    ("dataset.format", "json", FROM_EXPAND),
    ("dataset.encoding", "windows-1252", FROM_EXPAND),
    ("dataset.separator", ";", FROM_EXPAND),
    ("dataset.sheet", "other", FROM_EXPAND),
    ("dataset.id_key", "nr", FROM_EXPAND),
    ("dataset.question_key", "id", FROM_EXPAND),
    ("dataset.whole_row", "true", FROM_EXPAND),
    ("dataset.filter", "{deny: {id: [1]}}", FROM_EXPAND),
    ("test.rig", "basement", FROM_SWEEP),
    ("test.gpu_count", "16", FROM_ESTIMATE),
    ("test.gpus_per_replica", "2", FROM_ESTIMATE),
    ("test.scrape", "{url: http://127.0.0.1:1/metrics}", FROM_SWEEP),
    ("test.cost_per_gpu_hour", "2.5", FROM_ESTIMATE),
    ("concurrency.levels", "[1, 3]", FROM_SWEEP),
    ("concurrency.passes", "2", FROM_SWEEP),
    ("concurrency.runs", "3", FROM_SWEEP),
    ("concurrency.duration", "1s", FROM_SWEEP),
    ("concurrency.mode", "burst", FROM_SWEEP),
    // What is the default in words.
    ("concurrency.warmup", "1", REPORTS),
    ("concurrency.ramp", "10ms", FROM_SWEEP),
    ("concurrency.think_time", "5ms", FROM_SWEEP),
    ("concurrency.rate", "9", FROM_SWEEP),
    ("concurrency.until", "{p95_within: 10%}", FROM_SWEEP),
    ("concurrency.cooldown", "10ms", FROM_SWEEP),
    ("concurrency.order", "shuffled", REPORTS),
    ("concurrency.on_failure", "{tolerate: 1%}", FROM_SWEEP),
    ("concurrency.seed", "7", FROM_SWEEP),
    ("targets.name", "today", FROM_ESTIMATE),
    ("targets.users", "200", FROM_ESTIMATE),
    ("targets.workflow_runtime", "6s", FROM_ESTIMATE),
    ("targets.think_time", "6s", FROM_ESTIMATE),
    ("targets.request_rate", "6", FROM_ESTIMATE),
    ("targets.llm_latency", "6s", FROM_ESTIMATE),
    ("targets.ttft", "6s", FROM_ESTIMATE),
    ("targets.itl", "6s", FROM_ESTIMATE),
    ("targets.tokens_per_second", "20", FROM_ESTIMATE),
    ("estimate.method", "robust", FROM_FIT),
    ("estimate.confidence", "0.8", FROM_ESTIMATE),
    ("estimate.headroom", "10%", FROM_ESTIMATE),
    ("estimate.spares", "1", FROM_ESTIMATE),
    ("estimate.count_failures", "as_over_limit", FROM_ESTIMATE),
    ("estimate.seed", "1", FROM_ESTIMATE),
    ("estimate.min_r_squared", "0.5", FROM_FIT),
    ("estimate.remove_outliers", "false", FROM_FIT),
    ("outputs.dir", "elsewhere", REPORTS),
    ("outputs.reports", "[summary.md, levels.csv]", REPORTS),
];

const OPENAI: &[(&str, &str, &str)] = &[
    ("workflow.base_url", "http://127.0.0.1:1/v1", FROM_SWEEP),
    ("workflow.model", "other", FROM_SWEEP),
    ("workflow.api_key", "${env:TEST_KEY}", FROM_SWEEP),
    ("workflow.stream", "false", FROM_SWEEP),
    ("workflow.timeout", "10s", FROM_SWEEP),
    ("workflow.system", "Be brief.", FROM_SWEEP),
    ("workflow.max_tokens", "9", FROM_SWEEP),
    ("workflow.temperature", "0.5", FROM_SWEEP),
    ("workflow.api", "completions", FROM_SWEEP),
    // The dataset's items then hold more.
    ("workflow.messages_key", "turns", FROM_EXPAND),
    ("workflow.tools_key", "tools", FROM_EXPAND),
    ("workflow.extra_body", "{ignore_eos: true}", FROM_SWEEP),
    ("workflow.headers", "{x-team: blue}", FROM_SWEEP),
    ("workflow.connection", "{reuse: false}", FROM_SWEEP),
];

const NAT: &[(&str, &str, &str)] = &[
    ("workflow.base_url", "http://127.0.0.1:1", FROM_SWEEP),
    ("workflow.api_key", "${env:TEST_KEY}", FROM_SWEEP),
    ("workflow.timeout", "10s", FROM_SWEEP),
    ("workflow.headers", "{x-team: blue}", FROM_SWEEP),
    ("workflow.connection", "{reuse: false}", FROM_SWEEP),
];

const SIMULATOR: &[(&str, &str, &str)] = &[
    ("workflow.protocol", "nat", FROM_SWEEP),
    ("workflow.stream", "false", FROM_SWEEP),
    ("workflow.timeout", "10s", FROM_SWEEP),
    ("workflow.connection", "{reuse: false}", FROM_SWEEP),
    ("workflow.seed", "1", FROM_SWEEP),
    ("workflow.engine", "{replicas: 2}", FROM_SWEEP),
    ("workflow.prompt_tokens", "7", FROM_SWEEP),
    ("workflow.output_tokens", "7", FROM_SWEEP),
    ("workflow.agent", "{calls: 3}", FROM_SWEEP),
    ("workflow.faults", "[{kind: stall, above: 99}]", FROM_SWEEP),
];

const HTTP: &[(&str, &str, &str)] = &[
    ("workflow.url", "http://127.0.0.1:1/", FROM_SWEEP),
    ("workflow.method", "PUT", FROM_SWEEP),
    ("workflow.api_key", "${env:TEST_KEY}", FROM_SWEEP),
    ("workflow.headers", "{x-team: blue}", FROM_SWEEP),
    ("workflow.body", "'{{ item.id }}'", FROM_SWEEP),
    ("workflow.stream", "false", FROM_SWEEP),
    ("workflow.success", "{status: [200]}", FROM_SWEEP),
    ("workflow.timeout", "10s", FROM_SWEEP),
    ("workflow.connection", "{reuse: false}", FROM_SWEEP),
];

/// What HTTP workflows can have, and none of the above has.
const SERVED: &[(&str, &str, &str)] = &[
    ("workflow.serve", "{run: [other]}", FROM_SWEEP),
    ("workflow.serve", "{run: [x], log: l, ready: 'http://h', ready_timeout: 1s}", REPORTS),
];

const BEHIND: &[(&str, &str, &str)] = &[
    ("workflow.llm", "{upstream: 'http://other/v1'}", FROM_SWEEP),
    ("workflow.llm", "{upstream: 'http://h/v1', port: 7, bodies: b}", REPORTS),
];

const COMMAND: &[(&str, &str, &str)] = &[
    ("workflow.run", "[cat, '-']", FROM_SWEEP),
    ("workflow.shell", "true", FROM_SWEEP),
    ("workflow.env", "{A: b}", FROM_SWEEP),
    ("workflow.cwd", "..", FROM_SWEEP),
    ("workflow.persistent", "true", FROM_SWEEP),
    ("workflow.files", "['q*.jsonl']", FROM_SWEEP),
    ("workflow.timeout", "10s", FROM_SWEEP),
];

const CHAIN: &[(&str, &str, &str)] = &[
    ("workflow.llm", "{upstream: 'http://other/v1'}", FROM_SWEEP),
    ("workflow.model", "other", FROM_SWEEP),
    ("workflow.stream", "false", FROM_SWEEP),
    ("workflow.steps", "[llm: {max_tokens: 3}]", FROM_SWEEP),
    ("workflow.seed", "1", FROM_SWEEP),
    ("workflow.timeout", "10s", FROM_SWEEP),
];

/// Keys that fixed levels refuse.
const ADAPTIVE: [&str; 3] = ["concurrency.start", "concurrency.max", "concurrency.budget"];

fn check(project: &Sizer, own: &[(&str, &str, &str)]) {
    project.run(&["run", "spec.yml"]);
    let unchanged = project.run(&["plan", "spec.yml"]).success();
    unchanged.stdout("0 of 9 stages would run");
    let rows: Vec<_> = COMMON.iter().chain(own).collect();
    for (key, value, expected) in &rows {
        let set = format!("{key}={value}");
        let mut args = vec!["plan", "spec.yml", "--format", "json", "--set", &set];
        // Only one of the four can say how long a level is.
        if ["concurrency.runs", "concurrency.duration", "concurrency.until"].contains(key) {
            args.extend(["--set", "concurrency.passes=null"]);
        }
        let plan = project.run(&args).success();
        let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
        let again: BTreeSet<&str> = plan["stages"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|stage| stage["status"] != "cached")
            .map(|stage| stage["stage"].as_str().unwrap().split('@').next().unwrap())
            .collect();
        let expected: BTreeSet<&str> = expected.split_whitespace().collect();
        assert_eq!(again, expected, "{set}");
    }
    // A key that nobody thought of here has no row, and that is an error.
    let known: BTreeSet<String> = rows.iter().map(|(key, ..)| (*key).to_owned()).collect();
    let spec = sizer::Spec::from_path(project.path("spec.yml")).unwrap().canonical();
    for (section, keys) in spec.as_object().unwrap() {
        let Some(keys) = keys.as_object() else {
            assert!(section == "version" || known.contains(section), "{section} has no row");
            continue;
        };
        for key in keys.keys().filter(|key| *key != "type") {
            let key = format!("{section}.{key}");
            let row = known.contains(&key) || ADAPTIVE.contains(&key.as_str());
            assert!(row, "{key} has no row");
        }
    }
}

fn project(workflow: &str) -> Sizer {
    let project = Sizer::new().workflow(workflow, REST).env("TEST_KEY", "x");
    project.file("copy.jsonl", crate::support::QUESTIONS)
}

#[test]
fn openai_keys() {
    let simulator = SimulatorProcess::fast();
    let url = format!("http://{}/v1", simulator.address);
    check(&project(&format!("{{type: openai, base_url: \"{url}\", model: m}}")), OPENAI);
}

#[test]
fn nat_keys() {
    let simulator = SimulatorProcess::fast();
    check(&project(&format!("{{type: nat, base_url: \"http://{}\"}}", simulator.address)), NAT);
}

#[test]
fn http_keys() {
    let simulator = SimulatorProcess::fast();
    let url = format!("http://{}/v1/chat/completions", simulator.address);
    let body = r#"'{"messages": [{"content": {{ item.input | tojson }}}]}'"#;
    // Streamed, since one of the changes is a target on the first token.
    check(&project(&format!("{{type: http, url: \"{url}\", stream: true, body: {body}}}")), HTTP);
}

#[test]
fn command_keys() {
    let rows: Vec<_> = COMMAND.iter().chain(BEHIND).copied().collect();
    check(&project("{type: command, run: [cat], llm: {upstream: 'http://h/v1'}}"), &rows);
}

#[test]
fn chain_keys() {
    let simulator = SimulatorProcess::fast();
    let url = format!("http://{}/v1", simulator.address);
    let steps = "steps: [llm: {max_tokens: 2}]";
    check(
        &project(&format!("{{type: chain, model: m, llm: {{upstream: '{url}'}}, {steps}}}")),
        CHAIN,
    );
}

#[test]
fn keys_of_servers_that_are_started() {
    let port = crate::support::free_port();
    let binary = crate::support::BINARY;
    let run = format!("run: [{binary}, simulate, --port, '{port}']");
    let workflow = format!("{{type: nat, base_url: 'http://127.0.0.1:{port}', serve: {{{run}}}}}");
    // The second row has to be the same program.
    let same = format!("{{{run}, log: l, ready: 'http://h', ready_timeout: 1s}}");
    let rows: Vec<_> = NAT
        .iter()
        .copied()
        .chain(SERVED.iter().map(|(key, value, then)| {
            (*key, if *then == REPORTS { same.as_str() } else { *value }, *then)
        }))
        .collect();
    check(&project(&workflow), &rows);
}

#[test]
fn simulator_keys() {
    check(&project("{type: simulator, engine: {base: 1ms}, output_tokens: 2}"), SIMULATOR);
}

#[test]
fn a_moved_project_is_the_same_project() {
    let simulator = SimulatorProcess::fast();
    let url = format!("http://{}/v1", simulator.address);
    let first = project(&format!("{{type: openai, base_url: \"{url}\", model: m}}"));
    first.run(&["run", "spec.yml"]);
    let second = project(&format!("{{type: openai, base_url: \"{url}\", model: m}}"));
    std::fs::rename(first.path(".sizer"), second.path(".sizer")).unwrap();
    second.run(&["plan", "spec.yml"]).success().stdout("0 of 9 stages would run");
}
