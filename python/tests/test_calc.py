"""The reference's programmatic calculator, by its three names, and programs that use them."""

import asyncio
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sizer
from conftest import QUESTIONS, REPOSITORY, Simulator
from sizer.calc import CalcRunner, CalcRunnerConfig, CalcRunnerOutput
from sizer.calc.data_models import FitConfig

PROGRAM = """\
import asyncio
from {package}.calc_runner import CalcRunner
from {package}.data_models import CalcRunnerConfig
from {package}.data_models import CalcRunnerOutput

async def calculate():
    runner = CalcRunner(
        CalcRunnerConfig(
            config_file="config.yml",
            output_dir=".tmp/calc/",
            concurrencies=[1, 2, 4, 8, 16, 32],
            num_passes=2,
            test_gpu_count=8,
            target_workflow_runtime=10,
            target_users=100,
        )
    )
    output: CalcRunnerOutput = await runner.run()
    print(output.gpu_estimates)
    print(sorted(output.per_concurrency_data))

asyncio.run(calculate())
"""
"""The program of the reference's guide: its calls, parameters and attributes."""

PACKAGES = ["aiq.profiler.calc", "nat.profiler.calc", "nat.plugins.profiler.calc"]


@pytest.fixture
def configured(simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration of the reference, whose LLM is simulated."""
    (tmp_path / "questions.jsonl").write_text(QUESTIONS)
    (tmp_path / "config.yml").write_text(
        "llms:\n"
        f"  main: {{_type: openai, base_url: {simulator.address}/v1, model_name: m, api_key: ''}}\n"
        "workflow: {_type: chat_completion, llm_name: main}\n"
        "eval: {general: {dataset: {_type: jsonl, file_path: questions.jsonl}}}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    return tmp_path


def run_program(folder: Path, package: str, *before: str) -> "subprocess.CompletedProcess[str]":
    (folder / "program.py").write_text(PROGRAM.format(package=package))
    line = [sys.executable, *before, "program.py"]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)


def assert_ran(ended: "subprocess.CompletedProcess[str]", folder: Path) -> None:
    assert ended.returncode == 0, ended.stderr
    estimates, levels = ended.stdout.splitlines()
    assert levels == "[1, 2, 4, 8, 16, 32]"
    (written,) = (folder / ".tmp/calc/online").glob("job_*/calc_runner_output.json")
    figure = json.loads(written.read_text())["gpu_estimates"]["gpu_estimate_by_wf_runtime"]
    assert figure > 0 and f"gpu_estimate_by_wf_runtime={figure}" in estimates


def test_the_program_of_the_guide_runs_with_other_imports(configured: Path) -> None:
    assert_ran(run_program(configured, "sizer.calc"), configured)


@pytest.mark.parametrize("package", PACKAGES)
def test_the_program_of_the_guide_runs_unchanged_with_the_shim(configured: Path, package: str) -> None:
    assert_ran(run_program(configured, package, "-m", "sizer.shim"), configured)


def test_the_shim_is_one_of_the_process_for_whoever_installs_it() -> None:
    program = (
        "import sizer.shim; sizer.shim.install(); sizer.shim.install()\n"
        "import aiq.profiler.calc.calc_runner, nat.plugins.profiler.calc.data_models, sizer.calc\n"
        "assert aiq.profiler.calc.calc_runner.CalcRunner is sizer.calc.CalcRunner\n"
        "assert nat.plugins.profiler.calc.data_models.CalcRunnerOutput is sizer.calc.CalcRunnerOutput\n"
        "try: import aiq.profiler.other\n"
        "except ModuleNotFoundError as error: print(error.name)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "aiq.profiler.other\n"), ended.stderr


def test_an_installed_toolkit_is_neither_hidden_nor_completed(tmp_path: Path) -> None:
    package = tmp_path / "aiq/profiler"
    package.mkdir(parents=True)
    (tmp_path / "aiq/__init__.py").write_text("")
    (package / "__init__.py").write_text("MINE = True\n")
    (tmp_path / "program.py").write_text(
        "import aiq.profiler; print(aiq.profiler.MINE)\n"
        "try: import aiq.profiler.calc\n"
        "except ModuleNotFoundError as error: print(error.name)\n"
        "import nat.profiler.calc.data_models\n"
    )
    line = [sys.executable, "-m", "sizer.shim", "program.py"]
    ended = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.stdout.splitlines() == ["True", "aiq.profiler.calc"], ended.stderr
    assert "aiq is installed" in ended.stderr


def test_the_shim_passes_arguments_and_exit_codes_on(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import sys, beside; print(sys.argv[1:], __name__); sys.exit(7)\n")
    (tmp_path / "beside.py").write_text("")
    line = [sys.executable, "-m", "sizer.shim", str(tmp_path / "program.py"), "-x", "y"]
    ended = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (7, "['-x', 'y'] __main__\n"), ended.stderr
    usage = subprocess.run(line[:3], capture_output=True, text=True, check=False)
    assert usage.returncode == 2 and "usage" in usage.stderr


def gathered(folder: Path, case: str) -> Path:
    """A folder with the gathered metrics of a golden case of the reference."""
    job = folder / "calc/online/job_1700000000"
    job.mkdir(parents=True)
    data = REPOSITORY / "tests/data/nat_offline" / case
    (job / "calc_runner_output.json").write_bytes((data / "online.json").read_bytes())
    return data


@pytest.mark.parametrize("case", ["00_line", "01_line", "04_interrupted"])
def test_offline_gives_what_the_reference_gave(tmp_path: Path, case: str) -> None:
    data = gathered(tmp_path, case)
    expected = json.loads((data / "offline.json").read_text())
    options = json.loads((data / "params.json").read_text())
    config = CalcRunnerConfig(offline_mode=True, output_dir=tmp_path / "calc", **options)
    output = asyncio.run(CalcRunner(config).run())
    for name, figure in expected["gpu_estimates"].items():
        assert getattr(output.gpu_estimates, name) == pytest.approx(figure, rel=1e-9)
    assert output.calc_data.keys() == {int(level) for level in expected["calc_data"]}
    for level, found in output.per_concurrency_data.items():
        written = expected["calc_data"][str(level)]
        p95 = written["sizing_metrics"]["workflow_runtime_p95"]
        assert found.sizing_metrics.workflow_runtime_p95 == pytest.approx(p95)
        for name, count in written["alerts"].items():
            assert getattr(found.alerts, name) == count
        runs = found.out_of_range_runs
        assert runs.num_items_greater_than_target_runtime == found.alerts.num_items_greater_than_target_runtime
        assert runs.workflow_interrupted == written["sizing_metrics"]["alerts"]["workflow_interrupted"]
    fit, line = output.fit_results.wf_runtime_fit, expected["fit_results"]["wf_runtime_fit"]
    assert fit is not None and fit.slope == pytest.approx(line["slope"], rel=1e-9)
    assert list(fit.outliers_removed) == line["outliers_removed"]


def test_an_output_can_be_written_and_read_again(tmp_path: Path) -> None:
    data = gathered(tmp_path, "00_line")
    text = (data / "online.json").read_text()
    output = CalcRunnerOutput.model_validate_json(text)
    assert CalcRunnerOutput.model_validate_json(output.model_dump_json(indent=2)) == output
    assert output.model_dump()["calc_data"].keys() == output.calc_data.keys()
    level = next(iter(output.calc_data.values()))
    assert level.sizing_metrics.per_item_metrics
    assert CalcRunnerOutput().per_concurrency_data == {}


def test_without_a_folder_nothing_remains(configured: Path) -> None:
    config = CalcRunnerConfig(config_file="config.yml", concurrencies=[1, 2], num_passes=1)
    runner = CalcRunner(config)
    output = asyncio.run(runner.run())
    assert set(output.calc_data) == {1, 2}
    assert output.gpu_estimates.gpu_estimate_by_wf_runtime is None, "no target was given"
    assert runner.result is not None and len(runner.result.levels) == 2
    assert {path.name for path in configured.iterdir()} == {"config.yml", "questions.jsonl"}


def test_both_spellings_of_a_target_are_one() -> None:
    for name in ("target_workflow_runtime", "target_llm_latency"):
        for spelling in (name, f"{name}_p95"):
            config = CalcRunnerConfig(config_file="config.yml", **{spelling: 10})  # type: ignore[arg-type]
            assert getattr(config, name) == getattr(config, f"{name}_p95") == 10
        with pytest.raises(ValueError, match="different"):
            CalcRunnerConfig(**{name: 1, f"{name}_p95": 2})  # type: ignore[arg-type]
        setattr(config, name, "2.5")
        assert getattr(config, f"{name}_p95") == 2.5


def test_parameters_that_make_no_sense_are_value_errors(tmp_path: Path) -> None:
    for options, said in [
        ({}, "config_file is missing"),
        ({"concurrencies": [1]}, "concurrencies"),
        ({"concurrencies": [1, 1]}, "concurrencies"),
        ({"concurrencies": [0, 1]}, "concurrencies"),
        ({"concurrencies": [1, 10**12]}, "too large"),
        ({"target_workflow_runtime": float("nan")}, "target_workflow_runtime"),
        ({"offline_mode": True}, "offline_mode needs target_workflow_runtime"),
        ({"offline_mode": True, "target_users": 1, "target_llm_latency": 1, "test_gpu_count": 1}, "output_dir"),
    ]:
        with pytest.raises(ValueError, match=said) as caught:
            CalcRunner(CalcRunnerConfig(**options))  # type: ignore[arg-type]
        assert isinstance(caught.value, sizer.ParameterError) and caught.value.exit_code == 2
        assert "--" not in str(caught.value)
    for options in (
        {"concurrencies": "1,2"},
        {"concurrencies": 3},
        {"num_passes": -1},
        {"num_passes": 1.5},
        {"target_users": "many"},
        {"target_users": True},
        {"offline_mode": "no"},
        {"config_file": 3},
        {"endpoint": 3},
        {"fit_config": FitConfig(min_r_squared=0.5)},
    ):
        with pytest.raises(ValueError, match=next(iter(options))):
            CalcRunnerConfig(**options)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="target_runtime"):
        CalcRunnerConfig(target_runtime=1)  # type: ignore[call-arg]
    with pytest.raises(sizer.ConfigError):
        config = CalcRunnerConfig(config_file=tmp_path / "none.yml")
        asyncio.run(CalcRunner(config).run())


def test_a_cancelled_task_stops_the_calculation(configured: Path) -> None:
    config = CalcRunnerConfig(config_file="config.yml", output_dir="calc", concurrencies=[1, 2], num_passes=100_000)

    async def begin_and_cancel() -> None:
        task = asyncio.ensure_future(CalcRunner(config).run())
        while not (configured / "calc/.sizer").exists():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    threads = threading.active_count()
    asyncio.run(begin_and_cancel())
    assert threading.active_count() == threads, "and its thread has ended"
