//! Every mistake in a spec gives one error with its place and what to do.

use crate::support::Sizer;

const REST: &str = "concurrency: {levels: [1, 2]}";
const OPENAI: &str = "{type: openai, base_url: \"http://127.0.0.1:1/v1\", model: m}";

fn error_of(project: &Sizer) -> String {
    project.run(&["validate", "spec.yml"]).code(2).stderr
}

macro_rules! errors {
    ($($name:ident: $project:expr;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(error_of(&$project));
        }
    )*};
}

errors! {
    unknown_key: Sizer::new().spec(
        "version: 1\nname: test\ndataset: {path: questions.jsonl}\nworkflow:\n  type: openai\n  base_ulr: http://localhost/v1\n  model: m\nconcurrency: {levels: [1]}\n");
    unknown_key_at_the_top: Sizer::new().workflow(OPENAI, "concurrency: {levels: [1]}\ntarget: {users: 5}");
    unknown_workflow: Sizer::new().workflow("{type: opnai, base_url: x}", REST);
    workflow_without_type: Sizer::new().workflow("{base_url: x}", REST);
    missing_key: Sizer::new().workflow("{type: openai, model: m}", REST);
    wrong_type: Sizer::new().workflow(OPENAI, "concurrency: {levels: [1, two]}");
    negative_level: Sizer::new().workflow(OPENAI, "concurrency: {levels: [1, -2]}");
    zero_level: Sizer::new().workflow(OPENAI, "concurrency: {levels: [0, 2]}");
    duplicate_level: Sizer::new().workflow(OPENAI, "concurrency: {levels: [1, 2, 2]}");
    backward_range: Sizer::new().workflow(OPENAI, "concurrency: {levels: {from: 8, to: 2, steps: 3}}");
    bad_duration: Sizer::new().workflow(OPENAI, "concurrency: {levels: [1]}\ntargets: {workflow_runtime: 10x}");
    zero_target: Sizer::new().workflow(OPENAI, "concurrency: {levels: [1]}\ntargets: {llm_latency: 0}");
    limit_that_needs_a_stream: Sizer::new().workflow(
        "{type: openai, base_url: \"http://127.0.0.1:1/v1\", model: m, stream: false}",
        "concurrency: {levels: [1]}\ntargets: {users: 5, itl: 50ms}");
    unknown_quantile: Sizer::new().workflow(OPENAI, "concurrency: {levels: [1]}\ntargets: {llm_latency: {p59: 3s}}");
    unset_variable: Sizer::new().workflow("{type: nat, base_url: \"http://${env:SIZER_TEST_NO_SUCH_HOST}\"}", REST);
    unset_secret: Sizer::new().workflow(
        "{type: nat, base_url: \"http://h\", api_key: \"${env:SIZER_TEST_NO_SUCH_KEY}\"}", REST);
    other_reference: Sizer::new().workflow("{type: nat, base_url: \"http://${HOST}\"}", REST);
    secret_in_plain_field: Sizer::new().workflow(
        "{type: openai, base_url: \"http://h\", model: \"${env:API_KEY}\"}", REST);
    not_an_address: Sizer::new().workflow("{type: nat, base_url: localhost}", REST);
    partial_replica: Sizer::new().workflow(OPENAI, "test: {gpu_count: 6, gpus_per_replica: 4}\nconcurrency: {levels: [1]}");
    unknown_report: Sizer::new().workflow(OPENAI, "outputs: {reports: [sumary.md]}\nconcurrency: {levels: [1]}");
    report_outside_the_folder: Sizer::new().workflow(OPENAI, "outputs: {reports: [../summary.md]}\nconcurrency: {levels: [1]}");
    unknown_template: Sizer::new().workflow(
        OPENAI, "outputs: {reports: [{name: a.md, template: nope.j2}]}\nconcurrency: {levels: [1]}");
    duplicate_key: Sizer::new().workflow(OPENAI, "concurrency: {levels: [1]}\nconcurrency: {levels: [2]}");
    broken_yaml: Sizer::new().workflow(OPENAI, "concurrency: {levels: [1]");
    empty_spec: Sizer::new().spec("");
    newer_version: Sizer::new().spec("version: 2\nname: test\n");
    older_version: Sizer::new().spec("version: 0\nname: test\n");
    no_version: Sizer::new().spec("name: test\n");
    worded_version: Sizer::new().spec("version: one\nname: test\n");
    no_dataset: Sizer::new().spec(
        "version: 1\nname: test\ndataset: {path: nope.jsonl}\nworkflow: {type: simulator}\nconcurrency: {levels: [1]}\n");
    unknown_format: Sizer::new().spec(
        "version: 1\nname: test\ndataset: {path: data.txt}\nworkflow: {type: simulator}\nconcurrency: {levels: [1]}\n");
    broken_dataset: Sizer::new().workflow(OPENAI, REST).file("questions.jsonl", "{\"question\": \"a\"}\n{\"question\": }\n");
    dataset_without_questions: Sizer::new().workflow(OPENAI, REST).file("questions.jsonl", "{\"ask\": \"a\"}\n{\"ask\": \"b\"}\n");
}

