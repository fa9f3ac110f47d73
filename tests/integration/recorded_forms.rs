//! Recordings as people and programs write them, and what is said of those that make no sense.

use crate::support::{Ended, Sizer};
use serde_json::Value;
use std::fmt::Write;

const REST: &str = "test: {gpu_count: 8}\ntargets: {users: 100, workflow_runtime: 5s, itl: 1s}\n";

fn run(name: &str, content: &[u8], workflow: &str) -> (Sizer, Ended) {
    let project = Sizer::new().spec(&format!(
        "version: 1\nname: brought\nworkflow: {{type: recorded, path: {name}{workflow}}}\n{REST}"
    ));
    std::fs::write(project.path(name), content).unwrap();
    let ended = project.run(&["run", "spec.yml", "--quiet"]);
    (project, ended)
}

/// The runs as sizer keeps them.
fn kept(name: &str, content: &str) -> Vec<Value> {
    let (project, ended) = run(name, content.as_bytes(), "");
    assert_ne!(ended.code, Some(2), "{}", ended.stderr);
    let shown = project.run(&["show", "spec.yml", "expand"]).success().stdout;
    shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn refused(name: &str, content: &str) -> String {
    let stderr = run(name, content.as_bytes(), "").1.code(2).stderr;
    let library =
        ["invalid type", "missing field", "expected u32", "deserialize", "panicked", "serde"];
    assert!(!library.iter().any(|it| stderr.contains(it)), "{stderr}");
    stderr
}

#[test]
fn both_texts_say_the_same() {
    let runs = kept(
        "runs.jsonl",
        "\u{feff}{\"concurrency\": 1.0, \"id\": \"a\", \"start\": 0, \"end\": 1, \"error\": \"\", \"llm_latencies\": [0.5]}\n\n\
         {\"concurrency\": 1, \"id\": \"b\", \"start\": 1, \"end\": 2, \"error\": {\"code\": 503, \"message\": \"try later\"}}\n",
    );
    let csv = "\u{feff}concurrency, id, start, end, error, llm_latencies\n1.0, a, 0, 1, , 0.5\n1, b, 1, 2, HTTP 503, \n";
    let from_csv = kept("runs.csv", csv);
    assert_eq!(runs[0], from_csv[0]);
    assert_eq!(runs[0]["outcome"], "ok");
    for (run, message) in [(&runs[1], "try later"), (&from_csv[1], "HTTP 503")] {
        assert_eq!(run["outcome"]["failed"]["kind"], "http_status");
        assert_eq!(run["outcome"]["failed"]["message"], message);
        assert_eq!(run["http_status"], 503);
    }
}

#[test]
fn gaps_of_another_unit_are_refused() {
    let line = |itl: &str| {
        format!(
            "{{\"concurrency\": 1, \"start\": 0, \"end\": 2.5, \"ttft\": 0.5, \"completion_tokens\": 21, \"itl\": {itl}}}\n"
        )
    };
    // 0.1 s follows from the call; chunks of several tokens make it a few times that.
    assert_eq!(kept("runs.jsonl", &line("0.4"))[0]["llm_calls"][0]["itl"]["mean"], 0.4);
    for itl in ["100", "0.0001"] {
        let said = refused("runs.jsonl", &line(itl));
        assert!(said.contains("times between tokens of") && said.contains("unit: ms"), "{said}");
    }
}

/// Failures that other programs write in other keys than `error`.
#[test]
fn a_run_that_failed_by_any_sign_is_no_success() {
    let of = |keys: &str| {
        let line = format!("{{\"concurrency\": 1, \"start\": 0, \"end\": 1, {keys}}}\n");
        kept("runs.jsonl", &line)[0]["outcome"].clone()
    };
    let kind = |keys: &str| of(keys)["failed"]["kind"].clone();
    assert_eq!(kind("\"http_status\": 503"), "http_status");
    assert_eq!(kind("\"http_status\": 429, \"error\": \"\""), "rate_limited");
    assert_eq!(kind("\"success\": false"), "reported");
    assert_eq!(kind("\"status\": \"Timeout\""), "timeout");
    assert_eq!(kind("\"failure_kind\": \"reset\", \"failure_message\": \"gone\""), "reset");
    for good in [
        "\"http_status\": 200",
        "\"success\": true",
        "\"status\": \"ok\"",
        "\"failure_kind\": null, \"failure_message\": \"\"",
    ] {
        assert_eq!(of(good), "ok", "{good}");
    }
    let csv = "concurrency,start,end,success,http_status\n1,0,1,False,\n1,1,2,True,200\n";
    let outcomes: Vec<Value> =
        kept("runs.csv", csv).into_iter().map(|run| run["outcome"].clone()).collect();
    assert_eq!(outcomes[0]["failed"]["kind"], "reported");
    assert_eq!(outcomes[1], "ok");
}

#[test]
fn times_between_tokens() {
    let itl = |line: &str| {
        let line = format!("{{\"concurrency\": 1, \"start\": 0, \"end\": 2.5, {line}}}\n");
        kept("runs.jsonl", &line)[0]["llm_calls"][0]["itl"].clone()
    };
    assert_eq!(itl("\"ttft\": 0.5, \"completion_tokens\": 21")["mean"], 0.1);
    let call =
        |keys: &str| itl(&format!("\"llm_calls\": [{{\"start\": 0.5, \"end\": 2, {keys}}}]"));
    assert_eq!(call("\"ttft\": 0.5, \"completion_tokens\": 11.0")["mean"], 0.1);
    assert_eq!(call("\"itl_mean\": 0.25, \"itl_p95\": 0.5")["p95"], 0.5);
    assert_eq!(call("\"itls\": [0.25, 0.25, 1]")["mean"], 0.5);
    assert_eq!(call("\"ttft\": 0.5, \"completion_tokens\": 1"), Value::Null);
    let csv = kept("runs.csv", "concurrency,start,end,ttft,completion_tokens\n1,0,2.5,0.5,21\n");
    assert_eq!(csv[0]["llm_calls"][0]["itl"]["mean"], 0.1);
}

#[test]
fn what_makes_no_sense_is_refused_in_words() {
    let line = |rest: &str| refused("runs.jsonl", &format!("{{\"concurrency\": 2, {rest}}}\n"));
    let cell =
        |text: &str| refused("runs.csv", &format!("concurrency,id,start,end,ttft\n{text}\n"));
    let mut said = String::new();
    for error in [
        line("\"start\": 0"),
        line("\"start\": \"soon\", \"end\": 1"),
        line("\"start\": 0, \"end\": 1e999"),
        line("\"start\": NaN, \"end\": 1"),
        line("\"start\": 0, \"end\": 1, \"ttft\": -0.1"),
        line("\"start\": 0, \"end\": 1, \"ttft\": 300"),
        line("\"start\": 0, \"end\": 1, \"completion_tokens\": 1.5"),
        line("\"start\": 0, \"end\": 1, \"phase\": \"warmup\""),
        line("\"start\": 0, \"end\": 1, \"llm_latencies\": [0.5, 1.2]"),
        line("\"start\": 10, \"end\": 11, \"llm_calls\": [{\"start\": 0.1, \"end\": 0.5}]"),
        line("\"start\": 0, \"end\": 1, \"llm_calls\": [{\"start\": 0.1}]"),
        line("\"start\": 1750000000123456, \"end\": 1750000000123457"),
        refused("runs.jsonl", "{\"concurrency\": 0.5, \"start\": 0, \"end\": 1}\n"),
        refused("runs.jsonl", "[{\"concurrency\": 1,\n\"start\": 0, \"end\": 1}]\n"),
        refused("runs.jsonl", "{\n\"concurrency\": 1, \"start\": 0, \"end\": 1}\n"),
        refused("runs.jsonl", "\n"),
        cell("1,a,0,1,\n1,b,3,2,"),
        cell("eight,a,0,1,"),
        cell("1,a,inf,1,"),
        cell("1,a,0"),
        refused("runs.csv", "concurrency,start,start,end\n1,0,0,1\n"),
        refused("runs.csv", "concurrency,begin,finish\n1,0,1\n"),
        refused("runs.csv", "concurrency,start,end\n"),
        refused("runs.csv", ""),
    ] {
        let _ = writeln!(said, "{error}");
    }
    insta::assert_snapshot!(said);
}

#[test]
fn parquet_of_others_is_read_by_its_columns() {
    let parquet = std::fs::read("tests/data/recorded/foreign.parquet").unwrap();
    let (project, ended) = run("runs.parquet", &parquet, "");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""), "one level makes no estimate");
    assert_eq!(project.result()["levels"][0]["measured"], 40);
    let other = std::fs::read("tests/data/datasets/questions.zstd.parquet").unwrap();
    let error = run("runs.parquet", &other, "").1.code(2).stderr;
    assert!(error.contains("no column `concurrency`"), "{error}");
    for cut in [0, 4, 100, parquet.len() / 2, parquet.len() - 9] {
        run("runs.parquet", &parquet[..cut], "").1.code(2);
    }
}

