//! Steps of a workflow at `/generate/full`, from its stream to recordings, the result and the reports.

use crate::support::{Scripted, Sizer};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A name that ends cells, opens tags and moves the cursor.
const HOSTILE: &str = "se\u{1b}[2Jarch|<b>`x`";

fn line(kind: &str, (id, parent, name): (&str, &str, &str), at: f64, usage: &Value) -> String {
    let payload =
        json!({ "event_type": kind, "event_timestamp": at, "UUID": id, "usage_info": usage });
    let step = json!({
        "id": id, "parent_id": parent, "type": kind, "name": name, "payload": payload.to_string(),
    });
    format!("intermediate_data: {step}\n\n")
}

/// An agent that asks an LLM for 10 ms and searches, for 20 ms times the number of runs that do.
fn agent(socket: &mut TcpStream, busy: &AtomicU32) -> bool {
    let others = busy.fetch_add(1, Ordering::SeqCst);
    std::thread::sleep(Duration::from_millis(5));
    let others = others.max(busy.load(Ordering::SeqCst) - 1);
    let searched = 0.02 * f64::from(others + 1);
    std::thread::sleep(Duration::from_secs_f64(searched + 0.01));
    busy.fetch_sub(1, Ordering::SeqCst);
    let (workflow, plan) = (("w", "root", "agent"), ("p", "w", "plan"));
    let (llm, search) = (("l", "p", "meta/llama"), ("t", "w", HOSTILE));
    let (at, none) = (1.8e9, Value::Null);
    let usage = json!({ "token_usage": {
        "prompt_tokens": 100, "completion_tokens": 5, "cached_tokens": 75,
    }});
    let body = [
        line("WORKFLOW_START", workflow, at, &none),
        line("FUNCTION_START", plan, at, &none),
        line("LLM_START", llm, at, &none),
        line("LLM_END", llm, at + 0.01, &usage),
        line("FUNCTION_END", plan, at + 0.01, &none),
        line("TOOL_START", search, at + 0.01, &none),
        line("TOOL_END", search, at + 0.01 + searched, &none),
        "data: {\"value\": \"21\"}\n\n".to_owned(),
        line("WORKFLOW_END", workflow, at + 0.012 + searched, &none),
    ];
    let body = body.concat();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
    write!(socket, "{head}content-length: {}\r\n\r\n{body}", body.len()).is_ok()
}

fn project(rest: &str) -> Sizer {
    let busy = AtomicU32::new(0);
    let server = Scripted::start(move |socket, _| agent(socket, &busy));
    Sizer::new().workflow(
        &format!("{{type: nat, base_url: 'http://{}'}}", server.address),
        &format!(
            "concurrency: {{mode: burst, levels: [1, 4], runs: 8}}\n\
             test: {{gpu_count: 1}}\ntargets: {{users: 5, workflow_runtime: 10s}}\n{rest}"
        ),
    )
}

/// The figures of a step at a level.
fn step<'a>(level: &'a Value, name: &str) -> &'a Value {
    let steps = level["steps"]["steps"].as_array().unwrap();
    steps.iter().find(|step| step["name"] == name).unwrap_or_else(|| panic!("{name}: {level}"))
}

