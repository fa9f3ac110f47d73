#!/usr/bin/env python3
"""Scores sizer's estimates on recorded sweeps with a known answer.

usage: benches/score.py FOLDER [SWEEP...]     (needs a release build)

FOLDER holds scenarios.json, runs.jsonl.gz and score.py: simulated clusters, the runs of several sweeps
on each, and the GPU count that simulating the whole cluster gave. Every estimate goes through the
command line: a `recorded` workflow, and `--format json`.
"""
import collections
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

SIZER = pathlib.Path(__file__).parent.parent / "target/release/sizer"


def estimate(folder, scenario, runs):
    folder.mkdir()
    (folder / "runs.jsonl").write_text("\n".join(runs))
    (folder / "spec.yml").write_text(f"""version: 1
name: {scenario["id"]}
workflow: {{type: recorded, path: runs.jsonl}}
test: {{gpu_count: {scenario["test_gpu_count"]}, gpus_per_replica: {scenario["gpus_per_replica"]}}}
targets: {{users: {scenario["target_users"]}, workflow_runtime: {scenario["target_workflow_runtime"]}}}
outputs: {{reports: [result.json]}}
""")
    command = [SIZER, "run", "spec.yml", "--format", "json", "--quiet"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if ended.returncode == 2:
        sys.exit(ended.stderr)
    gpus = json.loads(ended.stdout)["estimates"][0]["gpus"] or {}
    return {"gpus": gpus.get("point"), "low": gpus.get("low"), "high": gpus.get("high"),
            "recommended": gpus.get("recommended")}


def main():
    data = pathlib.Path(sys.argv[1])
    scenarios = json.loads((data / "scenarios.json").read_text())
    runs = collections.defaultdict(list)
    with gzip.open(data / "runs.jsonl.gz", "rt") as lines:
        for line in lines:
            run = json.loads(line)
            runs[run["scenario"], run["sweep"]].append(line.strip())
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        folder = pathlib.Path(folder)
        for sweep in sys.argv[2:] or ["adaptive", "sustained", "rich", "quick"]:
            jobs = {s["id"]: pool.submit(estimate, folder / f"{s['id']}-{sweep}", s, runs[s["id"], sweep])
                    for s in scenarios}
            estimates = {id: job.result() for id, job in jobs.items()}
            path = folder / f"{sweep}.json"
            path.write_text(json.dumps(estimates))
            print(f"== {sweep}", flush=True)
            subprocess.run([sys.executable, data / "score.py", path], check=True)
            ratios = sorted(estimates[s["id"]]["recommended"] / s["true_gpus"] for s in scenarios
                            if estimates[s["id"]]["recommended"])
            low = sum(ratio < 0.9 for ratio in ratios)
            print(f"recommended: {low / len(scenarios):.3f} more than 10 % too low, "
                  f"{ratios[len(ratios) // 2]:.2f} times the truth at the median")


if __name__ == "__main__":
    main()
