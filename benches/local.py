#!/usr/bin/env python3
"""How well local workflows are seen, with an agent that nobody here wrote the client of. See README.md.

usage: benches/local.py PYTHON     (needs a release build; PYTHON has the package `openai`)
"""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIZER = str(ROOT / "target/release/sizer")
LEVELS = [1, 2, 4, 8, 16]
QUESTIONS = "".join(json.dumps({"id": n, "question": f"What is {n} x 7?"}) + "\n" for n in range(20))


def p95(values):
    values = sorted(values)
    at = 0.95 * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)


class Simulator:
    def __init__(self, folder, *settings):
        self.log = folder / "log.jsonl"
        command = ["taskset", "-c", "0", SIZER, "simulate", "--request-log", str(self.log)]
        for setting in settings:
            command += ["--set", setting]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().split()[-1]

    def stop(self):
        """Ends it; what it saw of each request, in the order of their beginnings."""
        self.process.send_signal(2)
        self.process.wait()
        lines = map(json.loads, self.log.read_text().splitlines())
        return sorted(lines, key=lambda line: line["start"])


def sweep(folder, workflow, level, runs, mode="burst", core="0", stage_folder="run"):
    """The runs of one level, warm-up and cool-down included."""
    place = folder / stage_folder
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    shutil.copy(ROOT / "tests/workers/agent.py", place)
    (place / "questions.jsonl").write_text(QUESTIONS)
    (place / "spec.yml").write_text(
        f"version: 1\nname: local\ndataset: {{path: questions.jsonl}}\nworkflow: {json.dumps(workflow)}\n"
        f"concurrency: {{mode: {mode}, levels: [{level}], runs: {runs}}}\noutputs: {{reports: [result.json]}}\n")
    # The interpreters of the agents may use both cores: they need far more than sizer.
    subprocess.run(["taskset", "-c", core, SIZER, "run", "spec.yml", "-q"], cwd=place, check=True, stdout=subprocess.DEVNULL)
    shown = subprocess.run([SIZER, "show", "spec.yml", f"sweep@{level}"], cwd=place, check=True,
                           capture_output=True, text=True).stdout
    return [json.loads(line) for line in shown.splitlines()]


def agent(python, address, persistent=True):
    arguments = ["--persistent"] if persistent else []
    return {"type": "command", "run": ["taskset", "-c", "0,1", python, "agent.py", *arguments], "persistent": persistent,
            "llm": {"upstream": f"{address}/v1"}}


def real_client(folder, python):
    print("== a real client, against the simulator's log and the worker's own clock")
    for level in LEVELS:
        simulator = Simulator(folder, "engine.base=25ms", "output_tokens={median: 16, sigma: 0.6}")
        runs = sweep(folder, agent(python, simulator.address), level, max(40, 8 * level), "sustained")
        # Each worker answers once before the level.
        seen = simulator.stop()[4 * level:]
        calls = sorted((call for run in runs for call in run["llm_calls"]), key=lambda call: call["start"])
        exact = all(len(run["llm_calls"]) == 4 for run in runs) and len(calls) == len(seen)
        ours, theirs = (p95([it["end"] - it["start"] for it in side]) for side in (calls, seen))
        measured = [run for run in runs if run.get("phase", "measured") == "measured"]
        runtime = p95([run["end"] - run["start"] for run in measured])
        clock = p95([run["server_runtime"] for run in measured])
        print(f"concurrency {level}: {len(runs)} runs, 4 calls in each: {exact}; p95 LLM latency {ours:.4f} s, "
              f"log {1e3 * (ours - theirs):+.2f} ms; p95 runtime {runtime:.4f} s, worker's clock "
              f"{1e3 * (runtime - clock):+.2f} ms")


def start_up(folder, python):
    print("== a process for each run against persistent workers")
    times = {}
    for persistent in [False, True]:
        simulator = Simulator(folder, "engine.base=6ms", "output_tokens=24")
        runs = sweep(folder, agent(python, simulator.address, persistent), 1, 10)
        simulator.stop()
        times[persistent] = statistics.mean(run["end"] - run["start"] for run in runs)
    alone = []
    for _ in range(10):
        began = time.monotonic()
        code = "import asyncio, json, sys, time, openai; openai.AsyncOpenAI(api_key='x').chat.completions"
        subprocess.run([python, "-c", code], check=True)
        alone.append(time.monotonic() - began)
    print(f"mean runtime {times[False]:.3f} s and {times[True]:.3f} s: {times[False] - times[True]:.3f} s apart; "
          f"the interpreter with its imports alone takes {statistics.mean(alone):.3f} s")