#[test]
fn steps_are_in_recordings_the_result_and_the_reports() {
    let project = project(
        "outputs: {reports: [summary.md, result.json, steps.svg, {name: own.html, template: own.html.j2}]}",
    )
    .file("own.html.j2", "{{ steps_table }} {{ gantt_svg | safe }}");
    project
        .run(&["run", "spec.yml"])
        .success()
        .stdout("The bottleneck among the steps is the tool");
    let result = project.result();
    let [one, four] = result["levels"].as_array().unwrap().as_slice() else { panic!("{result}") };
    for level in [one, four] {
        assert_eq!(level["steps"]["runs"], 8);
        let names: Vec<&str> = level["steps"]["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| step["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, [HOSTILE, "meta/llama", "agent", "plan"]);
        assert!((step(level, "meta/llama")["time"].as_f64().unwrap() - 0.01).abs() < 1e-6);
        assert!(step(level, "plan")["time"].as_f64().unwrap() < 1e-6, "the LLM call is its own");
        let share = step(level, HOSTILE)["share"]["p95"].as_f64().unwrap();
        assert!(share > 0.1 && share <= 1.0, "{share}");
        assert!((level["cached_share"].as_f64().unwrap() - 0.75).abs() < 1e-9);
        let in_flight = level["llm_in_flight"].as_f64().unwrap();
        assert!(in_flight > 0.0 && in_flight < level["mean_in_flight"].as_f64().unwrap());
        let typical = level["steps"]["typical"]["steps"].as_array().unwrap();
        let kinds: Vec<&str> = typical.iter().map(|it| it["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["workflow", "function", "llm", "tool"]);
        assert_eq!((&typical[2]["parent"], &typical[3]["parent"]), (&json!(1), &json!(0)));
    }
    let time = |level| step(level, HOSTILE)["time"].as_f64().unwrap();
    assert!(time(four) > 2.0 * time(one));
    let notes = result["notes"].to_string();
    for said in ["The bottleneck among the steps is the tool", "75 % to 75 % of them"] {
        assert!(notes.contains(said), "{said}: {notes}");
    }
    let summary = project.read("out/summary.md");
    for said in ["## Steps", "| outside the steps", "LLM calls in flight", "Typical run at", "█"]
    {
        assert!(summary.contains(said), "{said}: {summary}");
    }
    assert!(summary.contains("| `se\\u001b[2Jarch\\|<b>'x'`"), "{summary}");
    let svg = project.read("out/steps.svg");
    assert!(svg.contains("se\\u001b[2Jarch|&lt;b&gt;`x` (tool)") && !svg.contains("<b>"), "{svg}");
    assert!(project.read("out/own.html").contains("<svg xmlns"));
    // Nothing of it is measured or made again.
    project.run(&["run", "spec.yml", "--offline"]).success();
}

/// A workflow whose server has one LLM call in order, one that ends before it starts, and a search of an hour.
fn confused(socket: &mut TcpStream) -> bool {
    std::thread::sleep(Duration::from_millis(30));
    let (at, none) = (1.8e9, Value::Null);
    let (workflow, search) = (("w", "root", "agent"), ("t", "w", "search"));
    let (good, back) = (("l", "w", "model"), ("m", "w", "model"));
    let body = [
        line("WORKFLOW_START", workflow, at, &none),
        line("LLM_START", good, at, &none),
        line("LLM_END", good, at + 0.01, &none),
        line("LLM_START", back, at + 0.02, &none),
        line("LLM_END", back, at + 0.01, &none),
        line("TOOL_START", search, at, &none),
        line("TOOL_END", search, at + 3600.0, &none),
        "data: {\"value\": \"21\"}\n\n".to_owned(),
        line("WORKFLOW_END", workflow, at + 0.025, &none),
    ];
    let body = body.concat();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
    write!(socket, "{head}content-length: {}\r\n\r\n{body}", body.len()).is_ok()
}

#[test]
fn times_that_cannot_be_count_nowhere_and_are_named() {
    let server = Scripted::start(|socket, _| confused(socket));
    let project = Sizer::new().workflow(
        &format!("{{type: nat, base_url: 'http://{}'}}", server.address),
        "concurrency: {mode: burst, levels: [1, 4], runs: 8}\n\
         test: {gpu_count: 1}\ntargets: {users: 5, llm_latency: 10s}",
    );
    let ended = project.run(&["run", "spec.yml"]);
    assert!(ended.code.is_some_and(|code| code != 2), "{ended:#?}");
    let result = project.result();
    for level in result["levels"].as_array().unwrap() {
        let p95 = level["llm_latency"]["p95"].as_f64().unwrap();
        assert!((p95 - 0.01).abs() < 1e-6, "{level}");
        let steps = level["steps"]["steps"].as_array().unwrap();
        assert!(steps.iter().all(|step| step["name"] != "search"), "{level}");
    }
    let notes = result["notes"].to_string();
    assert!(
        notes.contains("steps or LLM calls whose times cannot be (at concurrency 1, 4)"),
        "{notes}"
    );
}

#[test]
fn a_recording_with_steps_is_read_as_it_was_written() {
    let project = project("");
    project.run(&["run", "spec.yml"]).success();
    let measured = project.result();
    let stored = File::open(project.object_of("sweep@4")).unwrap();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut std::io::BufReader::new(stored), &mut bytes).unwrap();
    let runs = sizer::internal::from_parquet(bytes.clone()).unwrap().runs;
    for run in &runs {
        let steps: Vec<(&str, Option<u32>)> =
            run.steps.iter().map(|step| (step.name.as_str(), step.parent)).collect();
        let expected =
            [("agent", None), ("plan", Some(0)), ("meta/llama", Some(1)), (HOSTILE, Some(0))];
        assert_eq!(steps, expected);
        assert!(run.steps[0].start.abs() < 1e-9 && run.steps[0].end < run.runtime());
        assert_eq!(run.llm_calls[0].cached_tokens, Some(75));
    }
    let lines = project.run(&["show", "spec.yml", "sweep@4"]).success().stdout;
    for (name, bytes) in [("runs.parquet", bytes), ("runs.jsonl", lines.into_bytes())] {
        let again = Sizer::new().spec(&format!(
            "version: 1\nname: again\nworkflow: {{type: recorded, path: {name}, concurrency: measured}}\n\
             test: {{gpu_count: 1}}\ntargets: {{users: 5, workflow_runtime: 10s}}\n"
        ));
        std::fs::write(again.path(name), bytes).unwrap();
        let ended = again.run(&["run", "spec.yml"]);
        assert!(ended.code.is_some_and(|code| code != 2), "{name}: {ended:#?}");
        let result = again.result();
        let level = &result["levels"][0];
        assert_eq!(level["cached_share"], measured["levels"][1]["cached_share"], "{name}");
        let step = step(level, HOSTILE);
        assert_eq!((&step["kind"], &step["per_run"]), (&json!("tool"), &json!(1.0)), "{name}");
    }
}

#[test]
fn the_simulator_reports_steps_within_its_workflow() {
    let project = Sizer::new().workflow(
        "{type: simulator, protocol: nat, engine: {base: 1ms}, output_tokens: 3, agent: {calls: 2, tool_time: 30ms}}",
        "concurrency: {mode: burst, levels: [2], runs: 6}",
    );
    project.run(&["run", "spec.yml"]).success();
    let level = &project.result()["levels"][0];
    let tool = step(level, "tool");
    assert!(tool["time"].as_f64().unwrap() >= 0.029, "{tool}");
    assert!(step(level, "agent")["time"].as_f64() < step(level, "agent")["whole_time"].as_f64());
}

#[test]
fn a_workflow_without_steps_has_none_in_any_output() {
    let project = Sizer::new().workflow(
        "{type: simulator, engine: {base: 1ms}, output_tokens: 3}",
        "concurrency: {mode: burst, levels: [1], runs: 4}\noutputs: {reports: [summary.md, result.json, steps.svg]}",
    );
    project.run(&["run", "spec.yml"]).success();
    assert!(project.result()["levels"][0].get("steps").is_none());
    assert!(!project.read("out/summary.md").contains("## Steps"));
    assert!(project.read("out/steps.svg").contains("no steps were reported"));
    assert!(!project.runs("sweep@1")[0].to_string().contains("steps"));
}
