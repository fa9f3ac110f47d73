"""Progress, and the ways to stop."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sizer
from conftest import ENDLESS, LOCAL, SLEEPER, SPEC, until, until_gone


def test_progress_is_told_in_order_on_the_thread_of_the_caller(project: Path) -> None:
    told = []
    threads = set()

    def listen(event: sizer.Progress) -> None:
        told.append(event)
        threads.add(threading.get_ident())

    sizer.run("spec.yml", progress=listen)
    assert threads == {threading.get_ident()}
    done = [event.stage for event in told if event.kind == "stage_done"]
    assert done[0] == "expand" and "sweep@16" in done and "render@result.json" in done
    runs = [event for event in told if event.kind == "runs"]
    assert runs[0].level == "1" and runs[0].done == 0 and runs[0].planned
    last = [event for event in runs if event.level == "16"][-1]
    assert last.done is not None and last.done >= (last.planned or 0) > 0 and last.failed == 0
    assert told.index(last) < [event.stage for event in told].index("level@16")
    told.clear()
    sizer.run("spec.yml", progress=listen)
    assert {(event.kind, event.text) for event in told} == {("stage_done", None)}


def test_an_exception_of_the_listener_stops_the_run_and_is_raised(project: Path) -> None:
    class Enough(Exception):
        pass

    def listen(event: sizer.Progress) -> None:
        if event.done:
            raise Enough(event.level)

    with pytest.raises(Enough, match="1"):
        sizer.run(ENDLESS, file="endless.yml", progress=listen)
    # The store is free again, so nothing goes on behind the caller's back.
    assert sizer.run("spec.yml").levels


def test_an_event_stops_the_run(project: Path) -> None:
    stop = threading.Event()

    def set_while_the_run_lasts() -> None:
        while not (project / ".sizer").exists():
            pass
        stop.set()

    # It gets to run only if the run lets go of the interpreter.
    other = threading.Thread(target=set_while_the_run_lasts)
    other.start()
    with pytest.raises(sizer.Cancelled) as caught:
        sizer.run(ENDLESS, file="endless.yml", cancel=stop)
    other.join()
    assert caught.value.exit_code == 130 and "interrupted" in str(caught.value)


def test_finished_levels_are_kept(project: Path) -> None:
    stop = threading.Event()

    def listen(event: sizer.Progress) -> None:
        if event.kind == "stage_done" and event.stage == "sweep@4":
            stop.set()

    long = SPEC.replace("levels: [1, 2, 4, 8, 16]", "levels: [1, 2, 4, 600]")
    with pytest.raises(sizer.Cancelled):
        sizer.run(long, file="long.yml", progress=listen, cancel=stop)
    kept = sizer.estimate(long, file="long.yml")
    assert [level.concurrency for level in kept.levels] == [1, 2, 4]


def test_ctrl_c_is_a_keyboard_interrupt(project: Path) -> None:
    def listen(event: sizer.Progress) -> None:
        if event.done:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        sizer.run(ENDLESS, file="endless.yml", progress=listen)
    assert sizer.run("spec.yml").levels


def test_a_run_on_another_thread_leaves_ctrl_c_to_the_main_one(project: Path) -> None:
    stop, began, ended = threading.Event(), threading.Event(), []

    def work() -> None:
        try:
            sizer.run(ENDLESS, file="endless.yml", progress=lambda _: began.set(), cancel=stop)
        except sizer.Cancelled as error:
            ended.append(error)

    other = threading.Thread(target=work)
    other.start()
    assert began.wait(60)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        other.join(60)
    stop.set()
    other.join()
    assert len(ended) == 1


def test_runs_go_on_side_by_side(project: Path) -> None:
    async def both() -> "list[sizer.Result]":
        loop = asyncio.get_running_loop()
        folders = [project / name for name in ("a", "b")]
        for folder in folders:
            folder.mkdir()
            (folder / "questions.jsonl").write_text((project / "questions.jsonl").read_text())
        work = [
            loop.run_in_executor(None, lambda at=at: sizer.run(SPEC, file=at / "spec.yml"))  # type: ignore[misc]
            for at in folders
        ]
        return await asyncio.gather(*work)

    first, second = asyncio.run(both())
    assert len(first.levels) == len(second.levels) == 5


def test_two_runs_in_one_folder_do_not_mix(project: Path) -> None:
    refused = []

    def listen(event: sizer.Progress) -> None:
        if event.done and not refused:
            with pytest.raises(sizer.StoreError) as caught:
                sizer.run("spec.yml")
            refused.append(caught.value.exit_code)

    sizer.run(SPEC.replace("passes: 5", "passes: 50"), file="longer.yml", progress=listen)
    assert refused == [1]


def test_nothing_is_left_of_a_process_that_is_killed(project: Path) -> None:
    """A program of a run outlives neither the run nor the interpreter that is killed beneath it."""
    (project / "slow.sh").write_text(SLEEPER)
    (project / "local.yml").write_text(LOCAL)
    child = subprocess.Popen([sys.executable, "-c", "import sizer; sizer.run('local.yml')"])
    pids = project / "pids"
    until(lambda: pids.exists() and len(pids.read_text().split()) == 2, child)
    child.kill()
    child.wait()
    until_gone(pids)
