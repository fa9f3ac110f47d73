//! Programs of this machine as workflows: a process for each run, workers that stay, servers that are
//! started. Real processes, all of which have to be gone afterwards.

use crate::support::{SimulatorProcess, Sizer, free_port, holds};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

const BURST: &str = "concurrency: {mode: burst, levels: [2], runs: 4}";

fn levels(project: &Sizer) -> Vec<Value> {
    project.result()["levels"].as_array().unwrap().clone()
}

/// The processes that have noted their ids in a file.
fn noted(project: &Sizer, file: &str) -> BTreeSet<u32> {
    let text = std::fs::read_to_string(project.path(file)).unwrap_or_default();
    text.split_whitespace().map(|id| id.parse().unwrap()).collect()
}

/// Whether a process is there and no zombie.
fn lives(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .is_some_and(|rest| !rest.trim().is_empty() && !rest.trim().starts_with('Z'))
}

#[track_caller]
fn assert_gone(project: &Sizer, file: &str) {
    let ids = noted(project, file);
    assert!(!ids.is_empty(), "no process has noted its id");
    // Killed at the latest when sizer ended; the system may still be collecting them.
    let deadline = Instant::now() + Duration::from_secs(5);
    while ids.iter().any(|id| lives(*id)) {
        assert!(Instant::now() < deadline, "{ids:?} are not all gone");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_item_reaches_a_program_in_three_ways() {
    let script =
        "cat > seen.$1.json; printf '%s|%s' \"$2\" \"$TOPIC\" > seen.$1.txt; pwd > seen.pwd\n";
    let project = Sizer::new()
        .file("questions.jsonl", "{\"id\": \"a\", \"question\": \"3 \\\"x\\\" $7?\", \"topic\": \"sums\"}\n")
        .file("agent.sh", script)
        .workflow(
            "{type: command, run: [sh, agent.sh, '{{ item.id }}', '{{ item.input }}'], env: {TOPIC: 'on {{ item.topic }}'}}",
            "concurrency: {mode: burst, levels: [1], runs: 1}",
        );
    project.run(&["run", "spec.yml"]).success();
    let input: Value = serde_json::from_str(&project.read("seen.a.json")).unwrap();
    assert_eq!(input, serde_json::json!({ "id": "a", "input": "3 \"x\" $7?", "topic": "sums" }));
    assert_eq!(project.read("seen.a.txt"), "3 \"x\" $7?|on sums");
    let folder = std::fs::canonicalize(project.path("")).unwrap();
    assert_eq!(Path::new(project.read("seen.pwd").trim()), folder);
    let [level] = levels(&project).try_into().unwrap();
    assert_eq!((level["measured"].as_u64(), level["failed"].as_u64()), (Some(1), Some(0)));
    assert_eq!(level["llm_calls"], Value::Null);
}

#[test]
fn a_script_gets_the_item_as_an_argument_and_never_as_text() {
    let project = Sizer::new()
        .file("questions.jsonl", "{\"id\": 1, \"question\": \"'; touch hacked; '\"}\n")
        .workflow(
            "{type: command, shell: true, run: ['printf %s \"$1\" > asked && test -n \"$1\" | cat', '{{ item.input }}']}",
            "concurrency: {mode: burst, levels: [1], runs: 1}",
        );
    project.run(&["run", "spec.yml"]).success();
    assert_eq!(project.read("asked"), "'; touch hacked; '");
    assert!(!project.path("hacked").exists());
    let project = Sizer::new()
        .workflow("{type: command, shell: true, run: ['echo {{ item.input }}']}", BURST);
    project.run(&["run", "spec.yml"]).code(2).stderr("a script must not contain the item");
}

/// Short where the test waits for it, and otherwise long enough for the busiest machine.
fn limit(kind: &str) -> &'static str {
    if kind == "timeout" { "1500ms" } else { "30s" }
}

#[test]
fn what_goes_wrong_in_a_process_is_named() {
    for (run, kind, message) in [
        ("[sh, -c, 'echo no luck >&2; exit 3']", "exit", "exit status: 3: no luck"),
        ("[sh, -c, 'echo only this; exit 3']", "exit", "exit status: 3: only this"),
        ("[sh, -c, 'kill -9 $$']", "exit", "signal: 9"),
        ("[no-such-program]", "spawn", "`no-such-program` cannot be started"),
        (
            "[sh, -c, 'echo thinking >&2; sleep 60']",
            "timeout",
            "not finished within 1.5 s; on stderr: thinking",
        ),
        ("[cat, '{{ item.nothing }}']", "template", "workflow.run.1"),
    ] {
        let timeout = limit(kind);
        let project = Sizer::new()
            .workflow(&format!("{{type: command, run: {run}, timeout: {timeout}}}"), BURST);
        project.run(&["run", "spec.yml"]);
        let [level] = levels(&project).try_into().unwrap();
        assert_eq!(level["failures"][0]["kind"], kind, "{run}: {:#}", level["failures"]);
        let said = level["failures"][0]["first_message"].as_str().unwrap();
        assert!(said.contains(message), "{run}: {said}");
        assert_eq!(level["workflow_runtime"], Value::Null);
    }
}

#[test]
fn children_that_outlive_their_run_are_ended_with_it() {
    // One stays in the group, one goes to a session of its own, one ignores being asked.
    let script = "trap '' TERM
(echo $$ >> ids; sh -c 'echo $$ >> ids; trap \"\" TERM; sleep 60; sleep 60' &)
setsid sh -c 'echo $$ >> ids; exec sleep 60' &
echo $$ >> ids
";
    for (last, timeout, failed) in [("sleep 0.5", "30s", 0), ("sleep 60; sleep 60", "3s", 2)] {
        let project = Sizer::new().file("agent.sh", &format!("{script}{last}\n")).workflow(
            &format!("{{type: command, run: [sh, agent.sh], timeout: {timeout}}}"),
            "concurrency: {mode: burst, levels: [2], runs: 2}",
        );
        let began = Instant::now();
        project.run(&["run", "spec.yml"]);
        assert!(began.elapsed() < Duration::from_secs(40), "it waited for a child");
        assert_eq!(levels(&project)[0]["failed"], failed);
        assert!(noted(&project, "ids").len() >= 6);
        assert_gone(&project, "ids");
    }
}

/// Answers every line, and notes what it was asked.
const WORKER: &str = "echo $$ >> ids
while read -r line; do
  case $line in *'\"warmup\":true'*) echo $$ >> warmed;; *) echo $$ >> served;; esac
  echo '{}'
