//! Recordings on any clock, in any order, with repetitions, and with a concurrency that was not.

use crate::support::{Ended, Sizer};
use serde_json::{Value, json};
use std::fmt::Write;

const REST: &str = "test: {gpu_count: 8}\ntargets: {users: 100, workflow_runtime: 4s}\n";

/// A run: level, start, end.
type Times = (u32, f64, f64);

/// Runtimes that differ from run to run, and grow with the level; four decimals, as people write them.
fn length(level: u32, index: u32) -> f64 {
    let jitter = 0.6 + f64::from(index * 37 % 41) / 50.0;
    ((0.5 + 0.2 * f64::from(level)) * jitter * 1e4).round() / 1e4
}

/// A level as a closed loop loads it: `count` runs, one behind the other in every slot.
fn level(level: u32, count: u32, from: f64) -> Vec<Times> {
    let mut free = vec![from; level as usize];
    let run = |index| {
        free.sort_by(f64::total_cmp);
        let start = free[0];
        let end = ((start + length(level, index)) * 1e4).round() / 1e4;
        free[0] = end;
        (level, start, end)
    };
    (0..count).map(run).collect()
}

fn sweep(passes: u32) -> Vec<Times> {
    [1, 2, 4, 8, 16].into_iter().flat_map(|it| level(it, it * passes, 0.0)).collect()
}

fn lines(runs: &[Times], clock: impl Fn(f64) -> f64) -> String {
    let line = |(index, &(concurrency, start, end)): (usize, &Times)| {
        let (start, end) = (clock(start), clock(end));
        format!(
            "{}\n",
            json!({ "concurrency": concurrency, "id": index.to_string(), "start": start, "end": end })
        )
    };
    runs.iter().enumerate().map(line).collect()
}

fn run(name: &str, content: &str, workflow: &str) -> (Sizer, Ended) {
    let project = Sizer::new().file(name, content).spec(&format!(
        "version: 1\nname: brought\nworkflow: {{type: recorded, path: {name}{workflow}}}\n{REST}"
    ));
    let ended = project.run(&["run", "spec.yml", "--quiet"]);
    (project, ended)
}

fn shown(content: &str, workflow: &str) -> (String, Value) {
    let (project, ended) = run("runs.jsonl", content, workflow);
    ended.success();
    let shown = project.run(&["show", "spec.yml", "expand"]).success().stdout;
    (shown, project.result()["estimates"].clone())
}

fn refused(content: &str, workflow: &str) -> String {
    run("runs.jsonl", content, workflow).1.code(2).stderr
}

#[test]
fn the_clock_and_the_order_of_lines_change_nothing() {
    for passes in [1, 5] {
        let runs = sweep(passes);
        let at_zero = shown(&lines(&runs, |at| at), "");
        for from in [0.05, -3.0, 86_400.5, 1.75e9] {
            let fine = |at: f64| ((at + from) * 1e4).round() / 1e4;
            assert_eq!(shown(&lines(&runs, fine), ""), at_zero, "a clock at {from}");
        }
        let in_ms = |at: f64| (at * 1e4).round() / 10.0 + 1.75e12;
        assert_eq!(shown(&lines(&runs, in_ms), ", unit: ms"), at_zero);
        let text = lines(&runs, |at| at);
        let mut backwards: Vec<&str> = text.lines().collect();
        backwards.reverse();
        assert_eq!(shown(&backwards.join("\n"), ""), at_zero);
    }
    refused(&lines(&sweep(5), |at| at * 1e3 + 1.75e12), "");
    let asked = refused(&lines(&sweep(5), |at| at * 1e3 + 1.75e12), "");
    assert!(asked.contains("milliseconds?") && asked.contains("unit: ms"), "{asked}");
    let asked = refused(&lines(&sweep(5), |at| (at * 1e3).round()), "");
    assert!(asked.contains("milliseconds?"), "{asked}");
}

#[test]
fn seconds_since_1970_are_no_milliseconds() {
    let runs = sweep(5);
    for unit in ["ms", "us", "ns"] {
        let asked = refused(&lines(&runs, |at| at + 1.76e9), &format!(", unit: {unit}"));
        assert!(asked.contains("are these seconds?") && asked.contains("unit: s"), "{asked}");
    }
    shown(&lines(&runs, |at| at + 1.76e9), ", unit: s");
    // A clock that has run for twenty days, in milliseconds.
    shown(&lines(&runs, |at| (at * 1e3).round() + 1.76e9), ", unit: ms");
}

