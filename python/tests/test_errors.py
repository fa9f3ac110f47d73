"""Exceptions: by kind, with the message and the exit code of the command, and without secrets."""

import logging
from pathlib import Path
from typing import Any

import pytest
import sizer
import sizer.errors
from conftest import SPEC, command

CANARY = "sk-canary-93b1f07c5d2e4a68"


def same_as_command(verb: str, *arguments: str, kind: type, **options: Any) -> sizer.SizerError:
    """Fails in both ways, and checks that both say the same."""
    told = command(verb, "spec.yml", *arguments)
    with pytest.raises(kind) as caught:
        getattr(sizer, verb)("spec.yml", **options)
    error = caught.value
    assert type(error) is kind and isinstance(error, sizer.SizerError)
    assert error.exit_code == told.returncode
    lines = told.stderr.strip().removeprefix("error: ")
    assert str(error).removeprefix("error: ") == lines, (str(error), told.stderr)
    return error


def test_a_spec_error_shows_the_line(project: Path) -> None:
    (project / "spec.yml").write_text(SPEC.replace("users: 500", "user: 500"))
    error = same_as_command("run", kind=sizer.SpecError)
    assert isinstance(error, sizer.SpecError)
    assert error.line == 11 and error.column is not None and "users" in str(error)
    (project / "spec.yml").unlink()
    gone = same_as_command("run", kind=sizer.SpecError)
    assert isinstance(gone, sizer.SpecError) and gone.line is None


def test_each_failure_has_its_kind(project: Path) -> None:
    same_as_command("estimate", kind=sizer.MissingError)
    (project / "questions.jsonl").write_text("{\n")
    same_as_command("run", kind=sizer.DatasetError)
    (project / "questions.jsonl").unlink()
    same_as_command("run", kind=sizer.SpecError)


def test_a_server_that_is_not_there(project: Path) -> None:
    workflow = "workflow: {type: openai, base_url: 'http://127.0.0.1:1/v1', model: m}\n"
    rest = "concurrency: {levels: [1]}\n"
    (project / "spec.yml").write_text("version: 1\nname: gone\ndataset: {path: questions.jsonl}\n" + workflow + rest)
    same_as_command("run", kind=sizer.UnreachableError)
    assert issubclass(sizer.UnreachableError, sizer.LoadError)


def test_an_error_in_a_dict_shows_its_own_line_alone(project: Path) -> None:
    spec = {
        "version": 1,
        "name": "dict",
        "dataset": {"path": "questions.jsonl"},
        "workflow": {"type": "openai", "base_url": "http://127.0.0.1:1/v1", "model": "m", "api_key": CANARY},
        "concurrency": {"level": [1]},
    }
    for wrong in (spec, {**spec, "concurrency": {"levels": [1]}}):
        with pytest.raises(sizer.SpecError) as caught:
            sizer.run(wrong)
        assert CANARY not in f"{caught.value!r}{caught.value}"
    with pytest.raises(sizer.SpecError) as caught:
        sizer.run("spec.yml", set={"workflow.api_key": CANARY})
    assert CANARY not in f"{caught.value!r}{caught.value}"


def test_a_secret_reaches_neither_result_nor_error(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_API_KEY", CANARY)
    (project / "echo.sh").write_text('echo "I know $CANARY_API_KEY" >&2; exit 1\n')
    spec = (
        "version: 1\nname: told\ndataset: {path: questions.jsonl}\n"
        "workflow: {type: command, run: [sh, echo.sh], env: {CANARY_API_KEY: '${env:CANARY_API_KEY}'}}\n"
        "concurrency: {levels: [1, 2]}\n"
    )
    told = []
    result = sizer.run(spec, progress=told.append)
    shown = [repr(result), repr(result.levels[0]), result.to_json(), result._repr_html_(), repr(told)]
    assert result.levels[0].interrupted and "I know" in result.to_json()
    assert all(CANARY not in text for text in shown)


def test_what_is_no_spec(project: Path) -> None:
    for spec in (3, None, ["spec.yml"]):
        with pytest.raises(TypeError, match="a spec is"):
            sizer.run(spec)  # type: ignore[arg-type]
    endless: "dict[str, Any]" = {}
    endless["within"] = endless
    for content in ({"version": {1, 2}}, {"version": float("nan")}, {"name": b"x"}, endless):
        with pytest.raises(sizer.SpecError, match="not like one of YAML"):
            sizer.run(content)
    with pytest.raises(sizer.SpecError):
        sizer.run({})
    with pytest.raises(sizer.SpecError):
        sizer.run("{version: 1")
    with pytest.raises(sizer.ParameterError):
        sizer.run_matrix("spec.yml", jobs=0)


def test_notices_are_logged_where_nobody_listens(measured: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="sizer"):
        sizer.estimate("spec.yml", set={"concurrency.levels": [1, 2, 4, 8, 16, 32]})
    assert "32" in caplog.text
    caplog.clear()
    told = []
    sizer.estimate("spec.yml", set={"concurrency.levels": [1, 2, 4, 8, 16, 32]}, progress=told.append)
    assert not caplog.text and any(event.kind == "notice" and "32" in event.text for event in told)


def test_exceptions_are_one_family() -> None:
    kinds = [it for it in vars(sizer.errors).values() if isinstance(it, type) and issubclass(it, Exception)]
    assert len(kinds) == 13
    for kind in kinds:
        assert issubclass(kind, sizer.SizerError) and kind.__doc__
        assert getattr(sizer, kind.__name__) is kind