#[test]
fn what_sizer_keeps_and_shows_is_a_recording() {
    let project = Sizer::new()
        .file("q.jsonl", "{\"id\": 1, \"question\": \"?\"}\n")
        .file(
            "make.yml",
            "version: 1\nname: m\ndataset: {path: q.jsonl}\n\
             workflow: {type: simulator, engine: {base: 2ms, per_sequence: 200us}, output_tokens: 5}\n\
             concurrency: {levels: [1, 4], runs: 40}\n",
        )
        .spec(&format!("version: 1\nname: own\nworkflow: {{type: recorded, path: \"own/*.parquet\"}}\n{REST}"));
    project.run(&["run", "make.yml", "-q"]).success();
    std::fs::create_dir(project.path("own")).unwrap();
    let mut lines = String::new();
    for level in [1, 4] {
        let object = project.object_of(&format!("sweep@{level}"));
        std::fs::copy(object, project.path(&format!("own/{level}.parquet"))).unwrap();
        lines += &project.run(&["show", "make.yml", &format!("sweep@{level}")]).success().stdout;
    }
    project.run(&["run", "spec.yml", "-q"]).success();
    let gpus = || project.result()["estimates"][0]["gpus"].clone();
    let kept = gpus();
    std::fs::write(project.path("own.jsonl"), lines).unwrap();
    project.run(&["run", "spec.yml", "-q", "--set", "workflow.path=own.jsonl"]).success();
    assert_eq!(gpus(), kept);
    let none = project.run(&["run", "spec.yml", "--set", "workflow.path=none/*.csv"]).code(2);
    none.stderr("there is no recording here");
}