done
";

#[test]
fn workers_are_as_many_as_the_level_and_have_answered_before_it() {
    let project = Sizer::new().file("worker.sh", WORKER).workflow(
        "{type: command, persistent: true, run: [sh, worker.sh]}",
        "concurrency: {mode: burst, levels: [2, 5], runs: 40}",
    );
    project
        .run(&["run", "spec.yml"])
        .success()
        .stdout("Worker processes were started and had answered once before each level");
    // Those of the lower level stay for the higher one.
    assert_eq!(noted(&project, "ids").len(), 5);
    assert_eq!(project.read("warmed").lines().count(), 5);
    assert_eq!(noted(&project, "served").len(), 5);
    assert_eq!(project.read("served").lines().count(), 80);
    assert!(levels(&project).iter().all(|level| level["failed"] == 0));
    assert_gone(&project, "ids");
    let other = Sizer::new().workflow("{type: command, run: [sh, -c, 'cat > /dev/null']}", BURST);
    other.run(&["run", "spec.yml"]).stdout("Every run was a process of its own");
}

#[test]
fn workers_that_misbehave_fail_their_run_and_are_replaced() {
    // Each behaves while it is warmed up, and then at its second run in three.
    let worker = |fault: &str| {
        format!(
            "echo $$ >> ids
count=0
while read -r line; do
  count=$((count + 1))
  if [ $count = 3 ]; then {fault}; fi
  echo '{{}}'
done
"
        )
    };
    for (fault, kind, message) in [
        ("echo sorry >&2; exit 4", "exit", "exit status: 4: sorry"),
        ("kill -9 $$", "exit", "signal: 9"),
        (
            "echo loading model",
            "malformed",
            "a worker's line is not a JSON object: `loading model`",
        ),
        ("echo '[1]'; continue", "malformed", "a worker's line is not a JSON object"),
        ("echo '{\"id\": \"other\"}'; continue", "malformed", "answered for a different run"),
        (
            "printf '{}\\n{}\\n'; continue",
            "malformed",
            "a worker printed more than one line for a run: `{}`",
        ),
        ("echo '{\"error\": \"no tool\"}'; continue", "reported", "no tool"),
        (
            "trap '' TERM; echo busy >&2; sleep 60; sleep 60",
            "timeout",
            "no answer within 1.5 s; on stderr: busy",
        ),
        (
            "setsid sh -c 'echo $$ >> ids; trap \"\" TERM; sleep 60; sleep 60' & exit 5",
            "exit",
            "exit status: 5",
        ),
        ("exec >&-; sleep 60", "exit", "a worker closed its output"),
    ] {
        let project = Sizer::new().file("worker.sh", &worker(fault)).workflow(
            &format!(
                "{{type: command, persistent: true, run: [sh, worker.sh], timeout: {}}}",
                limit(kind)
            ),
            "concurrency: {mode: burst, levels: [1], runs: 5, on_failure: {tolerate: 50%}}",
        );
        project.run(&["run", "spec.yml"]);
        let [level] = levels(&project).try_into().unwrap();
        let failures = level["failures"].as_array().unwrap();
        assert!(failures.iter().all(|it| it["kind"] == kind), "{fault}: {failures:#?}");
        let said = failures[0]["first_message"].as_str().unwrap();
        assert!(said.contains(message), "{fault}: {said}");
        // Runs 2 and 4 meet a third line, unless the worker stays: then only run 2 does.
        let expected = if kind == "reported" { 1 } else { 2 };
        assert_eq!(level["failed"], expected, "{fault}");
        assert_eq!(level["measured"], 5, "{fault}");
        assert_gone(&project, "ids");
    }
}

