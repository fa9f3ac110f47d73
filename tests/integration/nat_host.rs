//! Configurations whose workflow sizer runs itself, in host processes of a toolkit: a stand-in with the calls that
//! the host makes. Real processes, all of which have to be gone afterwards.

use crate::support::{Ended, Sizer, holds};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

macro_rules! standin {
    ($($name:literal),*) => { [$(($name, include_str!(concat!("../data/standin/", $name)))),*] };
}

/// The files of the stand-in, by their paths.
const STANDIN: [(&str, &str); 9] = standin![
    "nat/__init__.py",
    "nat/runtime/__init__.py",
    "nat/runtime/loader.py",
    "nat/eval/__init__.py",
    "nat/eval/dataset_handler/__init__.py",
    "nat/eval/dataset_handler/dataset_handler.py",
    "nat/builder/__init__.py",
    "nat/builder/context.py",
    "nvidia_nat_core-9.9.9.dist-info/METADATA"
];
const BURST: &str = "concurrency: {mode: burst, levels: [1, 3], passes: 2}";
pub(crate) const HOSTED: &str = "{type: nat, config: c.yml}";

/// A configuration whose workflow behaves as told.
fn configured(does: &str) -> String {
    format!(
        "workflow:\n  _type: standin\n{does}\neval:\n  general:\n    dataset: {{_type: jsonl, file_path: questions.jsonl}}\n"
    )
}

pub(crate) fn project(does: &str) -> Sizer {
    installed(Sizer::new(), does)
}

