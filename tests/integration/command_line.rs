//! What is typed by mistake: neither a secret nor a control character comes back to the terminal.

use crate::support::Sizer;
use serde_json::json;

const KEY: &str = "sk-canary-7f3d";
const PAINT: &str = "\u{1b}[2J\u{7}\u{9b}31m\u{202e}";

fn project() -> Sizer {
    Sizer::new().workflow(
        "{type: openai, base_url: 'http://127.0.0.1:9/v1', model: m}",
        "concurrency: {levels: [1]}",
    )
}

#[test]
fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
    let project = project();
    let set = |key: &str, value: &str| format!("{key}={value}");
    let url = format!("http://me:{KEY}@host/spec.yml");
    for args in [
        vec![KEY],
        vec!["run", "spec.yml", KEY],
        vec!["run", KEY],
        vec!["run", "spec.yml", "--api-key", KEY],
        vec!["run", "spec.yml", "--api-key=sk-canary-7f3d"],
        vec!["run", "spec.yml", "--format", KEY],
        vec!["what-if", "spec.yml", "--users", KEY],
        vec!["run", &url],
        vec!["simulate", "--port", KEY],
        vec!["import", "nat", KEY],
        vec!["show", "spec.yml", KEY],
        vec!["diff", "spec.yml", KEY],
        vec!["calc", "--config", KEY],
        vec!["render", "spec.yml", "--template", KEY],
        vec!["run", "spec.yml", "--only", KEY],
        vec!["run", "spec.yml", "--profile", KEY],
        vec!["migrate", KEY],
        vec!["run", "spec.yml", "--set", KEY],
        vec!["run", "spec.yml", "--set", &set("workflow.api_key", KEY)],
        vec!["run", "spec.yml", "--set", &set("workflow.api_key", "7f3d-canary-plain")],
        vec!["run", "spec.yml", "--set", &set("workflow.headers.x-token", "7f3d-canary-plain")],
        vec![
            "run",
            "spec.yml",
            "--set",
            &set(
                "workflow",
                "{type: openai, model: m, base_url: 'http://h', api_key: 7f3d-canary-plain}",
            ),
        ],
        vec![
            "run",
            "spec.yml",
            "--set",
            &set("workflow.base_url", "http://me:7f3d-canary-plain@h/v1"),
        ],
        vec!["run", "spec.yml", "--set", &set("workflow.timeout", KEY)],
        vec!["run", "spec.yml", "--set", &set("concurrency.api_key", "7f3d-canary-plain")],
        vec!["simulate", "--set", &set("engine.token", "7f3d-canary-plain")],
    ] {
        let ended = project.run(&args);
        assert!(matches!(ended.code, Some(1 | 2)), "{args:?}: {ended:#?}");
        let said = ended.stdout + &ended.stderr;
        assert!(!said.contains("canary") && !said.contains("7f3d"), "{args:?}: {said}");
        assert!(said.contains("error: "), "{args:?}: {said}");
    }
    for file in project.files() {
        assert!(!crate::support::holds(&file, "7f3d"), "{}", file.display());
    }
}

#[test]
fn nobody_paints_by_way_of_an_argument() {
    let project = project();
    let painted = format!("x{PAINT}");
    let set = format!("workflow.{painted}=1");
    let value = format!("workflow.timeout={painted}");
    let flag = format!("--{painted}");
    for args in [
        vec![painted.as_str()],
        vec!["run", "spec.yml", &painted],
        vec!["run", &painted],
        vec!["run", "spec.yml", &flag],
        vec!["run", "spec.yml", "--format", &painted],
        vec!["run", "spec.yml", "--set", &set],
        vec!["run", "spec.yml", "--set", &value],
        vec!["what-if", "spec.yml", "--users", &painted],
        vec!["show", "spec.yml", &painted],
        vec!["import", "nat", &painted],
        vec!["import", &painted],
        vec!["calc", "--config", &painted],
        vec!["simulate", "--port", &painted],
        vec!["render", "spec.yml", "--template", &painted],
        vec!["run", "spec.yml", "--only", &painted],
    ] {
        let ended = project.run(&args);
        assert!(matches!(ended.code, Some(1 | 2)), "{args:?}: {ended:#?}");
        let said = ended.stdout + &ended.stderr;
        for sign in ["\u{1b}", "\u{7}", "\u{9b}", "\u{202e}"] {
            assert!(!said.contains(sign), "{args:?}: {said:?}");
        }
    }
    // What is named by a person is still told.
    let json = json!({ "a": 1 }).to_string();
    project.run(&["run", "spec.yml", &json]).code(2).stderr(&json);
}