#[test]
fn a_burst_stays_one_if_a_run_comes_late() {
    let burst = |text: &str| {
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|run| run["burst"] == true).collect::<Vec<bool>>()
    };
    let mut runs = sweep(1);
    let in_time = burst(&shown(&lines(&runs, |at| at), "").0);
    for index in [1, 3, 7, 15] {
        runs[index].1 += 0.1;
        runs[index].2 += 0.1;
    }
    assert_eq!(burst(&shown(&lines(&runs, |at| at + 7.0), "").0), in_time);
    assert_eq!(in_time.iter().filter(|it| **it).count(), 30, "all but the lone run");
    // The same levels without their first runs: what follows begins one by one.
    let steady: Vec<Times> = [2, 8, 16]
        .into_iter()
        .flat_map(|it| level(it, it * 9, 0.0).into_iter().skip(2 * it as usize))
        .collect();
    assert!(burst(&shown(&lines(&steady, |at| at), "").0).iter().all(|it| !it));
}

#[test]
fn repetitions_lie_end_to_end() {
    let twice = |pause: f64| {
        let again =
            sweep(3).into_iter().map(|(level, start, end)| (level, start + pause, end + pause));
        let mut runs = sweep(3);
        runs.extend(again);
        lines(&runs, |at| (at * 1e4).round() / 1e4)
    };
    let (project, ended) = run("runs.jsonl", &twice(500.0), "");
    ended.success();
    let once = run("runs.jsonl", &lines(&sweep(3), |at| at), "").0.result();
    for (level, single) in std::iter::zip(
        project.result()["levels"].as_array().unwrap(),
        once["levels"].as_array().unwrap(),
    ) {
        assert_eq!(level["measured"].as_u64(), single["measured"].as_u64().map(|it| it * 2));
        for key in ["throughput", "mean_in_flight"] {
            let (two, one) = (level[key].as_f64().unwrap(), single[key].as_f64().unwrap());
            assert!((two / one - 1.0).abs() < 1e-6, "{key}: {two} instead of {one}");
        }
    }
    // Both clocks begin at 0: only a column can tell them apart.
    assert!(refused(&twice(0.0), "").contains("a column `repetition`"));
    let numbered: String = twice(0.0)
        .lines()
        .enumerate()
        .map(|(line, text)| {
            text.replacen('{', &format!("{{\"repetition\": {},", line / sweep(3).len()), 1) + "\n"
        })
        .collect();
    let (numbered, _) = run("runs.jsonl", &numbered, "");
    assert_eq!(numbered.result()["estimates"], project.result()["estimates"]);
    // So do files, unless one is a copy.
    let files = numbered.file("b.jsonl", &(lines(&sweep(3), |at| at) + "\n"));
    std::fs::create_dir(files.path("a")).unwrap();
    std::fs::write(files.path("a/1.jsonl"), lines(&sweep(3), |at| at)).unwrap();
    files.run(&["run", "spec.yml", "-q", "--set", "workflow.path=[a, b.jsonl]"]).success();
    assert_eq!(files.result()["estimates"], project.result()["estimates"]);
}

#[test]
fn a_concurrency_that_was_not_reached_is_none() {
    let claims = |runs: Vec<Times>, claim: u32| -> Vec<Times> {
        runs.into_iter().map(|(_, start, end)| (claim, start, end)).collect()
    };
    let mut runs = level(1, 20, 0.0);
    runs.extend(claims(level(2, 64, 0.0), 32));
    let text = lines(&runs, |at| at + 1e9);
    let error = refused(&text, "");
    assert!(
        error.contains("runs.jsonl: concurrency 32 was never reached: 2 runs were in flight"),
        "{error}"
    );
    let measured = shown(&text, ", concurrency: measured").1;
    let mut honest = level(1, 20, 0.0);
    honest.extend(level(2, 64, 0.0));
    assert_eq!(measured, shown(&lines(&honest, |at| at), "").1);
    let mut unclaimed = String::new();
    for (_, start, end) in [level(1, 20, 0.0), level(2, 64, 600.0)].concat() {
        let _ = writeln!(unclaimed, "{{\"start\": {start}, \"end\": {end}}}");
    }
    assert_eq!(shown(&unclaimed, ", concurrency: measured").1, measured);
    assert!(refused(&unclaimed, "").contains("`concurrency`"));
    let over = refused(&lines(&claims(level(8, 64, 0.0), 4), |at| at), "");
    assert!(over.contains("concurrency 4 was exceeded"), "{over}");
}