#[test]
fn a_worker_that_cannot_begin_says_why() {
    for (run, kind, message) in [
        ("[sh, -c, 'echo no module named x >&2; exit 1']", "exit", "no module named x"),
        ("[no-such-program]", "spawn", "cannot be started"),
        (
            "[sh, -c, 'read line; sleep 60']",
            "timeout",
            "no answer within 1.5 s, and nothing on stderr",
        ),
    ] {
        let project = Sizer::new().workflow(
            &format!("{{type: command, persistent: true, run: {run}, timeout: {}}}", limit(kind)),
            "concurrency: {mode: burst, levels: [2], runs: 2}",
        );
        project.run(&["run", "spec.yml"]);
        let level = &levels(&project)[0];
        assert_eq!(level["failures"][0]["kind"], kind, "{run}: {level:#}");
        let said = level["failures"][0]["first_message"].as_str().unwrap();
        assert!(said.contains(message), "{run}: {said}");
    }
}

#[test]
fn a_runtime_that_cannot_be_true_is_none() {
    for (said, counts) in [("0.01", true), ("1e308", false), ("-5", false), ("99", false)] {
        let worker =
            format!("while read -r line; do sleep 0.02; echo '{{\"runtime\": {said}}}'; done\n");
        let project = Sizer::new().file("worker.sh", &worker).workflow(
            "{type: command, persistent: true, run: [sh, worker.sh]}",
            "concurrency: {mode: burst, levels: [1], runs: 5}",
        );
        project.run(&["run", "spec.yml"]).success();
        let level = &levels(&project)[0];
        assert_eq!(level["failed"], 0, "{said}: {level:#}");
        assert_eq!(!level["server_runtime"].is_null(), counts, "{said}: {level:#}");
    }
}

#[test]
fn ctrl_c_ends_all_workers() {
    let project = Sizer::new()
        .file("worker.sh", "echo $$ >> ids; trap '' TERM INT\nwhile read -r line; do case $line in *warmup*) echo '{}';; *) sleep 60;; esac; done\n")
        .workflow("{type: command, persistent: true, run: [sh, worker.sh]}", BURST);
    let mut child = project.command(&["run", "spec.yml"]).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while noted(&project, "ids").len() < 2 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    let id = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_gone(&project, "ids");
}