/// The project with a configuration, and with a Python that has the stand-in in a virtual environment.
pub(crate) fn installed(project: Sizer, does: &str) -> Sizer {
    let project = project.file("c.yml", &configured(does));
    for (name, text) in STANDIN {
        let path = project.path("site").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    std::fs::create_dir_all(project.path("venv/bin")).unwrap();
    let site = project.path("site");
    let python = format!(
        "#!/bin/sh\nPYTHONDONTWRITEBYTECODE=1 PYTHONPATH='{}' exec python3 \"$@\"\n",
        site.display()
    );
    executable(&project, "venv/bin/python", &python);
    let venv = project.path("venv").display().to_string();
    project.env("VIRTUAL_ENV", &venv).env("NAT_PYTHON", "")
}

fn executable(project: &Sizer, name: &str, text: &str) {
    std::fs::write(project.path(name), text).unwrap();
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(project.path(name), mode).unwrap();
}

/// A project without any toolkit.
fn bare(does: &str) -> Sizer {
    let project = Sizer::new().file("c.yml", &configured(does));
    executable(&project, "python", "#!/bin/sh\nexec python3 -I \"$@\"\n");
    project.env("VIRTUAL_ENV", "").env("NAT_PYTHON", "./python")
}

pub(crate) fn lines(project: &Sizer, file: &str) -> Vec<String> {
    let text = std::fs::read_to_string(project.path(file)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn hosts(project: &Sizer) -> BTreeSet<u32> {
    lines(project, "hosts").iter().map(|id| id.parse().unwrap()).collect()
}

pub(crate) fn lives(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|it| !it.trim().is_empty() && !it.trim().starts_with('Z'))
}

#[track_caller]
fn assert_gone(project: &Sizer) {
    let ids = hosts(project);
    assert!(!ids.is_empty(), "no host was there");
    wait_until("the hosts are gone", || !ids.iter().any(|id| lives(*id)));
}

#[track_caller]
pub(crate) fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within 30 s");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn levels(project: &Sizer) -> Vec<Value> {
    project.result()["levels"].as_array().unwrap().clone()
}

const CALC: [&str; 9] = [
    "calc",
    "--config_file",
    "c.yml",
    "--concurrencies",
    "1,12",
    "--num_passes",
    "2",
    "--calc_output_dir",
    "calc",
];

#[test]
fn a_calculation_runs_the_workflow_of_its_configuration() {
    let project = project("");
    let ended = project.run(&CALC).success();
    ended.stdout("|          12 |").stdout("p95 Server Runtime");
    // One host, whose runs are as many at a time as the level says: nothing holds them back.
    assert_eq!(hosts(&project).len(), 1);
    assert_eq!(lines(&project, "limits"), ["-1"]);
    let most = lines(&project, "running").iter().map(|it| it.parse::<u32>().unwrap()).max();
    assert_eq!(most, Some(12));
    // A run to warm up, two of the first level and twenty-four of the second, each asked as an evaluation asks.
    let asked = lines(&project, "asked");
    assert_eq!(asked.len(), 1 + 2 + 24);
    assert!(asked.iter().all(|line| line.contains(" What is ")), "{asked:?}");
    assert!(lines(&project, "users").iter().all(|user| user == "nat_eval_user"));
    // The host ended as it was asked to, and in the folder that the reference would have run in.
    assert_eq!(lines(&project, "closed"), lines(&project, "hosts"));
    let folder = std::fs::canonicalize(project.path("")).unwrap();
    assert_eq!(lines(&project, "folders"), [folder.display().to_string()]);
    assert_gone(&project);
    let job =
        std::fs::read_dir(project.path("calc/online")).unwrap().next().unwrap().unwrap().path();
    let written = std::fs::read_to_string(job.join("calc_runner_output.json")).unwrap();
    let written: Value = serde_json::from_str(&written).unwrap();
    let metrics = &written["calc_data"]["12"]["sizing_metrics"];
    assert!(metrics["llm_latency_p95"].as_f64().unwrap() >= 0.02, "{metrics}");
}

#[test]
fn an_imported_spec_runs_as_it_is_from_wherever_it_lies() {
    let project = project("");
    std::fs::create_dir_all(project.path("specs")).unwrap();
    let ended = project.run(&["import", "nat", "c.yml", "-o", "specs/s.yml"]).success();
    ended.stdout("run it: sizer run specs/s.yml");
    let text = project.read("specs/s.yml");
    let spec: Value = serde_yaml::from_str(&text).unwrap();
    let expected = json!({ "type": "nat", "config": "../c.yml", "cwd": ".." });
    assert_eq!(spec["workflow"], expected, "{text}");
    assert!(text.contains("  # base_url: http://localhost:8000\n  # serve: {\"run\":"), "{text}");
    let set = ["--set", "concurrency.levels=[1, 2]"];
    project.run(&[&["run", "specs/s.yml"], &set[..]].concat()).success();
    assert_gone(&project);
    // What is commented out is a workflow as well.
    let served: String = text
        .lines()
        .filter(|line| !line.starts_with("  config:") && !line.starts_with("  cwd:"))
        .map(|line| {
            let shown = line.strip_prefix("  # ").filter(|it| it.starts_with(['b', 's']));
            shown.map_or_else(|| line.to_owned(), |shown| format!("  {shown}")) + "\n"
        })
        .collect();
    std::fs::write(project.path("specs/served.yml"), served).unwrap();
    project.run(&["validate", "specs/served.yml"]).success();
}

#[test]
fn several_hosts_share_the_runs() {
    let project = project("").workflow("{type: nat, config: c.yml, hosts: 3, timeout: 60s}", BURST);
    project.run(&["run", "spec.yml"]).success();
    assert_eq!(hosts(&project).len(), 3);
    let asked = lines(&project, "asked");
    let of = |host: &u32| asked.iter().filter(|it| it.starts_with(&format!("{host} "))).count();
    // Three at a time, and each host takes what the others have not.
    assert!(hosts(&project).iter().all(|host| of(host) >= 2), "{asked:?}");
    let [one, three] = levels(&project).try_into().unwrap();
    assert_eq!((&one["host"]["processes"], &three["host"]["processes"]), (&json!(3), &json!(3)));
    assert_gone(&project);
    let idle = self::project("").workflow("{type: nat, config: c.yml, hosts: auto}", BURST);
    idle.run(&["run", "spec.yml"]).success();
    let host = &levels(&idle)[0]["host"];
    assert_eq!(host["processes"], 1, "nothing is asked of it: {host}");
}

#[test]
fn a_host_that_is_busy_all_the_time_is_the_limit() {
    let busy = "  spin: 0.06\n  sleep: 0";
    let project = project(busy);
    let targets =
        ["--target_workflow_runtime", "9", "--target_users", "10", "--test_gpu_count", "1"];
    let ended = project.run(&[&CALC[..], &targets].concat());
    let ended = ended.stdout("C = host of the workflow busy").stdout("| !C     |          12 |");
    ended.stderr("busy all the time at concurrency").stderr("the host, not the LLM, is the limit");
    // The reference's file has no place for it; sizer's own beside it does.
    let offline = ["calc", "--offline_mode", "--calc_output_dir", "calc"];
    let ended = project.run(&[&offline[..], &targets].concat());
    let ended = ended.stdout("| !C     |          12 |").stdout("p95 Server Runtime");
    ended.stderr("busy all the time at concurrency");
    // What surrounds a run is little beside it, even on a busy machine.
    let spec = self::project("  spin: 0.3\n  sleep: 0").workflow(
        "{type: nat, config: c.yml, hosts: auto}",
        "concurrency: {mode: burst, levels: [2], passes: 2}",
    );
    spec.run(&["run", "spec.yml"]).success();
    let host = &levels(&spec)[0]["host"];
    let cores = std::thread::available_parallelism().unwrap().get();
    // More hosts help only where there are cores for them, which a wave of runs before the level decides: on a busy
    // machine it can be short of them where the level itself is not.
    let contended = host["wait_share"].as_f64().unwrap() > 0.05;
    assert!(host["processes"] == json!(cores.min(2)) || contended, "{host}");
    assert_gone(&spec);
}

#[test]
fn what_goes_wrong_in_a_host_is_told() {
    let run = |does: &str, rest: &str| {
        let project = project(does).workflow(HOSTED, rest);
        let ended = project.run(&["run", "spec.yml"]);
        assert_gone(&project);
        (project, ended)
    };
    let many = "concurrency: {mode: burst, levels: [1], runs: 6, on_failure: {tolerate: 90%}}";
    let (project, _) = run("  fail_at: 3\n  message: 'tool \"x\" broke'", many);
    let [level] = levels(&project).try_into().unwrap();
    assert_eq!((&level["failed"], &level["measured"]), (&json!(1), &json!(6)));
    let failure = &level["failures"][0];
    assert_eq!(failure["kind"], "workflow_error", "{failure}");
    let said = failure["first_message"].as_str().unwrap();
    assert_eq!(said, "workflow_error: tool \"x\" broke (ValueError)");

    let (_, ended) = run("  die_at: 3", many);
    ended
        .code(1)
        .stderr("a host of the workflow has ended, exit status: 3: ")
        .stderr("out of memory");
    let (_, ended) = run("  build_error: no such tool", many);
    ended.code(1).stderr("cannot be built: RuntimeError: no such tool");
    let project = self::project("  build_sleep: 60")
        .workflow("{type: nat, config: c.yml, ready_timeout: 7s}", many);
    let ended = project.run(&["run", "spec.yml"]).code(1);
    ended.stderr("was not ready within 7 s (workflow.ready_timeout)").stderr("settings:");
    assert_gone(&project);
}

#[test]
fn a_run_that_is_given_up_is_ended_in_its_host() {
    let project = project("  sleep: 30").workflow(
        "{type: nat, config: c.yml, timeout: 700ms}",
        "concurrency: {mode: burst, levels: [2], runs: 2, on_failure: {tolerate: 90%}}",
    );
    project.run(&["run", "spec.yml"]);
    assert_eq!(levels(&project)[0]["failures"][0]["kind"], "timeout");
    // The run that warms up, and both of the level.
    assert_eq!(lines(&project, "cancelled").len(), 3);
    assert_gone(&project);
}

#[test]
fn a_toolkit_that_is_not_there_is_named_and_the_spec_is_written() {
    let install = "pip install \"nvidia-nat[eval,langchain]\"";
    let targets =
        ["--target_workflow_runtime", "9", "--target_users", "10", "--test_gpu_count", "1"];
    let calc = [&CALC[..], &targets].concat();
    let project = bare("");
    let ended = project.run(&calc).code(2);
    let ended = ended
        .stderr(
            "the toolkit that runs this configuration was not found in the Python of NAT_PYTHON",
        )
        .stderr(install)
        .stderr("calc/spec.yml: run it with `sizer run calc/spec.yml`");
    assert_eq!(ended.stderr.trim().lines().count(), 1, "{}", ended.stderr);
    let text = project.read("calc/spec.yml");
    let spec: Value = serde_yaml::from_str(&text).unwrap();
    assert_eq!(spec["dataset"]["path"], "../questions.jsonl");
    assert_eq!(spec["concurrency"]["levels"], json!([1, 12]));
    assert_eq!(spec["targets"], json!({ "users": 10, "workflow_runtime": 9.0 }));
    assert!(text.contains("# serve:"), "{text}");
    // It is not lost if it was changed meanwhile.
    std::fs::write(project.path("calc/spec.yml"), "mine").unwrap();
    project.run(&calc).code(2);
    assert_eq!(project.read("calc/spec.yml"), "mine");
    let without: Vec<&str> = calc
        .iter()
        .copied()
        .filter(|it| !it.contains("calc_output_dir") && *it != "calc")
        .collect();
    let without = [&["calc"], &without[..]].concat();
    project.run(&without).code(2).stderr(install).stderr("--emit-spec FILE");
    // A toolkit that is installed and cannot be loaded is no better.
    let broken =
        self::project("").file("site/nat/runtime/loader.py", "import not_installed_at_all\n");
    let ended = broken.run(&calc).code(2);
    ended
        .stderr("cannot be loaded (ModuleNotFoundError: No module named 'not_installed_at_all')")
        .stderr(install);
    let named = bare("").workflow("{type: nat, config: c.yml, python: ./nowhere}", BURST);
    named
        .run(&["run", "spec.yml"])
        .code(2)
        .stderr("was not found in ")
        .stderr("nowhere: it cannot be started (No such file");
    named.run(&["validate", "spec.yml"]).success();
}

#[test]
fn the_toolkit_is_found_as_its_users_have_it() {
    let found = |project: Sizer, args: &[&str]| {
        let ended = project.run(&[&CALC[..], args].concat()).success();
        ended.stdout("|          12 |");
        assert_gone(&project);
    };
    found(project("").env("VIRTUAL_ENV", ""), &["--nat-python", "venv/bin/python"]);
    let named = project("");
    let python = named.path("venv/bin/python").display().to_string();
    found(named.env("VIRTUAL_ENV", "").env("NAT_PYTHON", &python), &[]);
    // A command on the PATH, whose first line names its Python; an environment in use that lacks the toolkit is passed over.
    let installed = project("");
    std::fs::create_dir_all(installed.path("empty/bin")).unwrap();
    executable(&installed, "empty/bin/python", "#!/bin/sh\nexec python3 -I \"$@\"\n");
    std::fs::create_dir_all(installed.path("bin")).unwrap();
    let python = installed.path("venv/bin/python").display().to_string();
    executable(&installed, "bin/nat", &format!("#!{python}\n"));
    let path = format!("{}:{}", installed.path("bin").display(), std::env::var("PATH").unwrap());
    let empty = installed.path("empty").display().to_string();
    found(installed.env("VIRTUAL_ENV", &empty).env("PATH", &path), &[]);
    // A link to where it is installed.
    let linked = project("");
    executable(&linked, "venv/bin/nat", "#!/bin/sh\n");
    std::fs::create_dir_all(linked.path("bin")).unwrap();
    std::os::unix::fs::symlink(linked.path("venv/bin/nat"), linked.path("bin/nat")).unwrap();
    let path = format!("{}:{}", linked.path("bin").display(), std::env::var("PATH").unwrap());
    found(linked.env("VIRTUAL_ENV", "").env("PATH", &path), &[]);
    // What sizer could ask itself is run by the toolkit where that is asked for.
    let chat = "  _type: chat_completion\n";
    let chat = project("").file("c.yml", &configured("").replace("  _type: standin\n", chat));
    found(chat, &["--nat-hosts", "1"]);
    let project = project("");
    for with in [["--endpoint", "http://h"], ["--offline_mode", "--target_users=1"]] {
        let args = [&CALC[..], &["--nat-hosts", "2"], &with].concat();
        project.run(&args).code(2).stderr("--nat-python and --nat-hosts start the workflow");
    }
    project.run(&[&CALC[..], &["--nat-hosts", "0"]].concat()).code(2).stderr("from 1 to");
}

#[test]
fn levels_are_those_of_the_configuration_and_the_toolkit() {
    let project = project("  sleep: $SLEEP").env("SLEEP", "0.02").workflow(HOSTED, BURST);
    let runs = |project: &Sizer| {
        project.run(&["run", "spec.yml"]).success();
        lines(project, "asked").len()
    };
    let measured = 1 + 2 + 6;
    assert_eq!(runs(&project), measured);
    assert_eq!(runs(&project), measured, "nothing has changed");
    // Elsewhere, by another Python: the same levels.
    let moved = Sizer::at(tempfile::TempDir::new().unwrap()).env("SLEEP", "0.02");
    for file in ["c.yml", "spec.yml", "questions.jsonl"] {
        std::fs::copy(project.path(file), moved.path(file)).unwrap();
    }
    let store =
        Command::new("cp").arg("-r").arg(project.path(".sizer")).arg(moved.path("")).status();
    assert!(store.unwrap().success());
    let python = project.path("venv/bin/python").display().to_string();
    let moved = moved.env("VIRTUAL_ENV", "").env("NAT_PYTHON", &python);
    let plan = moved.run(&["plan", "spec.yml"]).success();
    assert!(plan.stdout.contains("sweep@1") && !plan.stdout.contains(" run "), "{}", plan.stdout);
    let project = project.env("SLEEP", "0.03");
    assert_eq!(runs(&project), 2 * measured, "a variable that it reads");
    let changed = configured("  sleep: $SLEEP\n  other: 1");
    let project = project.file("c.yml", &changed);
    assert_eq!(runs(&project), 3 * measured, "its text");
    let newer =
        project.read("site/nvidia_nat_core-9.9.9.dist-info/METADATA").replace("9.9.9", "9.9.10");
    let project = project.file("site/nvidia_nat_core-9.9.9.dist-info/METADATA", &newer);
    assert_eq!(runs(&project), 4 * measured, "the toolkit");
    std::fs::write(project.path("tools.py"), "x = 1\n").unwrap();
    let project = project.workflow("{type: nat, config: c.yml, files: ['*.py']}", BURST);
    assert_eq!(runs(&project), 5 * measured, "code that it is said to be made of");
    let project = project.file("tools.py", "x = 2\n");
    assert_eq!(runs(&project), 6 * measured, "that code");
    project
        .run(&["plan", "spec.yml", "--set", "workflow.config=no.yml"])
        .code(2)
        .stderr("no.yml cannot be read");
}

fn signal(child: &Child, signal: rustix::process::Signal) {
    let id = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(id, signal).unwrap();
}

#[test]
fn hosts_and_their_children_end_with_sizer_whatever_ends_it() {
    for by in [rustix::process::Signal::KILL, rustix::process::Signal::INT] {
        let project = project("  sleep: 30\n  child: yes")
            .workflow("{type: nat, config: c.yml, hosts: 2}", BURST);
        let mut child = project.command(&["run", "spec.yml"]).spawn().unwrap();
        wait_until("runs have begun", || lines(&project, "asked").len() > 1);
        signal(&child, by);
        child.wait().unwrap();
        assert_eq!(hosts(&project).len(), 4, "two hosts with a child each");
        assert_gone(&project);
    }
    // As early as it can be: the host is still loading.
    let project = project("  build_sleep: 60").workflow(HOSTED, BURST);
    let mut child = project.command(&["run", "spec.yml"]).spawn().unwrap();
    wait_until("the host is there", || !lines(&project, "hosts").is_empty());
    signal(&child, rustix::process::Signal::KILL);
    child.wait().unwrap();
    assert_gone(&project);
}

#[test]
fn secrets_of_a_host_stay_out_of_everything() {
    const CANARY: &str = "canary-4711-hosted";
    let project = project("  key: '${TOOL_KEY}'\n  fail_at: 2\n  message: 'bad key ${TOOL_KEY}'")
        .env("TOOL_KEY", CANARY)
        .workflow("{type: nat, config: c.yml, env: {OTHER: '${env:TOOL_KEY}'}}", BURST);
    let ended = project.run(&["run", "spec.yml", "--log", "debug"]);
    let ended = ended.stderr("noise of the workflow on stdout").stderr("bad key ***");
    let hidden = |ended: &Ended| {
        assert!(!format!("{}{}", ended.stdout, ended.stderr).contains(CANARY), "{}", ended.stderr);
    };
    hidden(&ended);
    for file in project.files() {
        assert!(!holds(&file, CANARY), "{}", file.display());
    }
    let failing = self::project("  build_error: 'no key ${TOOL_KEY}'").env("TOOL_KEY", CANARY);
    let ended = failing.run(&CALC).code(1);
    hidden(&ended);
    ended.stderr("no key ***");
}

#[test]
fn mistakes_are_shown_where_they_are() {
    for (workflow, message) in [
        ("{type: nat}", "there is nothing to measure"),
        ("{type: nat, base_url: 'http://h', config: c.yml}", "either served or run here"),
        ("{type: nat, config: c.yml, serve: {run: [nat]}}", "sizer starts the hosts"),
        ("{type: nat, config: c.yml, api_key: '${env:K}'}", "sizer starts the hosts"),
        (
            "{type: nat, base_url: 'http://h', hosts: 2}",
            "starts no hosts for a server given by base_url",
        ),
        ("{type: nat, config: c.yml, hosts: 0}", "from 1 to 1024"),
        ("{type: nat, config: c.yml, hosts: many}", "from 1 to 1024"),
        ("{type: nat, config: c.yml, ready_timeout: 0s}", "no host is ready within 0 s"),
    ] {
        let project = project("").env("K", "k").workflow(workflow, BURST);
        let ended = project.run(&["validate", "spec.yml"]).code(2);
        ended.stderr(message).stderr("spec.yml:4");
    }
}
