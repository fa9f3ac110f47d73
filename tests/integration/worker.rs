//! `sizer worker`: shares of a level by processes of their own, and what they refuse.

use crate::support::{BINARY, Ended, SimulatorProcess, Sizer};
use sizer::extend::{LevelPlan, LevelSize, WorkOrder};
use sizer::internal::{from_parquet, to_parquet};
use sizer::runs::{Phase, RecordingMeta};
use sizer::{Item, LevelMetrics, Recording, Run};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

/// Work order as an executor would send it: a level of the project's spec, with four items.
pub(crate) fn order(project: &Sizer, level: u32) -> WorkOrder {
    let spec = project.read_spec();
    let item = |n: u32| Item {
        id: format!("q{n}"),
        input: format!("What is {n} x 7?"),
        ..Item::default()
    };
    let size = LevelSize::of_spec(&spec.concurrency, spec.concurrency.point(level), None);
    let plan = LevelPlan::of_spec(&spec.concurrency, size, (1..=4).map(item).collect());
    WorkOrder::new(&spec, plan).unwrap()
}

fn project(simulator: &SimulatorProcess, load: &str) -> Sizer {
    let workflow =
        format!("{{type: openai, base_url: 'http://{}/v1', model: m}}", simulator.address);
    Sizer::new().workflow(&workflow, &format!("concurrency: {{{load}}}"))
}

/// A server whose time hardly grows with its load, as far as tests go.
fn steady() -> SimulatorProcess {
    SimulatorProcess::start(&[
        "engine.base=10ms",
        "engine.per_sequence=0ms",
        "engine.max_batch=1000",
        "output_tokens=20",
    ])
}