#[test]
fn secrets_of_a_program_stay_out_of_everything() {
    const CANARY: &str = "canary-4711-command";
    for persistent in [false, true] {
        let script = "echo \"key $KEY, token $INHERITED_TOKEN\" >&2; exit 1\n";
        let project = Sizer::new()
            .file("agent.sh", script)
            .env("THE_KEY", CANARY)
            .env("INHERITED_TOKEN", CANARY)
            .workflow(
                &format!("{{type: command, persistent: {persistent}, run: [sh, agent.sh], env: {{KEY: '${{env:THE_KEY}}'}}}}"),
                BURST,
            );
        let ended = project.run(&["run", "spec.yml"]);
        assert!(!format!("{ended:?}").contains(CANARY));
        let said = levels(&project)[0]["failures"][0]["first_message"].as_str().unwrap().to_owned();
        assert!(said.contains("key ***, token ***"), "{said}");
        for file in project.files() {
            assert!(!holds(&file, CANARY), "{}", file.display());
        }
    }
    let serve = "{run: [sh, -c, 'printf \"my key is %s\" $KEY; echo; printf %s $KEY; exit 1'], env: {KEY: '${env:THE_KEY}'}, log: l.log}";
    let project = served(serve, free_port()).env("THE_KEY", CANARY);
    let ended = project.run(&["run", "spec.yml"]).code(1).stderr("my key is *** | ***");
    assert!(!format!("{ended:?}").contains(CANARY));
    assert_eq!(project.read("l.log"), "my key is ***\n***");
    let project = Sizer::new().workflow("{type: command, run: [x], env: {API_KEY: abc}}", BURST);
    project.run(&["validate", "spec.yml"]).code(2).stderr("this is a secret in plain text");
}

#[test]
fn clients_find_the_proxy_and_a_key_in_their_environment() {
    for (persistent, upstreams, expected) in [
        (false, "upstream: 'http://127.0.0.1:9/v1'", "/llm/v1|sizer|"),
        (
            true,
            "upstream: 'http://127.0.0.1:9/v1', env: [ASK_AT, OPENAI_BASE_URL]",
            "/llm/v1|sizer|",
        ),
        (
            false,
            "upstreams: {planner: {url: 'http://127.0.0.1:9/p/v1'}, b: {url: 'http://127.0.0.1:9', env: [OPENAI_BASE_URL]}}",
            "/b|sizer|http",
        ),
    ] {
        let script = "printf '%s|%s|%s' \"$OPENAI_BASE_URL\" \"$OPENAI_API_KEY\" \"$PLANNER_BASE_URL\" > seen\nread -r line; echo '{}'\n";
        let project = Sizer::new().file("agent.sh", script).workflow(
            &format!("{{type: command, persistent: {persistent}, run: [sh, agent.sh], llm: {{{upstreams}}}}}"),
            "concurrency: {mode: burst, levels: [1], runs: 1}",
        );
        project.command(&["run", "spec.yml"]).env_remove("OPENAI_API_KEY").output().unwrap();
        let seen = project.read("seen");
        assert!(seen.starts_with("http://127.0.0.1:") && seen.contains(expected), "{seen}");
    }
}

#[test]
fn another_program_is_another_measurement() {
    let project = Sizer::new()
        .file("agent.sh", "cat > /dev/null\n")
        .file("part.txt", "one\n")
        .file("other.txt", "one\n")
        .workflow("{type: command, run: [sh, agent.sh], files: ['part.*']}", BURST);
    project.run(&["run", "spec.yml"]).success();
    project.run(&["plan", "spec.yml"]).success().stdout("0 of 9 stages would run");
    let project = project.file("other.txt", "two\n");
    project.run(&["plan", "spec.yml"]).success().stdout("0 of 9 stages would run");
    let project = project.file("part.txt", "two\n");
    project.run(&["plan", "spec.yml"]).success().stdout("8 of 9 stages would run");
    project.run(&["run", "spec.yml"]).success();
    let project = project.file("agent.sh", "cat > /dev/null; true\n");
    project.run(&["plan", "spec.yml"]).success().stdout("8 of 9 stages would run");
    std::fs::remove_file(project.path("part.txt")).unwrap();
    project.run(&["plan", "spec.yml"]).code(2).stderr("no file matches `part.*`");
}

