//! Specs made of parts: project defaults, includes, variables, profiles.

use crate::support::Sizer;
use serde_json::Value;

const SIMULATOR: &str = "{type: simulator, engine: {base: 1ms}, output_tokens: 2}";

/// The spec as the run saw it: through a template, which sees what the result holds.
fn estimates(project: &Sizer, args: &[&str]) -> Value {
    let ended = project.run(&[&["run", "spec.yml", "--format", "json"], args].concat());
    let result: Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:#?}"));
    serde_json::json!([
        result["estimates"][0]["limit"],
        result["estimates"][0]["users"],
        result["levels"]
            .as_array()
            .unwrap()
            .iter()
            .map(|l| l["concurrency"].clone())
            .collect::<Vec<_>>(),
    ])
}

#[test]
fn later_parts_win() {
    let project = Sizer::new()
        .file("sizer.toml", "[defaults.targets]\nusers = 1\nworkflow_runtime = \"1s\"\n\n[defaults.concurrency]\npasses = 1\n")
        .file("shared.yml", &format!("dataset: {{path: questions.jsonl}}\nworkflow: {SIMULATOR}\ntargets: {{workflow_runtime: 2s}}\n"))
        .file("more.yml", "targets: {users: 2}\n")
        .spec(
            "version: 1
name: ${vars.what} sizing
include: [shared.yml, more.yml]
vars: {what: small, levels: [1, 2], limit: 3}
concurrency: {mode: burst, levels: \"${vars.levels}\"}
profiles:
  full:
    targets: {workflow_runtime: \"${vars.limit}s\"}
    vars: {levels: [1, 2, 3]}
  other: {workflow: {type: nat, base_url: \"http://127.0.0.1:1\"}}
",
        );
    assert_eq!(estimates(&project, &[]), serde_json::json!([2.0, 2, [1, 2]]));
    assert_eq!(estimates(&project, &["--profile", "full"]), serde_json::json!([3.0, 2, [1, 2, 3]]));
    let set = ["--profile", "full", "--set", "targets.users=9", "--set", "vars.limit=4"];
    assert_eq!(estimates(&project, &set), serde_json::json!([4.0, 9, [1, 2, 3]]));
    assert_eq!(project.result()["spec"]["name"], "small sizing");
    // A workflow of another type has other keys: it replaces the first.
    project.run(&["validate", "spec.yml", "--profile", "other"]).success();
}

#[test]
fn variables_are_made_of_variables() {
    let spec = |vars: &str| {
        format!(
            "version: 1\nname: \"${{vars.name}}\"\ndataset: {{path: questions.jsonl}}\nworkflow: {SIMULATOR}\n\
             concurrency: {{levels: [1]}}\nvars:\n{vars}"
        )
    };
    let project = Sizer::new()
        .spec(&spec("  name: ${vars.size} of ${vars.size}\n  size: ${vars.word}\n  word: many\n"));
    project.run(&["validate", "spec.yml"]).success().stdout("many of many is valid");
    let project = project
        .spec(&spec("  name: a ${vars.size}\n  size: ${vars.word}\n  word: b ${vars.size}\n"));
    let refused = project.run(&["validate", "spec.yml"]).code(2);
    refused.stderr("the variable refers to itself: size → word → size").stderr("spec.yml:9:");
    // Neither depth nor breadth is without end.
    let way = |breadth: usize| -> String {
        let of = |at: usize| {
            format!("  v{at}: \"{}\"\n", format!("${{vars.v{}}}", at + 1).repeat(breadth))
        };
        let links: Vec<String> = (0..30).map(of).collect();
        format!("  name: ${{vars.v0}}\n{}  v30: x\n", links.concat())
    };
    project.spec(&spec(&way(2))).run(&["validate", "spec.yml"]).code(2).stderr("64 MiB");
    let deep = way(1).replace("v30: x", "v30: ${vars.v31}\n  v31: ${vars.v32}\n  v32: x");
    Sizer::new().spec(&spec(&deep)).run(&["validate", "spec.yml"]).code(2).stderr("32 deep");
}

#[test]
fn a_project_file_counts_for_the_folders_below_it() {
    let project = Sizer::new().file("sizer.toml", "[defaults.outputs]\ndir = \"reports\"\n");
    std::fs::create_dir(project.path("deep")).unwrap();
    let spec = format!(
        "version: 1\nname: test\ndataset: {{path: ../questions.jsonl}}\nworkflow: {SIMULATOR}\nconcurrency: {{mode: burst, levels: [1], passes: 1}}\n"
    );
    let project = project.file("deep/spec.yml", &spec);
    project.run(&["run", "deep/spec.yml"]).success();
    assert!(project.path("deep/reports/result.json").is_file());
}

#[test]
fn mistakes_in_parts_are_shown_where_they_are() {
    let spec = |rest: &str| {
        format!(
            "version: 1\nname: test\ndataset: {{path: questions.jsonl}}\nworkflow: {SIMULATOR}\n{rest}\n"
        )
    };
    let levels = "concurrency: {mode: burst, levels: [1]}";
    let of = |project: &Sizer, args: &[&str]| {
        project.run(&[&["validate", "spec.yml"], args].concat()).code(2).stderr
    };
    let mut shown = Vec::new();
    let project = Sizer::new().spec(&spec(&format!("include: shared.yml\n{levels}")));
    shown.push(of(&project, &[]));
    let project = project.file("shared.yml", "targets:\n  user: 5\n");
    shown.push(of(&project, &[]));
    let project = project.file("shared.yml", "include: spec.yml\n");
    shown.push(of(&project, &[]));
    let project =
        project.file("sizer.toml", "[defaults.targets]\nusers = \"many\"\n").file("shared.yml", "");
    shown.push(of(&project, &[]));
    let project = project.file("sizer.toml", "[default]\n");
    shown.push(of(&project, &[]));
    let project = project.file("sizer.toml", "[defaults\n");
    shown.push(of(&project, &[]));
    let project = Sizer::new()
        .spec(&spec(&format!("vars: {{one: 1}}\ntargets: {{users: \"${{vars.on}}\"}}\n{levels}")));
    shown.push(of(&project, &[]));
    shown.push(of(&project, &["--profile", "ci"]));
    let project =
        Sizer::new().spec(&spec(&format!("profiles: {{ci: {{targets: {{user: 5}}}}}}\n{levels}")));
    shown.push(of(&project, &["--profile", "c"]));
    shown.push(of(&project, &["--profile", "ci"]));
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_variable_can_have_a_default() {
    let spec = |name: &str| {
        let text = "version: 1\nname: \"NAME\"\ndataset: {path: questions.jsonl}\nworkflow: {type: simulator}\ntest: {gpu_count: \"${env:SIZER_TEST_GPUS:-3}\"}\nconcurrency: {levels: [1]}\n";
        Sizer::new()
            .spec(&text.replace("NAME", name))
            .env("SIZER_TEST_RIG", "attic")
            .env("SIZER_TEST_EMPTY", "")
    };
    for (name, expected) in [
        ("${env:SIZER_TEST_NONE:-lab}", "lab"),
        ("${env:SIZER_TEST_NONE-lab}", "lab"),
        ("${env:SIZER_TEST_EMPTY:-lab}", "lab"),
        ("${env:SIZER_TEST_RIG:-lab}", "attic"),
        ("rig ${env:SIZER_TEST_NONE:-${env:SIZER_TEST_RIG}}", "rig attic"),
    ] {
        spec(name).run(&["validate", "spec.yml"]).success().stdout(&format!("{expected} is valid"));
    }
    let wrong = spec("${env:SIZER_TEST_RIG:?none}").run(&["validate", "spec.yml"]).code(2);
    wrong.stderr("names no environment variable").stderr("${env:NAME:-default}");
    let unset = spec("${env:SIZER_TEST_NONE}").run(&["validate", "spec.yml"]).code(2);
    unset.stderr("export SIZER_TEST_NONE=…").stderr("or give a default: ${env:SIZER_TEST_NONE:-…}");
}

#[test]
fn a_secret_has_no_default_in_plain_text() {
    let workflow = "{type: openai, base_url: \"http://127.0.0.1:1/v1\", model: m, api_key: \"${env:SIZER_TEST_X:-canary-9d}\"}";
    let literal = Sizer::new().workflow(workflow, "concurrency: {levels: [1]}");
    let refused = literal.run(&["validate", "spec.yml"]).code(2);
    let refused = refused.stderr("workflow.api_key: this is a secret in plain text");
    assert!(!refused.stderr.contains("canary"), "{refused:?}");
    let empty = workflow.replace("canary-9d", "");
    let empty = Sizer::new().workflow(&empty, "concurrency: {levels: [1]}");
    empty.run(&["validate", "spec.yml"]).success();
}

#[test]
fn includes_may_meet_again_but_not_without_an_end() {
    let base =
        "version: 1\nname: test\ndataset: {path: questions.jsonl}\nconcurrency: {levels: [1]}\n";
    let project = Sizer::new()
        .spec(&format!("include: [left.yml, right.yml]\n{base}"))
        .file("left.yml", "include: [shared.yml]\n")
        .file("right.yml", "include: ./shared.yml\n")
        .file("shared.yml", "workflow: {type: simulator}\n");
    project.run(&["validate", "spec.yml"]).success();
    // Each file is short, and together they are read two thousand times.
    let mut wide = Sizer::new().spec(&format!("include: [i0.yml, i0.yml]\n{base}"));
    for depth in 0..9 {
        wide = wide
            .file(&format!("i{depth}.yml"), &format!("include: [i{0}.yml, i{0}.yml]\n", depth + 1));
    }
    let wide = wide.file("i9.yml", "workflow: {type: simulator}\n");
    wide.run(&["validate", "spec.yml"])
        .code(2)
        .stderr("this is include number 201, and at most 200 are allowed");
}

#[test]
fn a_spec_can_be_a_link_and_says_which_folder_counts() {
    let project = Sizer::new().workflow("{type: simulator}", "concurrency: {levels: [1]}");
    std::fs::create_dir(project.path("links")).unwrap();
    std::os::unix::fs::symlink("../spec.yml", project.path("links/linked.yml")).unwrap();
    let linked = project.run(&["validate", "links/linked.yml"]).code(2);
    linked.stderr("links/linked.yml is a link to ../spec.yml, and the link's folder counts");
    std::fs::copy(project.path("questions.jsonl"), project.path("links/questions.jsonl")).unwrap();
    project.run(&["validate", "links/linked.yml"]).success();
}

#[test]
fn numbers_that_are_too_large_are_named() {
    let project = Sizer::new().workflow("{type: simulator}", "concurrency: {levels: [1]}");
    for (set, most) in [
        ("concurrency.levels=[1000000000000]", "4294967295"),
        ("concurrency.levels=[99999999999999999999999]", "4294967295"),
        ("test.gpu_count=99999999999999999999999", ""),
    ] {
        let run = project.run(&["validate", "spec.yml", "--set", set]).code(2);
        run.stderr(&format!("this number is too large: at most {most}"));
    }
    let negative =
        project.run(&["validate", "spec.yml", "--set", "concurrency.levels=[-1]"]).code(2);
    negative.stderr("expected a whole number that is not negative");
}

/// The signal that the system sends then ended sizer without a word.
#[test]
fn a_limit_on_the_size_of_files_is_an_error() {
    let project = Sizer::new()
        .workflow("{type: simulator, output_tokens: 2}", "concurrency: {levels: [1], runs: 500}");
    let command = format!("ulimit -f 4; exec {} run spec.yml", env!("CARGO_BIN_EXE_sizer"));
    let mut shell = std::process::Command::new("sh");
    let output = shell.current_dir(project.path("")).args(["-c", &command]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("File too large"), "{said}");
    // What was left out is made up for once there is room.
    project.run(&["run", "spec.yml"]).success();
}

#[test]
fn too_few_open_files_are_no_server_that_is_down() {
    let project = Sizer::new()
        .workflow("{type: simulator, output_tokens: 2}", "concurrency: {levels: [1, 200]}");
    for (limit, other) in [(40, false), (64, false), (100, true)] {
        let command =
            format!("ulimit -n {limit}; exec {} run spec.yml", env!("CARGO_BIN_EXE_sizer"));
        let mut shell = std::process::Command::new("sh");
        let output = shell.current_dir(project.path("")).args(["-c", &command]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains("raise the limit (`ulimit -n 464`") && !said.contains("Is it running"),
            "{limit}: {said}"
        );
        assert_eq!(said.contains("leave out the levels above 18"), other, "{limit}: {said}");
        assert!(!said.contains("above 0"), "{limit}: {said}");
    }
}