/// A worker of each share, all of which are there before any begins: a plan is longer than what a pipe holds, so
/// that it is taken whole only by who reads.
fn started(project: &Sizer, order: &WorkOrder, of: u32) -> Vec<Child> {
    let text = order.to_json().unwrap() + &" ".repeat(200_000);
    let mut children: Vec<Child> = (0..of)
        .map(|index| {
            let (share, output) = (format!("{index}/{of}"), format!("{index}.parquet"));
            let mut command = project.command(&["worker", "--share", &share, "-o", &output]);
            command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in &mut children {
        child.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }
    for child in &mut children {
        drop(child.stdin.take());
    }
    children
}

/// Makes all shares, each by a worker, and merges their recordings by another one.
fn merged(project: &Sizer, order: &WorkOrder, of: u32) -> Recording {
    for child in started(project, order, of) {
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && stderr.is_empty(), "{stderr}");
    }
    // In any order.
    let shares: Vec<String> = (0..of).rev().map(|index| format!("{index}.parquet")).collect();
    let shares: Vec<&str> = shares.iter().map(String::as_str).collect();
    let args = [&["worker", "-o", "level.parquet", "--merge"], &shares[..]].concat();
    let ended = project.run(&args).success();
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
    from_parquet(std::fs::read(project.path("level.parquet")).unwrap()).unwrap()
}

/// Ids of the runs before the window and in it, each of which is there once.
fn planned(recording: &Recording) -> BTreeSet<&str> {
    let planned = recording.runs.iter().filter(|run| run.phase != Phase::CoolDown);
    let ids: Vec<&str> = planned.map(|run| run.id.as_str()).collect();
    let set: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(set.len(), ids.len(), "{ids:?}");
    set
}

#[test]
fn two_workers_of_one_plan_give_the_concurrency_of_one() {
    let simulator = steady();
    let project = project(&simulator, "levels: [15], passes: 12");
    let order = order(&project, 15);
    let one = merged(&project, &order, 1);
    let two = merged(&project, &order, 2);
    assert!(one.runs.iter().chain(&two.runs).all(Run::is_ok));
    assert_eq!(planned(&one).len(), 15 * 13);
    assert_eq!(planned(&one), planned(&two), "the runs of the plan");
    assert!(two.runs.is_sorted_by(|a, b| a.start <= b.start));
    let [one, two] = [one, two].map(|recording| {
        let RecordingMeta { part, machines, .. } = &recording.around;
        assert_eq!(*part, None);
        (LevelMetrics::of(15, &recording, 0.0), machines.clone())
    });
    assert_eq!((one.1.len(), two.1.len()), (1, 2));
    // Weighted with time, over the window: what is lost between two runs of a user is a few ms of 200.
    for (level, _) in [&one, &two] {
        assert!((13.0..=15.01).contains(&level.mean_in_flight), "{}", level.mean_in_flight);
    }
    let difference = (one.0.mean_in_flight - two.0.mean_in_flight).abs();
    assert!(difference < 1.0, "{} and {}", one.0.mean_in_flight, two.0.mean_in_flight);
}

#[test]
fn workers_of_an_open_loop_send_the_runs_of_one() {
    let simulator = steady();
    let project = project(&simulator, "levels: [20], passes: 2, rate: 2.5, ramp: 200ms, seed: 7");
    let order = order(&project, 20);
    let whole = merged(&project, &order, 1);
    let three = merged(&project, &order, 3);
    assert_eq!(planned(&whole).len(), 60);
    assert_eq!(planned(&whole), planned(&three));
}

/// A worker that is handed a text; what it writes to stdout is no text.
pub(crate) fn fed(project: &Sizer, args: &[&str], text: &str) -> (Ended, Vec<u8>) {
    let mut command = project.command(&[&["worker"], args].concat());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Who has read enough to refuse it reads no further.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    (Ended { stdout: String::new(), stderr, code: output.status.code() }, output.stdout)
}

#[test]
fn a_recording_goes_to_stdout_without_a_file() {
    let simulator = steady();
    let project = project(&simulator, "levels: [2], runs: 6");
    let order = order(&project, 2);
    let (ended, stdout) = fed(&project, &[], &order.to_json().unwrap());
    assert_eq!(ended.success().stderr, "");
    let recording = from_parquet(stdout).unwrap();
    assert_eq!(planned(&recording).len(), 8);
    let part = recording.around.part.unwrap();
    assert_eq!((part.index, part.of, part.plan), (0, 1, order.digest().unwrap()));
}

#[test]
fn what_is_no_plan_is_an_error_of_the_caller() {
    let simulator = steady();
    let project = project(&simulator, "levels: [2], runs: 6");
    let text = order(&project, 2).to_json().unwrap();
    for (args, text, expected) in [
        (&[][..], String::new(), "no plan was given"),
        (&[], "{\"version\": 1".to_owned(), "this is not a plan: EOF"),
        (&[], text.replacen("\"version\":1", "\"version\":7", 1), "the plan has version 7"),
        (
            &[],
            text.replacen("\"in_flight\":2", "\"in_flight\":0", 1),
            "a load of 0 is not possible",
        ),
        (&[], text.replacen("\"model\":\"m\"", "\"modle\":\"m\"", 1), "did you mean `model`?"),
        (&["--share", "0/3"], text.clone(), "a load of 2 cannot be split into 3 shares"),
        (&["--share", "2/2"], text.clone(), "there is no share 2 of 2"),
        (&["--share", "one"], text.clone(), "a share is an index and the number of shares"),
    ] {
        let (ended, stdout) = fed(&project, args, &text);
        ended.code(2).stderr(expected);
        assert!(stdout.is_empty(), "{expected}");
    }
    let (ended, _) = fed(&project, &["-o", "none/runs.parquet"], &text);
    ended.code(1).stderr("none/runs.parquet: cannot write the file");
}

#[test]
fn what_is_not_all_shares_of_one_level_is_not_merged() {
    let simulator = steady();
    let project = project(&simulator, "levels: [2], runs: 6");
    let order = order(&project, 2);
    let share = |order: &WorkOrder, share: &str, file: &str| {
        let args = ["--share", share, "-o", file];
        fed(&project, &args, &order.to_json().unwrap()).0.success();
    };
    share(&order, "0/2", "first.parquet");
    share(&order, "1/2", "second.parquet");
    share(&order, "0/1", "whole.parquet");
    let mut other = order.clone();
    other.plan.seed += 1;
    share(&other, "1/2", "other.parquet");
    let loose = Recording { runs: vec![Run::default()], ..Recording::default() };
    std::fs::write(project.path("loose.parquet"), to_parquet(&loose).unwrap()).unwrap();
    std::fs::write(project.path("text.parquet"), "id,start\n").unwrap();
    for (files, code, expected) in [
        (&["first.parquet"][..], 2, "share 1 of 2 is missing"),
        (&["second.parquet"], 2, "share 0 of 2 is missing"),
        (
            &["first.parquet", "second.parquet", "first.parquet"],
            2,
            "share 0 of 2 is given twice: first.parquet and first.parquet",
        ),
        (
            &["first.parquet", "other.parquet"],
            2,
            "first.parquet and other.parquet are shares of different plans",
        ),
        (
            &["first.parquet", "whole.parquet"],
            2,
            "first.parquet is one of 2 shares, and whole.parquet one of 1",
        ),
        (&["first.parquet", "loose.parquet"], 2, "loose.parquet does not say which share"),
        (&["first.parquet", "text.parquet"], 2, "text.parquet: this is not a Parquet file"),
        (&["first.parquet", "none.parquet"], 2, "none.parquet cannot be read: No such file"),
        (&["first.parquet", "."], 2, ".: it is not a regular file"),
        (&["first.parquet", "level.parquet"], 2, "level.parquet would be overwritten"),
        (&["first.parquet", "--share", "0/2"], 2, "cannot be used with"),
        (&[], 2, "a value is required"),
    ] {
        std::fs::write(project.path("level.parquet"), "earlier").unwrap();
        let args = [&["worker", "-o", "level.parquet", "--merge"], files].concat();
        project.run(&args).code(code).stderr(expected);
        assert_eq!(project.read("level.parquet"), "earlier", "{expected}");
    }
    let args = ["worker", "--merge", "first.parquet", "second.parquet"];
    let output = project.command(&args).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert_eq!(planned(&from_parquet(output.stdout).unwrap()).len(), 8);
}

#[test]
fn secrets_come_from_the_environment_of_the_worker() {
    let simulator = steady();
    let workflow = format!(
        "{{type: openai, base_url: 'http://{}/v1', model: m, api_key: '${{env:WORKER_KEY}}'}}",
        simulator.address
    );
    let project = Sizer::new().workflow(&workflow, "concurrency: {levels: [1], runs: 1}");
    let text = order(&project, 1).to_json().unwrap();
    assert!(text.contains("${env:WORKER_KEY}"), "{text}");
    fed(&project, &[], &text).0.code(2).stderr("the environment variable WORKER_KEY is not set");
    let literal = text.replace("${env:WORKER_KEY}", "sk-1234567890abcdef");
    let (ended, _) = fed(&project, &[], &literal);
    assert!(!ended.code(2).stderr.contains("1234567890abcdef"));
    let project = project.env("WORKER_KEY", "sk-1234567890abcdef");
    fed(&project, &["-o", "runs.parquet"], &text).0.success();
}

#[test]
fn a_server_that_is_not_there_fails_the_worker() {
    let simulator = steady();
    let project = project(&simulator, "levels: [1], runs: 1");
    let text = order(&project, 1).to_json().unwrap();
    drop(simulator);
    fed(&project, &["-o", "runs.parquet"], &text).0.code(1).stderr("the server cannot be reached");
    assert!(!project.path("runs.parquet").exists());
}

/// Stopped while it waits for a plan, and while it makes the load of one.
#[test]
fn a_signal_ends_a_worker_and_leaves_nothing() {
    let simulator = steady();
    let project = project(&simulator, "levels: [3], duration: 10m");
    let text = order(&project, 3).to_json().unwrap();
    for text in [None, Some(text)] {
        let mut command = project.command(&["worker", "-o", "runs.parquet", "--log", "debug"]);
        command.stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take();
        match text {
            // More than a pipe holds is taken by who reads: it is up.
            None => stdin.as_mut().unwrap().write_all(&vec![b' '; 200_000]).unwrap(),
            Some(text) => {
                stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
                while simulator.metric("requests_total") < 3 {
                    std::thread::sleep(std::time::Duration::from_millis(10));
                }
            }
        }
        let killed = Command::new("kill").arg(child.id().to_string()).status().unwrap();
        assert!(killed.success());
        let status = child.wait().unwrap();
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!(status.code(), Some(143), "{stderr}");
        assert!(stderr.contains("interrupted") && !stderr.contains("panicked"), "{stderr}");
        drop(stdin);
    }
    let left: Vec<_> = project
        .files()
        .iter()
        .filter_map(|it| it.file_name()?.to_str().map(str::to_owned))
        .collect();
    assert_eq!(left.len(), 2, "spec and questions alone: {left:?}");
}

#[test]
fn the_worker_is_nobodys_command() {
    let help = Sizer::new().run(&["--help"]).success().stdout;
    assert!(!help.contains("worker"), "{help}");
    assert!(Command::new(BINARY).args(["worker", "--help"]).output().unwrap().status.success());
}
