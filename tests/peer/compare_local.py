#!/usr/bin/env python3
"""Runs the reference calculator and `sizer calc` locally, word for word the same command line, and compares them.

By hand, since it downloads about 1 GB of Python packages:

    cargo build --release
    python3 tests/peer/compare_local.py [--venv DIR] [--rounds 3] [--passes 4] [--workflows tool,react,chat]

It makes a virtual environment with the reference (see compare.py), starts `sizer simulate` as the LLM, and runs both
calculators on a tool-calling agent, a ReAct agent and a chat completion, alternating, with the virtual environment in
use as a user has it. For each level it prints the medians of the p95s, for each calculator the GPU estimates and how
long the whole process took, and at the end whatever processes are left.

Python collects garbage all the longer the more a process holds, and everything in it waits: in the reference, which
keeps all results, for 0.2 to 0.4 s a few times in a sweep. `--no-gc` turns that off on both sides, to tell it from
other differences.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from compare import SIZER, environment, simulated

WORKFLOWS = {
    "tool": "_type: tool_calling_agent\n  tool_names: [clock]\n  llm_name: simulated",
    "react": "_type: react_agent\n  tool_names: [clock]\n  llm_name: simulated",
    "chat": "_type: chat_completion\n  llm_name: simulated\n  system_prompt: Answer.",
}
CONFIG = """
llms:
  simulated:
    _type: openai
    model_name: simulated
    base_url: http://{simulator}/v1
    api_key: none-needed
functions:
  clock:
    _type: current_datetime
workflow:
  {workflow}
eval:
  general:
    output_dir: {dir}/eval
    dataset:
      _type: json
      file_path: {dir}/questions.json
"""
METRICS = {"LLM": "llm_latency_p95", "runtime": "workflow_runtime_p95"}
GPUS = {"LLM": "gpu_estimate_by_llm_latency", "runtime": "gpu_estimate_by_wf_runtime"}


def calculate(command, flags, out, environ):
    """Runs one calculator; its output, and how long the process took."""
    began = time.monotonic()
    ended = subprocess.run(
        [*command, *flags, "--calc_output_dir", str(out)], env=environ, capture_output=True, text=True, cwd=out.parent
    )
    took = time.monotonic() - began
    jobs = sorted(out.glob("online/job_*/calc_runner_output.json"))
    if not jobs:
        sys.exit(f"{command} wrote nothing (exit {ended.returncode}):\n{ended.stdout}\n{ended.stderr[-3000:]}")
    return json.loads(jobs[-1].read_text()), took, ended


def median(values):
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def compare(name, sides, args):
    """Prints the medians of all rounds, and returns the largest differences of the p95s and of the GPUs."""
    print(f"\n## {name}: medians of {args.rounds} rounds\n")
    print("| Concurrency | LLM, reference | LLM, sizer | | runtime, reference | runtime, sizer | |")
    print("|---|---|---|---|---|---|---|")
    worst = 0.0
    for concurrency in args.concurrencies.split(","):
        row = [concurrency]
        for key in METRICS.values():
            of = lambda side: median(
                output["calc_data"][concurrency]["sizing_metrics"][key] for output, _ in sides[side]
            )
            theirs, ours = of("reference"), of("sizer")
            worst = max(worst, abs(ours / theirs - 1))
            row += [f"{theirs:.4f}", f"{ours:.4f}", f"{100 * (ours / theirs - 1):+.1f} %"]
        print("| " + " | ".join(row) + " |")
    most = 0.0
    for label, key in GPUS.items():
        all_of = {side: [output["gpu_estimates"][key] for output, _ in of] for side, of in sides.items()}
        theirs, ours = median(all_of["reference"]), median(all_of["sizer"])
        if theirs and ours:
            most = max(most, abs(ours / theirs - 1))
            differ = f"{100 * (ours / theirs - 1):+.1f} %"
        else:
            differ = "none to compare"
        print(f"GPUs by {label}: reference {theirs}, sizer {ours}: {differ} ({all_of})")
    took = {side: [round(seconds, 1) for _, seconds in of] for side, of in sides.items()}
    print(f"whole process in seconds: {took}")
    print(f"largest difference: p95s {100 * worst:.1f} %, GPUs {100 * most:.1f} %")
    return worst, most


def left_over():
    """Processes that carry the program of a host, or the mark of a workflow."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if b"SIZER_WORKFLOW=" in (entry / "environ").read_bytes():
                found.append((entry.name, (entry / "cmdline").read_bytes()[:100]))
        except OSError:
            pass
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--venv", type=Path, default=Path.home() / ".cache/sizer-peer")
    parser.add_argument("--sizer", type=Path, default=SIZER)
    parser.add_argument("--concurrencies", default="1,2,4,8,16")
    parser.add_argument("--passes", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workflows", default="tool,react,chat")
    parser.add_argument("--tokens", default="40")
    parser.add_argument("--no-gc", action="store_true")
    args = parser.parse_args()
    bin_dir = environment(args.venv)
    environ = {
        **os.environ,
        "NO_PROXY": "*",
        "OPENAI_API_KEY": "none-needed",
        # As in a shell in which it is active.
        "VIRTUAL_ENV": str(args.venv),
        "PATH": f"{bin_dir}:{os.environ['PATH']}",
    }
    before = left_over()
    settings = ["engine.max_batch=8", "engine.base=10ms", "engine.per_sequence=2ms", f"output_tokens={args.tokens}"]
    with tempfile.TemporaryDirectory() as folder, simulated(args.sizer, *settings) as address:
        folder = Path(folder)
        if args.no_gc:
            (folder / "site").mkdir()
            (folder / "site/sitecustomize.py").write_text("import gc\n\ngc.disable()\n")
            environ["PYTHONPATH"] = str(folder / "site")
        questions = [{"id": n, "question": f"What is {n} times {n + 4}?"} for n in range(1, 5)]
        (folder / "questions.json").write_text(json.dumps(questions))
        for name in args.workflows.split(","):
            config = folder / f"{name}.yml"
            config.write_text(CONFIG.format(simulator=address, workflow=WORKFLOWS[name], dir=folder))
            flags = [
                "--config_file", str(config), "--concurrencies", args.concurrencies,
                "--num_passes", str(args.passes), "--target_workflow_runtime", "2",
                "--target_llm_latency", "2", "--target_users", "100", "--test_gpu_count", "1",
            ]
            commands = {"reference": [bin_dir / "nat", "sizing", "calc"], "sizer": [args.sizer, "calc"]}
            sides = {side: [] for side in commands}
            for round in range(args.rounds):
                for side, command in commands.items():
                    out = folder / f"{name}-{side}-{round}"
                    output, took, ended = calculate(command, flags, out, environ)
                    sides[side].append((output, took))
                    print(f"{name}, round {round + 1}, {side}: {took:.1f} s", file=sys.stderr)
            compare(name, sides, args)
            print(f"\n{ended.stdout}{ended.stderr}")
    print(f"processes left: {[one for one in left_over() if one not in before]}")


if __name__ == "__main__":
    main()
