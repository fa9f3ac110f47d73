#!/usr/bin/env python3
"""Runs `sizer calc` locally with each release of the reference, and prints what came of it.

By hand, since each release takes about 1 GB of Python packages:

    cargo build --release
    python3 tests/peer/versions.py [--sizer PATH] [--keep DIR] [release …]

For each release, such as `nvidia-nat==1.4.0` or `aiqtoolkit==1.1.0`, it makes a virtual environment, starts
`sizer simulate` as the LLM, and runs a ReAct agent at three concurrencies, in a host process of that release.
"""

import argparse
import json
import os
import subprocess
import tempfile
import venv
from pathlib import Path

from compare import SIZER, simulated
from compare_local import CONFIG, WORKFLOWS

RELEASES = ["aiqtoolkit==1.1.0", *(f"nvidia-nat=={version}" for version in (
    "1.2.1", "1.3.1", "1.4.3", "1.5.0", "1.6.0", "1.7.0", "1.8.0", "1.9.0"))]


def installed(folder, release):
    """The Python of a new virtual environment with a release and its agents, or the reason why there is none."""
    name, _, version = release.partition("==")
    venv.create(folder, with_pip=True)
    python = folder / "bin/python"
    # The requirements of old releases leave so much open that pip tries versions for hours.
    for arguments in (["pip", "install", "--quiet", "uv"], ["uv", "pip", "install", "--quiet", f"{name}[eval,langchain]=={version}"]):
        pip = subprocess.run([python, "-m", *arguments], capture_output=True, text=True)
        if pip.returncode:
            lines = pip.stderr.strip().splitlines() or ["pip failed"]
            return None, lines[-1]
    return python, None


def measure(sizer, python, address, folder):
    """Runs the agent with that Python; what sizer printed last, or the p95s of the levels."""
    config = folder / "config.yml"
    config.write_text(CONFIG.format(simulator=address, workflow=WORKFLOWS["react"], dir=folder))
    out = folder / "out"
    ended = subprocess.run(
        [sizer, "calc", "--config_file", config, "--calc_output_dir", out, "--concurrencies", "1,2,4",
         "--num_passes", "2", "--nat-python", python],
        env={**os.environ, "NO_PROXY": "*", "OPENAI_API_KEY": "none-needed"}, capture_output=True, text=True, cwd=folder,
    )
    jobs = sorted(out.glob("online/job_*/calc_runner_output.json"))
    if ended.returncode or not jobs:
        lines = ended.stderr.strip().splitlines() or ["nothing was printed"]
        return f"exit {ended.returncode}: {lines[-1]}"
    data = json.loads(jobs[-1].read_text())["calc_data"]
    p95s = [f"{level['sizing_metrics']['workflow_runtime_p95']:.3f}" for level in data.values()]
    return f"p95 {' / '.join(p95s)} s at {', '.join(data)}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("releases", nargs="*", default=RELEASES)
    parser.add_argument("--sizer", type=lambda path: Path(path).resolve(), default=SIZER)
    parser.add_argument("--keep", type=Path, help="folder for the environments, which are removed without it")
    args = parser.parse_args()
    with simulated(args.sizer, "output_tokens=20") as address:
        print("| release | ReAct agent |\n|---|---|")
        for release in args.releases:
            with tempfile.TemporaryDirectory() as folder:
                folder = Path(folder)
                (folder / "questions.json").write_text(json.dumps([{"id": 1, "question": "What time is it?"}]))
                environment = args.keep / release if args.keep else folder / "venv"
                python, reason = environment / "bin/python", None
                if not python.exists():
                    python, reason = installed(environment, release)
                result = reason or measure(args.sizer, python, address, folder)
                print(f"| {release} | {result} |", flush=True)


if __name__ == "__main__":
    main()
