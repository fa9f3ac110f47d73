//! Datasets that the toolkit alone can read: its stand-in reads them, and `import` and `calc` go on from a file.

use crate::nat_host::{installed, lines, lives, wait_until};
use crate::support::{SimulatorProcess, Sizer};
use serde_json::Value;

const SECRET: &str = "canary-4711-storage";

/// A configuration with so many items in a dataset of its own code.
fn project(items: i32, llm: &str) -> Sizer {
    let config = format!(
        "workflow:
  _type: chat_completion
  llm_name: rig
  items: {items}
llms:
  rig: {{_type: openai, model_name: m, base_url: 'http://{llm}/v1', api_key: EMPTY}}
eval:
  general:
    dataset: {{_type: custom, file_path: nowhere.txt, function: mine.items}}
"
    );
    installed(Sizer::new(), "").file("c.yml", &config).env("S3_SECRET_KEY", SECRET)
}

#[test]
fn the_toolkit_reads_what_is_code() {
    let simulator = SimulatorProcess::start(&["engine.base=1ms", "output_tokens=2"]);
    let project = project(3, &simulator.address.to_string());
    project.run(&["import", "nat", "c.yml", "-o", "specs/s.yml"]).success();
    let items = project.read("specs/c.items.jsonl");
    assert_eq!(items.lines().count(), 3, "{items}");
    let spec: Value = serde_yaml::from_str(&project.read("specs/s.yml")).unwrap();
    assert_eq!(spec["dataset"]["path"], "c.items.jsonl");
    project.run(&["validate", "specs/s.yml"]).success();
    project.run(&["run", "specs/s.yml", "--set", "concurrency.levels=[1, 2]"]);
    assert_eq!(simulator.metric("requests_total"), 3 + 2);
    // What is there is the same, or someone's own.
    std::fs::remove_file(project.path("specs/s.yml")).unwrap();
    project.run(&["import", "nat", "c.yml", "-o", "specs/s.yml"]).success();
    let project = project.file("specs/c.items.jsonl", "{\"id\": 1, \"question\": \"mine\"}\n");
    std::fs::remove_file(project.path("specs/s.yml")).unwrap();
    project
        .run(&["import", "nat", "c.yml", "-o", "specs/s.yml"])
        .code(2)
        .stderr("c.items.jsonl: it exists with other content; remove it first");

    let flags = ["--concurrencies", "1,2", "--num_passes", "1", "--no_plots", "--quiet"];
    let calc = ["calc", "--config_file", "c.yml", "--calc_output_dir", "out"];
    project.run(&[&calc[..], &flags].concat()).success();
    assert_eq!(simulator.metric("requests_total"), 5 + 3);
}

#[test]
fn what_the_toolkit_cannot_read_is_said_without_secrets() {
    let ended = project(-1, "127.0.0.1:1").run(&["import", "nat", "c.yml"]).code(2);
    let ended = ended.stderr("c.yml: eval.general.dataset._type: datasets of the type `custom` need the reference's own code");
    let ended = ended.stderr("RuntimeError: the storage refused").stderr("; or write it as json");
    assert!(!ended.stderr.contains(SECRET), "{}", ended.stderr);
    let ended = project(-2, "127.0.0.1:1").run(&["import", "nat", "c.yml"]).code(2);
    ended.stderr("cannot read the dataset: eval.general.dataset.s3: Field required; eval.general");
    project(0, "127.0.0.1:1").run(&["import", "nat", "c.yml"]).code(2).stderr("it has no items");
    project(3, "127.0.0.1:1")
        .env("VIRTUAL_ENV", "")
        .env("NAT_PYTHON", "/nowhere/python")
        .run(&["import", "nat", "c.yml"])
        .code(2)
        .stderr("pip install");
}

#[test]
fn the_reader_ends_with_sizer() {
    let project = project(2000, "127.0.0.1:1");
    let mut child = project.command(&["import", "nat", "c.yml"]).spawn().unwrap();
    let readers = || lines(&project, "readers");
    wait_until("the reader is there", || !readers().is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    let id = readers()[0].parse().unwrap();
    wait_until("the reader is gone", || !lives(id));
}
