//! However sizer ends, nothing that it started is left: 40 signals at seeded moments of every kind of
//! workflow that starts processes, and what each signal means.

use crate::support::{BINARY, Sizer, free_port};
use rustix::process::{Pid, Signal, kill_process};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const REST: &str = "concurrency: {mode: burst, levels: [2, 3], passes: 2}";
/// By this variable a test knows all processes that come of it.
const MARK: &str = "LEFT_BEHIND_TEST";
/// Longer than any test, and yet it ends by itself.
const SLEEPER: &str = "trap '' TERM HUP\nsleep 120 &\nsleep 120\n";

fn send(id: u32, signal: Signal) {
    let id = Pid::from_raw(id.try_into().unwrap()).unwrap();
    kill_process(id, signal).unwrap();
}

/// The processes that inherited the mark of a project, by what their command line is.
fn living(mark: &str) -> Vec<(u32, String)> {
    let wanted = format!("{MARK}={mark}");
    let of_entry = |entry: std::fs::DirEntry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        let environment = std::fs::read(entry.path().join("environ")).ok()?;
        environment.split(|byte| *byte == 0).find(|it| *it == wanted.as_bytes())?;
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        Some((id, String::from_utf8_lossy(&line).replace('\0', " ")))
    };
    std::fs::read_dir("/proc").unwrap().flatten().filter_map(of_entry).collect()
}

/// A project whose processes are known.
struct Marked {
    project: Sizer,
    mark: String,
}

impl Marked {
    fn new(project: Sizer) -> Self {
        let mark = project.path("").display().to_string();
        Self { project: project.env(MARK, &mark), mark }
    }

    /// Returns a command that gets hangups as they should be, even if the tests themselves run under `nohup`.
    fn command(&self, args: &[&str]) -> Command {
        let sizer = self.project.command(args);
        let mut command = Command::new("env");
        command.arg("--default-signal=HUP").arg(sizer.get_program()).args(sizer.get_args());
        for (name, value) in sizer.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(folder) = sizer.get_current_dir() {
            command.current_dir(folder);
        }
        command
    }

    fn start(&self) -> Child {
        let mut command = self.command(&["run", "spec.yml", "--quiet", "--force"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn others(&self, child: &Child) -> usize {
        living(&self.mark).iter().filter(|(id, _)| *id != child.id()).count()
    }

    #[track_caller]
    fn until_started(&self, child: &Child) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.others(child) == 0 {
            assert!(Instant::now() < deadline, "nothing was started");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    fn assert_nothing_left(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let left = living(&self.mark);
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "left behind: {left:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn was_stopped_by(status: ExitStatus, signal: Signal) -> bool {
    // Before sizer listens, a signal does what it always does.
    status.code() == Some(128 + signal.as_raw()) || status.signal() == Some(signal.as_raw())
}

/// A quarter of the 40 signals.
fn ten_signals(project: Sizer, seed: u64) {
    let project = Marked::new(project);
    let mut state = seed;
    for round in 0..10_usize {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let signal = [Signal::TERM, Signal::HUP, Signal::KILL][round % 3];
        let mut child = project.start();
        std::thread::sleep(Duration::from_millis((state >> 33) % 900));
        send(child.id(), signal);
        let status = child.wait().unwrap();
        assert!(was_stopped_by(status, signal), "round {round}, {signal:?}: {status}");
        project.assert_nothing_left();
    }
}

fn command(more: &str) -> Sizer {
    let workflow = format!("{{type: command, run: [sh, agent.sh], timeout: 100s{more}}}");
    Sizer::new().file("agent.sh", SLEEPER).workflow(&workflow, REST)
}

fn served(port: u16) -> Sizer {
    let serve = format!(
        "{{run: ['{BINARY}', simulate, --port, '{port}', --set, engine.base=40ms, --set, output_tokens=40]}}"
    );
    let workflow = format!(
        "{{type: openai, base_url: 'http://127.0.0.1:{port}/v1', model: m, serve: {serve}}}"
    );
    Sizer::new().workflow(&workflow, REST)
}

#[test]
fn signals_leave_no_command() {
    ten_signals(command(""), 1);
}

#[test]
fn signals_leave_no_command_behind_a_proxy() {
    ten_signals(command(", llm: {upstream: 'http://127.0.0.1:9/v1'}"), 2);
}

#[test]
fn signals_leave_no_worker() {
    let worker = "trap '' TERM HUP\nread -r line; echo '{}'\nread -r line; sleep 120\n";
    let project = Sizer::new()
        .file("worker.sh", worker)
        .workflow("{type: command, persistent: true, run: [sh, worker.sh], timeout: 100s}", REST);
    ten_signals(project, 3);
}

#[test]
fn signals_leave_no_server() {
    ten_signals(served(free_port()), 4);
}

#[test]
fn signals_end_a_run_as_ctrl_c_does() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let project = Marked::new(served(free_port()));
        let mut command = project.command(&["run", "spec.yml"]);
        let child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        project.until_started(&child);
        send(child.id(), signal);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("interrupted; "), "{said}");
        project.assert_nothing_left();
    }
}

#[test]
fn a_second_signal_waits_for_nothing() {
    let worker = "trap '' TERM HUP\nread -r line; echo '{}'\nread -r line; sleep 120\n";
    let project =
        Marked::new(Sizer::new().file("worker.sh", worker).workflow(
            "{type: command, persistent: true, run: [sh, worker.sh], timeout: 100s}",
            REST,
        ));
    let mut child = project.start();
    project.until_started(&child);
    for _ in 0..2 {
        // The first may have been enough.
        let id = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
        let _ = kill_process(id, Signal::TERM);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(child.wait().unwrap().code(), Some(143));
    project.assert_nothing_left();
}

#[test]
fn nohup_is_obeyed() {
    let project = Marked::new(
        Sizer::new()
            .file("agent.sh", "sleep 1\n")
            .workflow("{type: command, run: [sh, agent.sh]}", REST),
    );
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" run spec.yml --quiet", BINARY]);
    command.current_dir(project.project.path("")).env(MARK, &project.mark);
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    project.until_started(&child);
    send(child.id(), Signal::HUP);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Waits until a child of sizer's runs such a verb: before that it is a copy of sizer itself.
#[track_caller]
fn until_runs(sizer: &Child, verb: &str) -> u32 {
    let of_entry = |entry: std::fs::DirEntry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let status = std::fs::read_to_string(entry.path().join("status")).ok()?;
        let ours = status.contains(&format!("PPid:\t{}\n", sizer.id()));
        (ours && line.split('\0').any(|word| word == verb)).then_some(id)
    };
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(id) = std::fs::read_dir("/proc").unwrap().flatten().find_map(of_entry) {
            return id;
        }
        assert!(Instant::now() < deadline, "no {verb} was started");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Where even the guard is killed, as by `pkill -9 -f`, the next run ends what it finds of its own.
#[test]
fn a_server_that_was_left_is_recognised() {
    let project = Marked::new(served(free_port()));
    let mut child = project.start();
    let [guard, _] = ["guard-of-processes", "simulate"].map(|verb| until_runs(&child, verb));
    send(guard, Signal::KILL);
    send(child.id(), Signal::KILL);
    child.wait().unwrap();
    assert_eq!(
        living(&project.mark).len(),
        1,
        "the server was to stay: {:?}",
        living(&project.mark)
    );
    let quick = ["--set", "concurrency.levels=[1]", "--set", "concurrency.passes=1"];
    let args = [["run", "spec.yml"].as_slice(), &quick].concat();
    project.project.run(&args).success();
    project.assert_nothing_left();
}
