//! A real client that nobody here wrote: an agent with the `openai` package of Python.
//!
//! It needs an interpreter that has the package: the one in `SIZER_TEST_PYTHON`, or `python3`.

use crate::support::{SimulatorProcess, Sizer};
use std::process::Command;

const AGENT: &str = include_str!("../workers/agent.py");

/// An interpreter with the package; without one nothing is tested, and the output says so.
fn python() -> Option<String> {
    let named = std::env::var("SIZER_TEST_PYTHON").ok();
    let required = named.is_some();
    let python = named.unwrap_or_else(|| "python3".to_owned());
    let imports = Command::new(&python).args(["-c", "import openai"]).output();
    if imports.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    assert!(!required, "{python} has no package `openai`");
    println!(
        "not run: {python} has no package `openai`; set SIZER_TEST_PYTHON to an interpreter that has"
    );
    None
}

fn agent(python: &str, simulator: &SimulatorProcess, persistent: bool, rest: &str) -> Sizer {
    let flag = if persistent { ", --persistent" } else { "" };
    Sizer::new().file("agent.py", AGENT).workflow(
        &format!(
            "{{type: command, persistent: {persistent}, run: ['{python}', agent.py{flag}], llm: {{upstream: 'http://{}/v1'}}}}",
            simulator.address
        ),
        rest,
    )
}

#[test]
fn every_call_of_a_real_client_belongs_to_its_run() {
    let Some(python) = python() else { return };
    // Slow enough that a client starts its second call while the first lasts, whatever else the machine does.
    let simulator = SimulatorProcess::start(&["engine.base=10ms", "output_tokens=50"]);
    let rest = "concurrency: {mode: burst, levels: [1, 8, 16], passes: 2}";
    let project = agent(&python, &simulator, true, rest);
    project.run(&["run", "spec.yml", "--quiet"]).success();
    for (level, count) in [(1, 2), (8, 16), (16, 32)] {
        let runs = project.runs(&format!("sweep@{level}"));
        assert_eq!(runs.len(), count);
        for run in runs {
            assert_eq!(run["outcome"], "ok", "{run:#}");
            let calls = run["llm_calls"].as_array().unwrap();
            let streamed: Vec<bool> = calls.iter().map(|call| call["ttft"].is_number()).collect();
            assert_eq!(calls.len(), 4, "{run:#}");
            assert_eq!(streamed.iter().filter(|it| **it).count(), 2);
            assert_eq!((streamed[0], streamed[1]), (false, true));
            let at = |call: usize, key: &str| calls[call][key].as_f64().unwrap();
            // One after the other, then two side by side, all of them within the run.
            assert!(at(0, "end") + 0.05 <= at(1, "start") && at(1, "end") <= at(2, "start"));
            assert!(at(3, "start") < at(2, "end"));
            assert!(calls.iter().all(|call| call["completion_tokens"] == 24), "{run:#}");
            assert!(calls.iter().all(|call| call["model"] == "m" && call["http_status"] == 200));
            let (start, end) = (run["start"].as_f64().unwrap(), run["end"].as_f64().unwrap());
            assert!(start <= at(0, "start") && at(2, "end").max(at(3, "end")) <= end);
            // The worker's own clock runs within ours.
            assert!(run["server_runtime"].as_f64().unwrap() <= end - start);
        }
    }
    // Warming a worker up is a run of its own, and is in no figure.
    assert_eq!(simulator.metric("requests_total"), 4 * (16 + 2 + 16 + 32));
}

#[test]
fn a_process_for_each_run_is_seen_as_well() {
    let Some(python) = python() else { return };
    let simulator = SimulatorProcess::start(&["engine.base=1ms", "output_tokens=50"]);
    let project =
        agent(&python, &simulator, false, "concurrency: {mode: burst, levels: [2], runs: 4}");
    project.run(&["run", "spec.yml", "--quiet"]).success();
    let level = &project.result()["levels"][0];
    assert_eq!(
        (&level["failed"], &level["llm_calls"]["mean"]),
        (&0.into(), &4.0.into()),
        "{level:#}"
    );
    assert!(
        project.result()["notes"].to_string().contains("runtimes include starting the program")
    );
}

#[test]
fn a_real_agent_has_a_shape() {
    let Some(python) = python() else { return };
    let simulator = SimulatorProcess::start(&["engine.base=4ms", "output_tokens=50"]);
    let rest =
        "concurrency: {levels: [1, 3], passes: 2}\noutputs: {reports: [levels.csv, result.json]}";
    let project = agent(&python, &simulator, true, rest);
    project.run(&["trace", "spec.yml", "--runs", "3", "-o", "chain.yml"]).success();
    let text = project.read("chain.yml");
    assert_eq!(text.matches("- llm:").count(), 4, "{text}");
    assert!(text.contains("- parallel:") && !text.contains("choose"), "{text}");
    project.run(&["run", "chain.yml", "--quiet"]).success();
    let result: serde_json::Value =
        serde_json::from_str(&project.read("out-traced/result.json")).unwrap();
    for level in result["levels"].as_array().unwrap() {
        assert_eq!((&level["failed"], &level["llm_calls"]["mean"]), (&0.into(), &4.0.into()));
        assert_eq!(level["completion_tokens"]["mean"], 24.0);
    }
}
