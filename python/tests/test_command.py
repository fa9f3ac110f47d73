"""The command, in the process of an interpreter: exit codes, streams and signals are those of the binary."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sizer
from conftest import COMMAND, ENDLESS, LOCAL, SLEEPER, SPEC, Simulator, command, until, until_gone

OPENAI = """\
version: 1
name: remote
dataset: {{path: questions.jsonl}}
workflow: {{type: openai, base_url: "{address}/v1", model: m}}
concurrency: {{mode: burst, levels: [1, 2, 4], passes: 2000}}
"""


def test_exit_codes_and_streams(project: Path) -> None:
    ran = command("run", "spec.yml", "--format", "json", "--quiet")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == (project / "out/result.json").read_text() == sizer.estimate("spec.yml").to_json()
    assert command("estimate", "spec.yml", "--set", "targets.workflow_runtime=1us").returncode == 3
    refused = command("run", "none.yml")
    assert refused.returncode == 2 and refused.stdout == "" and "none.yml" in refused.stderr
    assert command("no-such-verb").returncode == 2
    helped = command("--help")
    assert helped.returncode == 0 and "Usage: sizer" in helped.stdout
    as_module = subprocess.run(
        [sys.executable, "-m", "sizer", "validate", "spec.yml"], capture_output=True, text=True, check=False
    )
    assert as_module.returncode == 0 and as_module.stdout == command("validate", "spec.yml").stdout


def test_a_secret_that_is_typed_is_not_repeated(project: Path) -> None:
    told = command("run", "spec.yml", "--set", "workflow.api_key=sk-canary-5b1f07c5d2e4a68")
    assert told.returncode == 2 and "canary" not in told.stdout + told.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_a_run_cleanly(project: Path, simulator: Simulator, number: int, code: int) -> None:
    (project / "remote.yml").write_text(OPENAI.format(address=simulator.address))
    line = ["env", "--default-signal=INT,HUP", str(COMMAND), "run", "remote.yml"]
    child = subprocess.Popen(line, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    until(simulator.requests, child)
    child.send_signal(number)
    _, told = child.communicate()
    assert child.returncode == code, told
    assert "interrupted" in told and "Traceback" not in told and "KeyboardInterrupt" not in told


def test_ctrl_c_ends_a_command_that_does_not_listen_for_it(project: Path) -> None:
    """Where nothing waits for the signal, it kills, as it does the binary."""
    fifo = project / "waiting.yml"
    os.mkfifo(fifo)
    line = ["env", "--default-signal=INT", str(COMMAND), "validate", str(fifo)]
    child = subprocess.Popen(line)
    # Opens for writing once the command has opened it for reading, and so waits for the spec.
    with open(fifo, "w"):
        child.send_signal(signal.SIGINT)
        assert child.wait() == -signal.SIGINT


def test_an_ignored_interrupt_stays_ignored(project: Path) -> None:
    """A shell makes the programs behind it ignore Ctrl-C, which is not meant for them."""
    fifo = project / "waiting.yml"
    os.mkfifo(fifo)
    line = ["env", "--ignore-signal=INT", str(COMMAND), "validate", str(fifo)]
    child = subprocess.Popen(line, stdout=subprocess.DEVNULL)
    with open(fifo, "w") as spec:
        child.send_signal(signal.SIGINT)
        spec.write(SPEC)
    assert child.wait() == 0


def test_a_reader_that_closes_the_pipe_is_no_error(measured: Path) -> None:
    line = [str(COMMAND), "show", "spec.yml", "sweep"]
    child = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None and child.stderr is not None
    child.stdout.close()
    assert child.stderr.read() == b"" and child.wait() == 0


def test_nothing_is_left_of_a_command_that_is_killed(project: Path) -> None:
    (project / "slow.sh").write_text(SLEEPER)
    (project / "local.yml").write_text(LOCAL)
    child = subprocess.Popen([str(COMMAND), "run", "local.yml"])
    pids = project / "pids"
    until(lambda: pids.exists() and len(pids.read_text().split()) == 2, child)
    child.kill()
    child.wait()
    until_gone(pids)


def test_the_guard_imports_nothing_of_the_working_directory(project: Path) -> None:
    """Modules that somebody has put there must not run in its place."""
    for name in ("sizer", "importlib", "os"):
        (project / f"{name}.py").write_text("open('imported', 'w').write(__name__)\n")
    guard = Path(sizer.__file__).parent / "_guard.py"
    line = [sys.executable, "-I", "-S", str(guard), "guard-of-processes"]
    ended = subprocess.run(line, stdin=subprocess.DEVNULL, env={}, check=False, capture_output=True)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert not (project / "imported").exists()


def test_an_endless_run_is_stopped_by_the_second_signal_at_the_latest(project: Path) -> None:
    (project / "endless.yml").write_text(ENDLESS)
    line = ["env", "--default-signal=INT", str(COMMAND), "run", "endless.yml"]
    child = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    until((project / ".sizer").exists, child)
    while child.poll() is None:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    assert child.returncode in (130, -signal.SIGINT)