#[test]
fn mistakes_of_form_say_what_to_write() {
    let says = |project: Sizer, part: &str| {
        project.run(&["validate", "spec.yml"]).code(2).stderr(part);
    };
    let users = |users: &str| {
        Sizer::new()
            .workflow(OPENAI, &format!("{REST}\ntargets: {{users: {users}, workflow_runtime: 2s}}"))
    };
    for written in ["1e2", "100.0"] {
        says(users(written), "write it as 100, without a point or an exponent");
    }
    let fraction = users("1.5").run(&["validate", "spec.yml"]).code(2);
    assert!(!fraction.stderr.contains("write it as"), "{fraction:#?}");
    let unquoted = OPENAI.replace("model: m", "model: ${env:MODEL}, stream: true");
    says(Sizer::new().workflow(&unquoted, REST), "in quotes: {model: \"${env:MODEL}\"}");
    let chain = |prompt: &str| {
        let workflow = "{type: chain, llm: {upstream: \"http://127.0.0.1:1/v1\"}, model: m, steps: [{llm: {prompt: \"PROMPT\"}}]}";
        let workflow = workflow.replace("PROMPT", prompt);
        Sizer::new().spec(&format!(
            "version: 1\nname: t\nworkflow: {workflow}\nconcurrency: {{levels: [1]}}\n"
        ))
    };
    for prompt in
        ["{{ item.input }}", "a {% if item['x'] %}b{% endif %}", "{{ item.topic | upper }}"]
    {
        says(chain(prompt), "a template here uses the item, but there is no dataset");
    }
    for prompt in ["the item.input", "{{ outputs.item.x }}", "{{ round }}"] {
        chain(prompt).run(&["validate", "spec.yml"]).success().stdout("1 item, 1 level");
    }
}

