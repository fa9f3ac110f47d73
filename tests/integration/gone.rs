//! Servers that stop answering under load: what was measured until then is kept, and is never taken for a
//! level that was carried.

use crate::support::{
    ANSWER, Mortal, Scripted, SimulatorProcess, Sizer, free_port, last_request, respond,
};
use serde_json::Value;

const REST: &str = "test: {gpu_count: 8}
targets: {users: 100, workflow_runtime: 5s}";

fn project(port: u16, concurrency: &str) -> Sizer {
    let workflow = format!(
        "{{type: openai, base_url: \"http://127.0.0.1:{port}/v1\", model: m, stream: false, timeout: 5s}}"
    );
    Sizer::new().workflow(&workflow, &format!("concurrency: {{{concurrency}}}\n{REST}"))
}

fn level(result: &Value, concurrency: u64) -> &Value {
    let mut levels = result["levels"].as_array().unwrap().iter();
    levels.find(|level| level["concurrency"] == concurrency).unwrap()
}

#[test]
fn a_level_whose_server_died_bounds_the_estimate_and_is_measured_again() {
    // 100 runs each at 1 and 2, and 50 of those at 4.
    let mortal = Mortal::start(0, 250);
    let project = project(mortal.port, "mode: burst, levels: [1, 2, 4, 8], runs: 100");
    let ended = project.run(&["run", "spec.yml"]).code(1);
    ended
        .stderr("cannot be reached any more (sweep@4 is kept as far as it was measured")
        .stderr("`sizer estimate` uses it");
    assert!(!project.read("sizer.lock").contains("sweep@4"), "it is no measurement of that level");
    project
        .run(&["plan", "spec.yml"])
        .success()
        .stdout("sweep@4             run     the server stopped answering while it was measured");
    project
        .run(&["status", "spec.yml"])
        .success()
        .stdout("sweep@4             stale: the server stopped answering");

    let estimate = project.run(&["estimate", "spec.yml"]);
    assert!(
        estimate.stdout.contains("The server stopped answering at concurrency 4"),
        "{estimate:#?}"
    );
    project.run(&["render", "spec.yml"]);
    let result = project.result();
    let gone = level(&result, 4);
    assert_eq!(gone["interrupted"], true, "{gone:#}");
    assert!(gone["server_gone"].as_str().unwrap().contains("connection failed"), "{gone:#}");
    assert!(
        gone["failed"].as_u64().unwrap() >= 1 && gone["runs"].as_u64().unwrap() > 50,
        "{gone:#}"
    );
    let estimate = &result["estimates"][0];
    assert_eq!(estimate["proven"]["below"], 4.0, "{estimate:#}");
    assert!(estimate["capacity"]["high"].as_f64().is_none_or(|high| high < 4.0), "{estimate:#}");
    assert!(!project.read("sizer.lock").contains("level@4"), "nor are its figures");

    // Its runs can be looked at.
    let runs = project.runs("sweep@4");
    assert!(runs.len() > 50 && runs.iter().any(|run| run["outcome"] != "ok"));

    // The server is there again: that level and the next are measured, and nothing else.
    let _server = Mortal::start(mortal.port, usize::MAX);
    let again = project.run(&["run", "spec.yml"]);
    assert!(!again.stdout.contains("stopped answering"), "{again:#?}");
    let result = project.result();
    assert_eq!(
        (level(&result, 4)["failed"].as_u64(), level(&result, 4)["runs"].as_u64()),
        (Some(0), Some(100))
    );
    assert!(again.stderr.contains("5 cached"), "{again:#?}");
    project.run(&["plan", "spec.yml"]).success().stdout("0 of ");
}

#[test]
fn an_adaptive_sweep_measures_again_where_the_server_died() {
    let mortal = Mortal::start(0, 150);
    let project = project(mortal.port, "levels: adaptive, max: 4, runs: 60, mode: burst");
    project.run(&["run", "spec.yml"]).code(1).stderr("(sweep@4 is kept as far as it was measured");
    let estimate = project.run(&["estimate", "spec.yml"]);
    assert!(
        estimate.stdout.contains("The server stopped answering at concurrency 4"),
        "{estimate:#?}"
    );
    let _server = Mortal::start(mortal.port, usize::MAX);
    let again = project.run(&["run", "spec.yml"]);
    assert!(!again.stdout.contains("stopped answering"), "{again:#?}");
    assert_eq!(level(&project.result(), 4)["failed"], 0);
}

