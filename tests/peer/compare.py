#!/usr/bin/env python3
"""Runs the reference calculator and `sizer calc` against one served workflow, and compares them.

By hand, since it downloads about 1 GB of Python packages:

    cargo build --release
    python3 tests/peer/compare.py [--venv DIR] [--sizer PATH] [--concurrencies 1,2,4,8,16] [--passes 2]

It makes a virtual environment with the reference (nvidia-nat 1.9.0), starts `sizer simulate` as the
LLM, `nat serve` as a workflow on top of it, runs both calculators with `--endpoint`, one after the
other, and prints their p95s side by side. Everything listens on loopback and ends with the script.
"""

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from pathlib import Path

VERSION = "1.9.0"
PACKAGES = [
    f"nvidia-nat-eval=={VERSION}",
    f"nvidia-nat-profiler=={VERSION}",
    f"nvidia-nat-langchain=={VERSION}",
    "langchain-openai",
    "aiohttp",
    "matplotlib",
    "greenlet",
]
SIZER = Path(__file__).resolve().parents[2] / "target/release/sizer"
CONFIG = """
llms:
  simulated:
    _type: openai
    model_name: simulated
    base_url: http://{simulator}/v1
    api_key: none-needed
workflow:
  _type: chat_completion
  llm_name: simulated
  system_prompt: Answer.
eval:
  general:
    output_dir: {dir}/eval
    dataset:
      _type: json
      file_path: {dir}/questions.json
"""


def environment(path):
    """The bin folder of a virtual environment that has the reference."""
    bin_dir = path / "bin"
    if not (bin_dir / "nat").exists():
        print(f"installing the reference into {path}", file=sys.stderr)
        if not (bin_dir / "python").exists():
            venv.create(path, with_pip=True)
        subprocess.run([bin_dir / "python", "-m", "pip", "install", "-q", *PACKAGES], check=True)
    return bin_dir


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def simulated(sizer, *settings):
    """Runs a simulated LLM with these settings; its address."""
    sets = [part for setting in settings for part in ("--set", setting)]
    simulator = subprocess.Popen([sizer, "simulate", *sets], stdout=subprocess.PIPE, text=True)
    try:
        yield simulator.stdout.readline().strip().removeprefix("listening on http://")
    finally:
        simulator.terminate()
        simulator.wait()


def wait_for(url, process, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"{process.args[0]} ended with {process.returncode}")
        try:
            urllib.request.urlopen(url, timeout=1)
            return
        except OSError:
            time.sleep(0.2)
    sys.exit(f"{url} did not answer within {seconds} s")


def calculate(name, command, out, args, environ):
    """Runs one calculator; its p95s by concurrency, and how long it took."""
    flags = [
        "--config_file", f"{out.parent}/config.yml", "--calc_output_dir", str(out),
        "--concurrencies", args.concurrencies, "--num_passes", str(args.passes),
        "--endpoint", args.endpoint, "--target_workflow_runtime", "2",
        "--target_users", "100", "--test_gpu_count", "1",
    ]
    began = time.monotonic()
    ended = subprocess.run([*command, *flags], env=environ, capture_output=True, text=True, cwd=out.parent)
    took = time.monotonic() - began
    jobs = sorted(out.glob("online/job_*/calc_runner_output.json"))
    if not jobs:
        sys.exit(f"{name} wrote nothing (exit {ended.returncode}):\n{ended.stdout}\n{ended.stderr[-3000:]}")
    return json.loads(jobs[-1].read_text()), took, ended


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--venv", type=Path, default=Path.home() / ".cache/sizer-peer")
    parser.add_argument("--sizer", type=lambda path: Path(path).resolve(), default=SIZER)
    parser.add_argument("--concurrencies", default="1,2,4,8,16")
    parser.add_argument("--passes", type=int, default=2)
    args = parser.parse_args()
    bin_dir = environment(args.venv)
    environ = {**os.environ, "NO_PROXY": "*", "OPENAI_API_KEY": "none-needed"}
    settings = ["engine.max_batch=8", "engine.base=4ms", "engine.per_sequence=1ms", "output_tokens=40"]
    with tempfile.TemporaryDirectory() as folder, simulated(args.sizer, *settings) as address:
        folder = Path(folder)
        questions = [{"id": n, "question": f"What is {n} times {n + 4}?"} for n in range(1, 5)]
        (folder / "questions.json").write_text(json.dumps(questions))
        (folder / "config.yml").write_text(CONFIG.format(simulator=address, dir=folder))
        port = free_port()
        args.endpoint = f"http://127.0.0.1:{port}"
        log = open(folder / "serve.log", "w")
        serve = subprocess.Popen(
            [bin_dir / "nat", "serve", "--config_file", folder / "config.yml",
             "--host", "127.0.0.1", "--port", str(port)],
            env=environ, stdout=log, stderr=subprocess.STDOUT, cwd=folder,
        )
        try:
            wait_for(f"{args.endpoint}/docs", serve)
            # The first request imports what it needs.
            warm = urllib.request.Request(
                f"{args.endpoint}/generate", json.dumps({"input_message": "hello"}).encode(),
                {"Content-Type": "application/json"},
            )
            urllib.request.urlopen(warm, timeout=60).read()
            reference, reference_took, _ = calculate(
                "nat sizing calc", [bin_dir / "nat", "sizing", "calc"], folder / "reference", args, environ
            )
            ours, ours_took, ended = calculate(
                "sizer calc", [args.sizer, "calc"], folder / "ours", args, environ
            )
        finally:
            serve.terminate()
            serve.wait()
    print(f"whole process: reference {reference_took:.1f} s, sizer {ours_took:.1f} s\n")
    print("| Concurrency | LLM, reference | LLM, sizer | runtime, reference | runtime, sizer | items |")
    print("|---|---|---|---|---|---|")
    for concurrency in sorted(reference["calc_data"], key=int):
        row = [concurrency]
        levels = [side["calc_data"][concurrency]["sizing_metrics"] for side in (reference, ours)]
        for key in ("llm_latency_p95", "workflow_runtime_p95"):
            row += [f"{level[key]:.4f}" for level in levels]
        row.append("/".join(str(len(level["per_item_metrics"])) for level in levels))
        print("| " + " | ".join(row) + " |")
    for key in ("wf_runtime_fit", "llm_latency_fit"):
        print(f"\n{key}: reference {reference['fit_results'][key]}, sizer {ours['fit_results'][key]}")
    print(f"\nGPUs: reference {reference['gpu_estimates']}, sizer {ours['gpu_estimates']}\n")
    print(ended.stdout)
    print(ended.stderr)


if __name__ == "__main__":
    main()
