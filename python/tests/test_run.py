"""Runs, estimates, plans and grids, and what they return."""

import copy
import json
import pickle
from pathlib import Path

import pytest
import sizer
from conftest import SPEC, command


def test_a_run_measures_once_and_gives_what_result_json_has(project: Path) -> None:
    result = sizer.run("spec.yml")
    assert [level.concurrency for level in result.levels] == [1, 2, 4, 8, 16]
    text = (project / "out/result.json").read_text()
    assert result.to_json() == text
    assert result.to_dict() == json.loads(text)
    assert {path.name for path in result.reports} == {"summary.md", "levels.csv", "result.json"}
    assert all(path.is_file() for path in result.reports)
    assert all(stage.ran is not None for stage in result.stages)
    again = sizer.run(project / "spec.yml")
    assert again == result and all(stage.ran is None for stage in again.stages)


def test_attributes_are_typed_and_have_the_figures(measured: Path) -> None:
    result = sizer.estimate("spec.yml")
    data = result.to_dict()
    assert result.gpus.recommended == data["gpus"]["recommended"]
    assert result.gpus.grade == data["gpus"]["grade"]
    first, written = result.levels[0], data["levels"][0]
    assert isinstance(first, sizer.Level)
    assert first.workflow_runtime is not None and first.workflow_runtime.intervals is not None
    assert first.workflow_runtime.p95 == written["workflow_runtime"]["p95"]
    assert first.workflow_runtime.intervals.p50.low == written["workflow_runtime"]["intervals"]["p50"]["low"]
    assert first.http_statuses == {200: first.runs}
    assert first.in_flight == tuple(written["in_flight"])
    by_target = {estimate.target: estimate for estimate in result.estimates}
    assert set(by_target) == {"workflow_runtime", "llm_latency"}
    assert by_target["workflow_runtime"].limit == 0.1
    assert result.spec.name == "quick" and result.sources.keys() == data["sources"].keys()
    with pytest.raises(AttributeError):
        first.runs = 1  # type: ignore[misc]


def test_a_result_can_be_copied_and_sent_to_another_process(measured: Path) -> None:
    result = sizer.estimate("spec.yml")
    assert pickle.loads(pickle.dumps(result)) == result == copy.deepcopy(result)
    assert pickle.loads(pickle.dumps(result)).to_json() == result.to_json()


def test_a_spec_is_a_path_a_text_or_a_dict(project: Path) -> None:
    by_path = sizer.run("spec.yml")
    content = {
        "version": 1,
        "name": "quick",
        "dataset": {"path": project / "questions.jsonl"},
        "workflow": {
            "type": "simulator",
            "stream": True,
            "engine": {"base": "1ms", "per_sequence": "200us", "max_batch": 8},
            "output_tokens": 5,
        },
        "test": {"gpu_count": 8},
        "concurrency": {"levels": (1, 2, 4, 8, 16), "passes": 5},
        "targets": {"users": 500, "workflow_runtime": "100ms", "llm_latency": 1},
    }
    for spec in (SPEC, content):
        result = sizer.run(spec, file="spec.yml")
        assert result.levels == by_path.levels, "the levels that are there are those of the same spec"
        assert not [stage.stage for stage in result.stages if stage.stage.startswith("sweep") and stage.ran]


def test_a_spec_in_memory_lies_where_its_file_would(project: Path) -> None:
    folder = project / "elsewhere"
    folder.mkdir()
    (folder / "questions.jsonl").write_text((project / "questions.jsonl").read_text())
    result = sizer.run(SPEC, file=folder / "mine.yml")
    assert (folder / ".sizer").is_dir() and (folder / "sizer.lock").is_file()
    assert not (folder / "mine.yml").exists() and not (project / ".sizer").exists()
    assert sizer.estimate(SPEC, file=folder / "mine.yml") == result
    with pytest.raises(sizer.ParameterError, match="a file already"):
        sizer.estimate("spec.yml", file="mine.yml")


def test_changes_and_profiles_are_those_of_the_command(measured: Path) -> None:
    (measured / "spec.yml").write_text(SPEC + "profiles: {more: {targets: {users: 1000}}}\n")
    more = sizer.estimate("spec.yml", profile="more")
    same = sizer.estimate("spec.yml", set={"targets.users": 1000})
    assert more.estimates[0].users == 1000 and same.estimates == more.estimates
    sizer.estimate("spec.yml", set={"targets": {"users": 7, "workflow_runtime": "2s"}})
    listed = command("history", "spec.yml").stdout
    assert 'estimate --set targets={"users": 7' in listed, listed


