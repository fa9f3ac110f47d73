//! The command with its additions, run as a process.

#[path = "../src/echo.rs"]
mod echo;

use echo::EchoSpec;
use sizer::extend::{LevelPlan, LevelSize, LoadPoint, WorkOrder};
use sizer::sections::Parts;
use sizer::{Extensions, Item, SpecSet};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

/// An empty folder with the spec and its questions.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    for file in ["spec.yml", "questions.jsonl"] {
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(file), folder.join(file)).unwrap();
    }
    folder
}

/// Runs the command in a folder, with a text as its input.
fn run(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_extend"));
    command.args(args).current_dir(folder).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn a_spec_uses_all_four() {
    let folder = folder("run");
    let output = run(&folder, &["run", "spec.yml"], "");
    let (stdout, stderr) = (output.stdout, String::from_utf8(output.stderr).unwrap());
    assert!(String::from_utf8(stdout).unwrap().contains("Recommended: "));
    assert!(stderr.contains("levels that the executor was given: 3"), "{stderr}");
    let report = fs::read_to_string(folder.join("out/levels.txt")).unwrap();
    assert_eq!(report.lines().count(), 3, "{report}");
    let summary = fs::read_to_string(folder.join("out/summary.md")).unwrap();
    assert!(summary.contains("chord"), "{summary}");

    // Everything is there, for every verb.
    let again = String::from_utf8(run(&folder, &["run", "spec.yml"], "").stderr).unwrap();
    assert!(!again.contains("levels that the executor was given"), "{again}");
    for verb in ["plan", "status", "history", "validate"] {
        run(&folder, &[verb, "spec.yml"], "");
    }
    let schema = String::from_utf8(run(&folder, &["schema"], "").stdout).unwrap();
    assert!(schema.contains("\"echo\""));
}

#[test]
fn a_worker_carries_out_a_plan_of_an_added_kind() {
    let folder = folder("worker");
    let text = "version: 1
name: shared
dataset: {path: questions.jsonl}
workflow: {type: echo, per_letter: 1ms, mouths: 2}
concurrency: {levels: [2], passes: 2}
";
    let read = |_: &Path| Err(ErrorKind::NotFound.into());
    let parts = Parts { project: None, profile: None, overrides: &[], env: &|_| None, read: &read };
    let extensions = Arc::new(Extensions::default().with_workflow::<EchoSpec>().unwrap());
    let specs = SpecSet::parse_with(text, Path::new("spec.yml"), &parts, &extensions).unwrap();
    let spec = specs.single().unwrap();
    let items = ["Who?", "Me?"].map(|question| Item {
        id: question.to_owned(),
        input: question.to_owned(),
        ..Item::default()
    });
    let size = LevelSize::of_spec(&spec.concurrency, LoadPoint::InFlight(2), None);
    let plan = LevelPlan::of_spec(&spec.concurrency, size, items.into());
    let order = WorkOrder::new(&spec, plan).unwrap().to_json().unwrap();
    for share in ["0/2", "1/2"] {
        let file = format!("{}.parquet", &share[..1]);
        run(&folder, &["worker", "--share", share, "-o", &file], &order);
    }
    run(&folder, &["worker", "-o", "level.parquet", "--merge", "0.parquet", "1.parquet"], "");
    assert!(fs::read(folder.join("level.parquet")).unwrap().starts_with(b"PAR1"));
}