fn served(serve: &str, port: u16) -> Sizer {
    Sizer::new().workflow(
        &format!(
            "{{type: openai, base_url: 'http://127.0.0.1:{port}/v1', model: m, serve: {serve}}}"
        ),
        "concurrency: {levels: [2], passes: 2}",
    )
}

#[test]
fn a_server_is_started_before_the_sweep_and_stopped_after_it() {
    let port = free_port();
    let binary = crate::support::BINARY;
    let script =
        format!("echo $$ > ids; echo \"team $TEAM\" >&2; exec {binary} simulate --port {port}");
    let project = served(
        &format!(
            "{{shell: true, run: ['{script}'], env: {{TEAM: blue}}, ready: 'http://127.0.0.1:{port}/health', log: serve.log}}"
        ),
        port,
    );
    project.run(&["run", "spec.yml"]).success();
    assert_eq!(levels(&project)[0]["failed"], 0);
    let log = project.read("serve.log");
    assert!(log.contains("team blue") && log.contains("listening on"), "{log}");
    assert_gone(&project, "ids");
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    // All is cached: nothing is started.
    std::fs::remove_file(project.path("ids")).unwrap();
    project.run(&["run", "spec.yml"]).success();
    assert!(!project.path("ids").exists());
}

#[test]
fn a_server_that_does_not_come_up_says_why() {
    let port = free_port();
    served("{run: [sh, -c, 'echo out of memory >&2; exit 7']}", port)
        .run(&["run", "spec.yml"])
        .code(1)
        .stderr("the server of `workflow.serve` has ended, exit status: 7: out of memory");
    served("{run: [no-such-server]}", port)
        .run(&["run", "spec.yml"])
        .code(1)
        .stderr("cannot be started");
    let late =
        served("{run: [sh, -c, 'echo $$ > ids; echo loading; sleep 60'], ready_timeout: 2s}", port);
    late.run(&["run", "spec.yml"])
        .code(1)
        .stderr("was not ready within 2 s")
        .stderr("it said: loading");
    assert_gone(&late, "ids");
    let simulator = SimulatorProcess::fast();
    served("{run: [sleep, '60']}", simulator.address.port())
        .run(&["run", "spec.yml"])
        .code(1)
        .stderr("something already answers");
}

#[test]
fn a_server_that_dies_under_load_ends_the_sweep_with_its_last_words() {
    let port = free_port();
    let binary = crate::support::BINARY;
    let script = format!(
        "{binary} simulate --port {port} --set engine.base=20ms & child=$!; sleep 3; kill -9 $child; sleep 1; echo device lost >&2; exit 9"
    );
    let project = Sizer::new().workflow(
        &format!("{{type: openai, base_url: 'http://127.0.0.1:{port}/v1', model: m, serve: {{shell: true, run: ['{script}']}}}}"),
        "concurrency: {levels: [2], runs: 500}",
    );
    project
        .run(&["run", "spec.yml"])
        .code(1)
        .stderr("device lost")
        .stderr("sweep@2 is kept as far as it was measured");
}

#[test]
fn mistakes_in_local_workflows() {
    let of = |workflow: &str| {
        Sizer::new()
            .workflow(&format!("{{{workflow}}}"), BURST)
            .run(&["validate", "spec.yml"])
            .code(2)
            .stderr
    };
    insta::assert_snapshot!(
        [
            "type: command, run: []",
            "type: command, run: [x], persistant: true",
            "type: command, persistent: true, run: [x, '{{ item.id }}']",
            "type: command, run: [x, '{{ item.']",
            "type: command, run: [x], llm: {}",
            "type: command, run: [x], llm: {upstream: 'localhost:8000'}",
            "type: command, run: [x], llm: {api_key: '${env:K}', upstreams: {a: {url: 'http://h'}}}",
            "type: command, run: [x], llm: {upstreams: {a/b: {url: 'http://h'}}}",
            "type: http, url: 'http://h', serve: {run: [x], ready_timeout: 0s}",
            "type: http, url: 'http://h', serve: {run: [x, '{{ item.id }}']}",
            "type: command, run: [x], files: ['*.none']",
        ]
        .map(of)
        .join("\n")
    );
}