/// What was measured whole stays, whatever becomes of the attempt to measure it again.
#[test]
fn a_server_that_dies_while_a_level_is_forced_takes_no_measurement_with_it() {
    let mortal = Mortal::start(0, 350);
    let project = project(mortal.port, "mode: burst, levels: [1, 2, 4], runs: 100");
    project.run(&["run", "spec.yml"]);
    let before = project.read("sizer.lock");
    let object = project.object_of("sweep@4");
    project
        .run(&["run", "spec.yml", "--force", "sweep@4"])
        .code(1)
        .stderr("sweep@4 is kept as far");
    assert_eq!(project.read("sizer.lock"), before);
    project.run(&["gc", "spec.yml"]).success();
    assert!(object.exists());
    // What was seen last counts where nothing can be measured.
    let estimate = project.run(&["estimate", "spec.yml"]);
    assert!(
        estimate.stdout.contains("The server stopped answering at concurrency 4"),
        "{estimate:#?}"
    );
    project
        .run(&["plan", "spec.yml"])
        .success()
        .stdout("sweep@4             run     forced in a run that ended before making it");
}

#[test]
fn a_server_that_was_never_there_leaves_nothing() {
    let project = project(free_port(), "mode: burst, levels: [1, 2], runs: 4");
    let ended = project.run(&["run", "spec.yml"]).code(1);
    ended.stderr("the server cannot be reached:");
    assert!(!project.read("sizer.lock").contains("sweep@"), "nothing was measured");
    project
        .run(&["estimate", "spec.yml"])
        .code(1)
        .stderr("sweep@1 is not in the store (never ran)");
}

/// One that goes away between two levels says nothing of the second.
#[test]
fn a_server_that_was_gone_before_a_level_began_leaves_nothing_of_it() {
    let simulator = SimulatorProcess::fast();
    let port = simulator.address.port();
    let project = project(port, "mode: burst, levels: [1, 2], runs: 4");
    project.run(&["run", "spec.yml", "--until", "sweep@1"]).success();
    drop(simulator);
    project.run(&["run", "spec.yml"]).code(1).stderr("the server cannot be reached:");
    let plan = project.run(&["plan", "spec.yml"]).success();
    assert!(plan.stdout.contains("sweep@2             run     never ran"), "{plan:#?}");
}

/// A wrong key says nothing of what a rig carries: it is no measurement, and hides none.
#[test]
fn runs_that_the_server_did_not_take_are_no_measurement() {
    let server = Scripted::start(|socket, _| {
        if last_request().contains("Bearer right") {
            return respond(socket, "200 OK", ANSWER);
        }
        respond(socket, "401 Unauthorized", "{\"error\": {\"message\": \"no such key\"}}")
    });
    let spec = |name: &str, concurrency: &str| {
        format!(
            "version: 1\nname: {name}\ndataset: {{path: questions.jsonl}}\nconcurrency: {{{concurrency}}}\n{REST}\n\
             outputs: {{dir: out/{name}}}\nworkflow: {{type: openai, base_url: \"http://{}/v1\", model: m, \
             stream: false, api_key: \"${{env:RIG_KEY}}\"}}\n",
            server.address
        )
    };
    let project = Sizer::new()
        .file("list.yml", &spec("list", "levels: [1, 2], runs: 40"))
        .file("adaptive.yml", &spec("adaptive", "levels: adaptive, max: 2, runs: 60"));
    let run = |spec: &str, key: &str| {
        let output = project.command(&["run", spec]).env("RIG_KEY", key).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let runs = |name: &str| -> Vec<(u64, bool)> {
        let text = project.read(&format!("out/{name}/result.json"));
        let result: Value = serde_json::from_str(&text).unwrap();
        let levels = result["levels"].as_array().unwrap().iter();
        levels.map(|it| (it["runs"].as_u64().unwrap(), it["failed"] == 0)).collect()
    };
    let refused = run("list.yml", "wrong");
    assert!(refused.contains("sweep@1: the server accepted none of the runs"), "{refused}");
    assert!(refused.contains("no such key"), "{refused}");
    assert!(!project.read("sizer.lock").contains("sweep@"));
    let plan = project.command(&["plan", "list.yml"]).env("RIG_KEY", "right").output().unwrap();
    let plan = String::from_utf8(plan.stdout).unwrap();
    assert!(plan.contains("accepted none of its runs"), "{plan}");
    // With the right key everything is measured; with a wrong one again, nothing of it is lost.
    run("list.yml", "right");
    assert!(runs("list").iter().all(|(_, sound)| *sound), "{:?}", runs("list"));
    run("adaptive.yml", "wrong");
    run("adaptive.yml", "right");
    let now = runs("adaptive");
    assert!(now.iter().all(|(runs, sound)| *runs >= 40 && *sound), "{now:?}");
    run("list.yml", "wrong");
    assert!(runs("list").iter().all(|(_, sound)| *sound), "{:?}", runs("list"));
}