def test_an_estimate_measures_nothing(project: Path) -> None:
    with pytest.raises(sizer.MissingError):
        sizer.estimate("spec.yml")
    sizer.run("spec.yml", set={"concurrency.levels": [1, 2]})
    result = sizer.estimate("spec.yml")
    assert [level.concurrency for level in result.levels] == [1, 2]
    assert result.reports == ()


def test_stages_are_planned_forced_and_held_against_the_lock_file(measured: Path) -> None:
    assert {stage.status for stage in sizer.plan("spec.yml")} == {"cached"}
    forced = {stage.stage: stage for stage in sizer.plan("spec.yml", force=["sweep@8"])}
    assert forced["sweep@8"].status == "run" and forced["sweep@8"].reason
    assert forced["sweep@1"] == sizer.PlannedStage(None, "sweep@1", "cached", None)
    everything = sizer.plan("spec.yml", force=True)
    assert {stage.status for stage in everything} == {"run"}
    status = sizer.status("spec.yml")
    assert status.lock is None and all(stage.is_current for stage in status.stages)
    again = sizer.run("spec.yml", force=["sweep@8"])
    assert "sweep@8" in [stage.stage for stage in again.stages if stage.ran]
    (measured / "sizer.lock").write_text("<<<<<<< ours\n=======\n>>>>>>> theirs\n")
    lock = sizer.status("spec.yml").lock
    assert lock is not None and "conflict" in lock
    with pytest.raises(sizer.StageError, match="sweep@7"):
        sizer.run("spec.yml", force=["sweep@7"])
    with pytest.raises(sizer.ParameterError, match=r"\['sweep@8'\]"):
        sizer.run("spec.yml", force="sweep@8")


def test_a_grid_is_answered_from_the_levels(measured: Path) -> None:
    grid = sizer.what_if("spec.yml", users=[100, 200], workflow_runtime=["50ms", 0.1])
    asked = [(case.users, case.limits[0].seconds) for case in grid.cases]
    assert asked == [(100, 0.05), (100, 0.1), (200, 0.05), (200, 0.1)]
    few, many = grid.cases[1].gpus, grid.cases[3].gpus
    assert few is not None and many is not None and few.low is not None and many.low is not None
    assert few.low < many.low
    assert "<table>" in grid._repr_html_()
    rate = sizer.what_if("spec.yml", request_rate=[12.5], tokens_per_second=[3])
    assert rate.cases[0].request_rate == 12.5
    for wrong in (
        {"users": [0]},
        {"request_rate": [-1.0]},
        {"workflow_runtime": [0]},
        {"workflow_runtime": ["soon"]},
        {"tokens_per_second": ["5s"]},
        {"no_metric": [1]},
    ):
        with pytest.raises(sizer.ParameterError, match=next(iter(wrong))):
            sizer.what_if("spec.yml", **wrong)  # type: ignore[arg-type]


def test_a_matrix_has_a_result_for_each_branch(project: Path) -> None:
    (project / "spec.yml").write_text(SPEC + "matrix: {targets.users: [100, 200]}\n")
    with pytest.raises(sizer.ParameterError, match="run_matrix"):
        sizer.run("spec.yml")
    assert not (project / ".sizer").exists(), "and it was refused before anything was measured"
    found = sizer.run_matrix("spec.yml")
    assert [result.estimates[0].users for result in found.branches.values()] == [100, 200]
    assert found.comparison == json.loads((project / "out/comparison.json").read_text())
    assert project / "out/comparison.md" in [Path(path).resolve() for path in found.reports]
    assert found._repr_html_().count("<h3>") == 2
    assert {stage.branch for stage in sizer.plan("spec.yml")} == set(found.branches)
    assert list(sizer.run_matrix(SPEC, file="other.yml").branches) == [None]


def test_the_version_is_that_of_the_command() -> None:
    assert command("--version").stdout.split() == ["sizer", sizer.__version__]


def test_every_name_is_there() -> None:
    for name in sizer.__all__:
        assert getattr(sizer, name) is not None
        assert name in dir(sizer)
    with pytest.raises(AttributeError, match="no_such_name"):
        sizer.no_such_name  # noqa: B018
