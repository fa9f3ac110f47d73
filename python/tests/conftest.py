"""Projects and servers for the tests. Everything runs from the installed package."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Callable, Iterator

import pytest
import sizer

# A shell without job control has its background jobs ignore Ctrl-C, and whatever they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = Path(__file__).resolve().parents[2]

COMMAND = Path(sys.executable).parent / "sizer"
"""The command beside the interpreter of the tests."""

QUESTIONS = "".join(f'{{"id": {n}, "question": "What is {n} x {n}?"}}\n' for n in range(1, 5))

SPEC = """\
version: 1
name: quick
dataset: {path: questions.jsonl}
workflow:
  type: simulator
  stream: true
  engine: {base: 1ms, per_sequence: 200us, max_batch: 8}
  output_tokens: 5
test: {gpu_count: 8}
concurrency: {levels: [1, 2, 4, 8, 16], passes: 5}
targets: {users: 500, workflow_runtime: 100ms, llm_latency: 1s}
"""

ENDLESS = SPEC.replace("passes: 5", "passes: 100000").replace("base: 1ms", "base: 5ms")
"""A spec whose first level is longer than any test."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a spec and its questions, which is the working directory."""
    (tmp_path / "questions.jsonl").write_text(QUESTIONS)
    (tmp_path / "spec.yml").write_text(SPEC)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def measured_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("measured")
    (folder / "questions.jsonl").write_text(QUESTIONS)
    (folder / "spec.yml").write_text(SPEC)
    sizer.run(folder / "spec.yml")
    return folder


@pytest.fixture
def measured(measured_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a project whose levels have been measured."""
    folder = tmp_path / "measured"
    shutil.copytree(measured_once, folder)
    monkeypatch.chdir(folder)
    return folder


def is_running(pid: str) -> bool:
    """True if there is such a process, and it has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def until_gone(pids: Path) -> None:
    """Waits until none of the processes in a file is there."""
    for pid in pids.read_text().split():
        end = time.monotonic() + 60
        while is_running(pid):
            assert time.monotonic() < end, f"process {pid} is left"
            time.sleep(0.01)


def until(holds: "Callable[[], object]", child: "subprocess.Popen[str] | subprocess.Popen[bytes]") -> None:
    """Waits until something holds while a process lives."""
    while not holds():
        assert child.poll() is None, "it has ended"
        time.sleep(0.01)


SLEEPER = "echo $$ >> pids\nexec sleep 300\n"
"""A program that tells its id, and lasts longer than any test."""

LOCAL = """\
version: 1
name: local
dataset: {path: questions.jsonl}
workflow: {type: command, run: [sh, slow.sh]}
concurrency: {levels: [2]}
"""


class Simulator:
    """A process of ``sizer simulate``."""

    def __init__(self, *settings: str) -> None:
        changes = [word for setting in settings for word in ("--set", setting)]
        line = [str(COMMAND), "simulate", "--port", "0", *changes]
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().split()[-1]

    def requests(self) -> int:
        """Requests that it has got."""
        with urllib.request.urlopen(f"{self.address}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        (count,) = [line.split()[-1] for line in lines if line.startswith("sizer_simulator_requests_total ")]
        return int(float(count))

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    server = Simulator("engine.base=5ms", "engine.per_sequence=3ms", "engine.max_batch=64", "output_tokens=5")
    yield server
    server.stop()


def command(*arguments: str, **options: object) -> "subprocess.CompletedProcess[str]":
    """Runs the command to its end."""
    environment = {**os.environ, "NO_COLOR": "1"}
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [str(COMMAND), *arguments], capture_output=True, text=True, env=environment, check=False, **options
    )