#[test]
fn a_line_of_a_dataset_says_what_is_wrong_with_it() {
    let said = |line: &str| {
        let project = Sizer::new().workflow(OPENAI, REST).file("questions.jsonl", line);
        project.run(&["validate", "spec.yml"]).code(2).stderr
    };
    for half in [
        r#"{"question": "a\ud83d b"}"#,
        r#"{"question": "a\ud83d"}"#,
        r#"{"question": "\ud83d\u0041"}"#,
    ] {
        let said = said(half);
        assert!(said.contains("half of a surrogate pair"), "{said}");
        assert!(!said.contains("one object per line"), "{said}");
    }
    let two = said(r#"{"question": "a"} {"question": "b"}"#);
    assert!(two.contains("(a dataset in JSON lines has one object per line)"), "{two}");
    let over = said("{\"question\":\n\"a\"}\n");
    assert!(over.contains("(a dataset in JSON lines has one object per line)"), "{over}");
}

#[test]
fn a_missing_spec_says_how_to_begin() {
    insta::assert_snapshot!(Sizer::new().run(&["run", "nope.yml"]).code(2).stderr);
}

#[test]
fn overrides_point_into_the_command_line() {
    let project = Sizer::new().workflow(OPENAI, REST);
    let of = |set: &str| project.run(&["validate", "spec.yml", "--set", set]).code(2).stderr;
    insta::assert_snapshot!(
        ["targets.users=many", "targts.users=5", "targets", "concurrency.levels.7=3", "name.x=1"]
            .map(of)
            .join("\n")
    );
}

#[test]
fn overrides_win_and_sections_may_be_empty() {
    let project =
        Sizer::new().workflow(OPENAI, "targets:\noutputs:\nconcurrency: {levels: [1, 2]}");
    project.run(&["validate", "spec.yml"]).success().stdout("4 items, 2 levels");
    let changed = [
        "validate",
        "spec.yml",
        "--set",
        "concurrency.levels=[1, 2, 4]",
        "--set",
        "concurrency.levels.0=3",
    ];
    project.run(&changed).success().stdout("3 levels");
}

#[test]
fn an_unreachable_server_is_one_error() {
    let project = Sizer::new().workflow(OPENAI, REST);
    let ended = project.run(&["run", "spec.yml"]).code(1);
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:#?}");
    ended.stderr("127.0.0.1:1: Connection refused").stderr("base_url");
}

/// A secret in any form that people write is not shown in the error that refuses it, nor is it accepted.
#[test]
fn no_excerpt_shows_a_secret() {
    const P: &str = "hunter2passw0rdXYZ";
    let forms = [
        "api_key: P",
        "api_key:\n    P",
        "api_key: >-\n    P",
        "api_key: |\n    P\n",
        "\"api_key\": P",
        "'api_key' : P",
        "? api_key\n  : P",
        "api_key: &a P",
        "headers:\n    authorization:\n      Bearer P",
        "headers: {\"x-api-key\":\"P\"}",
        "headers: {\"x-api-key\":P}",
        "headers:\n    x-api-key: >\n      P",
        "headers: {authorization: \"Basic \\\"P\"}",
        "headers:\n    x-api-key: [P]",
        "headers:\n    - x-api-key: P",
        "api_key:\n  - a\n  - P",
        "api_key: \"P",
        "api_key: ${env:X:-P}",
        "api_kye: P",
        "base_url: http://u:P@h/v1",
        "base_url: \"http://u:P with space@h/v1\"",
        "base_url: \"http://u:a P@h/v1\"",
        "base_url: http://u:it'sP@h/v1",
        "base_url: http:///u:P@h/v1",
        "base_url: http://u:x/P@h/v1",
        "base_url: u:P@h/v1",
        "base_url: http:/u:P@h/v1",
        "base_url: \"http:\\/\\/u:P@h/v1\"",
        "base_url: http:u:P@h/v1",
        "base_url: [\"u:P@h\"]",
        "base_url: http://h/v1?a=1;api_key=P",
        "base_url: http://h/v1#api_key=P",
        "extra_body: {api_key: \"a, P\"}",
        "extra_body: {api_key: \"a\\\"P\"}",
        "extra_body:\n    nested:\n      api_key:\n      - P",
        "headers: {authorization: Bearer x,P}",
        "headers:\n    authorization: Bearer x}P",
        "connection: {insecure: true, proxy: 'http://u:P@h:1'}",
        "serve: {run: [x, --api-key=P], ready: 'http://127.0.0.1:1'}",
        "serve: {run: [x, --api-key, P], ready: 'http://127.0.0.1:1'}",
        "serve: {run: [x, '--token', \"a\\\"P\"], ready: 'http://127.0.0.1:1'}",
        "serve: {run: [x, --token, P], reddy: 'http://127.0.0.1:1'}",
        "serve:\n    run:\n      - x\n      - --token\n      - P\n    ready: 'http://127.0.0.1:1'",
        "serve:\n    run:\n      - x\n      - --token\n      - >-\n        P\n    reddy: 1",
    ];
    let spec = |form: &str| {
        let form = form.replace('P', P);
        let address = if form.starts_with("base_url") { "" } else { "  base_url: http://h/v1\n" };
        format!(
            "version: 1\nname: s\ndataset: {{path: questions.jsonl}}\nworkflow:\n  type: openai\n  model: m\n{address}  \
             {form}\nconcurrency: {{levels: [1]}}\n"
        )
    };
    for form in forms {
        let ended = Sizer::new().spec(&spec(form)).run(&["validate", "spec.yml"]).code(2);
        assert!(!ended.stderr.contains(P), "{form}: {}", ended.stderr);
    }
    // Several addresses on one line, and errors that have nothing to do with it.
    let line = format!(
        "{{type: openai, base_url: http://h/v1, model: m, connection: {{proxy: 'http://u:{P}@h:1'}}}}"
    );
    let ended = Sizer::new().workflow(&line, REST).run(&["validate", "spec.yml"]).code(2);
    assert!(!ended.stderr.contains(P), "{}", ended.stderr);
    for set in [
        format!("workflow.headers={{\"x-api-key\":\"{P}\"}}"),
        format!(
            "workflow={{\"type\":\"openai\",\"base_url\":\"http://h/v1\",\"model\":\"m\",\"api_key\":\"{P}\"}}"
        ),
        format!("test={{\"scrape\":{{\"url\":\"http://u:{P}@h/metrics\"}}}}"),
    ] {
        let project = Sizer::new().workflow(OPENAI, REST);
        let ended = project.run(&["validate", "spec.yml", "--set", &set]).code(2);
        assert!(!ended.stderr.contains(P), "{set}: {}", ended.stderr);
    }
}
