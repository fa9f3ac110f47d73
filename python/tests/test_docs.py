"""The examples of the documentation, as they stand there."""

import re
from pathlib import Path

import pytest
from conftest import REPOSITORY, Simulator

PAGE = (REPOSITORY / "docs/python.md").read_text()


def test_the_examples_run_one_after_the_other(
    project: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    (project / "config.yml").write_text(
        f"llms: {{main: {{_type: openai, base_url: {simulator.address}/v1, model_name: m}}}}\n"
        "workflow: {_type: chat_completion, llm_name: main}\n"
        "eval: {general: {dataset: {_type: jsonl, file_path: questions.jsonl}}}\n"
    )
    examples = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    assert len(examples) >= 6
    names: "dict[str, object]" = {"__name__": "__main__"}
    for example in examples:
        exec(compile(example, "docs/python.md", "exec"), names)
    printed = capsys.readouterr().out
    assert "runs per second" in printed and "gpu_estimate_by_wf_runtime" in printed


def test_every_public_name_is_on_the_page() -> None:
    import sizer

    for name in sizer.__all__:
        assert f"`{name}`" in PAGE or f"`{name}(" in PAGE or f"sizer.{name}" in PAGE, name