def replay(folder, python):
    print("== the agent against a chain made of its trace")
    simulator = Simulator(folder, "engine.base=12ms", "engine.per_sequence=1ms", "output_tokens=24")
    for level in [1, 4, 16]:
        original = sweep(folder, agent(python, simulator.address), level, max(20, 6 * level))
        chain = folder / "run" / "chain.yml"
        subprocess.run([SIZER, "trace", "spec.yml", "--runs", "20", "-o", "chain.yml"], cwd=folder / "run",
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run([SIZER, "run", "chain.yml", "-q"], cwd=folder / "run", check=True, stdout=subprocess.DEVNULL)
        assert chain.exists()
        result = json.loads((folder / "run/out/result.json").read_text())["levels"][0]
        before = p95([run["end"] - run["start"] for run in original])
        calls = statistics.mean(len(run["llm_calls"]) for run in original)
        after = result["workflow_runtime"]["p95"]
        print(f"concurrency {level}: p95 runtime {before:.3f} s and {after:.3f} s ({100 * (after / before - 1):+.1f} %), "
              f"calls per run {calls} and {result['llm_calls']['mean']}")
    simulator.stop()


def waiting_proxy(folder, upstream):
    """A run that does nothing but keep its address valid; the process and the address."""
    place = folder / "proxy"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    (place / "questions.jsonl").write_text(QUESTIONS)
    script = 'printf %s "$OPENAI_BASE_URL" > part; mv part url; while [ ! -e go ]; do sleep 0.1; done'
    workflow = {"type": "command", "shell": True, "run": [script], "llm": {"upstream": upstream}}
    (place / "spec.yml").write_text(
        "version: 1\nname: proxy\ndataset: {path: questions.jsonl}\n"
        f"workflow: {json.dumps(workflow)}\nconcurrency: {{mode: burst, levels: [1], runs: 1}}\n")
    process = subprocess.Popen([SIZER, "run", "spec.yml", "-q"], cwd=place, stdout=subprocess.DEVNULL)
    while not (place / "url").exists():
        time.sleep(0.05)
    return process, (place / "url").read_text()


def cpu_of(process):
    ticks = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")


# Every stream by itself, or all in one batch, whose tokens then come at the same instant.
ENGINES = {
    "whole answers": (False, ["engine.replicas=64", "engine.max_batch=1", "engine.jitter=0.3"]),
    "streams apart": (True, ["engine.replicas=64", "engine.max_batch=1", "engine.jitter=0.3"]),
    "streams in step": (True, ["engine.max_batch=100000"]),
}


def overhead(folder):
    print("== what the proxy adds at concurrency 64: client times above the server's own log, direct and through it")
    for name, (stream, engine) in ENGINES.items():
        for nth in range(3):
            above, wall = {}, {}
            for proxied in [False, True]:
                simulator = Simulator(folder, *engine, "engine.base=10ms", "engine.per_sequence=0us",
                                      "engine.per_prefill_token=0us", "output_tokens={median: 40, sigma: 0.5}")
                base, proxy = f"{simulator.address}/v1", None
                if proxied:
                    proxy, base = waiting_proxy(folder, base)
                began = time.monotonic()
                workflow = {"type": "openai", "base_url": base, "model": "m", "stream": stream}
                runs = sweep(folder, workflow, 64, 960, core="1")
                wall[proxied] = time.monotonic() - began
                if proxy:
                    cpu = cpu_of(proxy)
                    (folder / "proxy/go").touch()
                    proxy.wait()
                ours = sorted(runs, key=lambda run: run["start"])
                seen = simulator.stop()
                above[proxied] = {
                    "p95": p95([run["end"] - run["start"] for run in ours]) - p95([it["end"] - it["start"] for it in seen]),
                    "mean": statistics.mean(run["end"] - run["start"] for run in ours)
                    - statistics.mean(it["end"] - it["start"] for it in seen),
                }
            direct, through = above[False], above[True]
            print(f"{name}, round {nth + 1}: p95 {1e3 * direct['p95']:.2f} ms and {1e3 * through['p95']:.2f} ms "
                  f"({1e3 * (through['p95'] - direct['p95']):+.2f} ms), mean {1e3 * direct['mean']:.2f} ms and "
                  f"{1e3 * through['mean']:.2f} ms ({1e3 * (through['mean'] - direct['mean']):+.2f} ms); runs per second "
                  f"{wall[False] / wall[True]:.3f} x; {1e6 * cpu / 960:.0f} us of CPU per call")


def main():
    python = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        parts = sys.argv[2:] or ["client", "start", "replay", "overhead"]
        if "client" in parts:
            real_client(folder, python)
        if "start" in parts:
            start_up(folder, python)
        if "replay" in parts:
            replay(folder, python)
        if "overhead" in parts:
            overhead(folder)


if __name__ == "__main__":
    main()
