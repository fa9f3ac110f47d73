#!/usr/bin/env python3
"""Draws docs/estimators.svg: one recorded sweep, what each method makes of it, and the truth.

usage: benches/estimator_plot.py FOLDER SCENARIO SWEEP > docs/estimators.svg     (needs a release build)

FOLDER is that of benches/score.py.
"""
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile

SIZER = pathlib.Path(__file__).parent.parent / "target/release/sizer"
WIDTH, HEIGHT, LEFT, BOTTOM = 720, 480, 60, 130


def result(scenario, runs, method):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "runs.jsonl").write_text("\n".join(runs))
        (folder / "spec.yml").write_text(f"""version: 1
name: plot
workflow: {{type: recorded, path: runs.jsonl}}
test: {{gpu_count: {scenario["test_gpu_count"]}, gpus_per_replica: {scenario["gpus_per_replica"]}}}
targets: {{users: {scenario["target_users"]}, workflow_runtime: {scenario["target_workflow_runtime"]}}}
estimate: {{method: {method}}}
""")
        command = [SIZER, "run", "spec.yml", "--format", "json", "--quiet"]
        return json.loads(subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout)


def main():
    data, name, sweep = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    scenario = next(s for s in json.loads((data / "scenarios.json").read_text()) if s["id"] == name)
    runs = []
    with gzip.open(data / "runs.jsonl.gz", "rt") as lines:
        for line in lines:
            run = json.loads(line)
            if (run["scenario"], run["sweep"]) == (name, sweep):
                runs.append(line.strip())
    monotone, linear = (result(scenario, runs, method) for method in ["monotone", "linear"])
    estimate = monotone["estimates"][0]
    limit, truth = scenario["target_workflow_runtime"], scenario["true_capacity_per_rig"]
    levels = [level for level in monotone["levels"] if level["workflow_runtime"]]
    most_c = max([level["concurrency"] for level in levels] + [truth, estimate["capacity"]["high"]]) * 1.05
    most_s = max([level["workflow_runtime"]["p95"] for level in levels] + [limit]) * 1.25
    x = lambda c: LEFT + (WIDTH - LEFT - 20) * c / most_c
    y = lambda s: HEIGHT - BOTTOM - (HEIGHT - BOTTOM - 20) * s / most_s
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']

    def line(points, style):
        path = " ".join(f"{x(c):.1f},{y(s):.1f}" for c, s in points)
        out.append(f'<polyline points="{path}" fill="none" {style}/>')

    def text(at_x, at_y, words, colour="black", anchor="start"):
        out.append(f'<text x="{at_x:.1f}" y="{at_y:.1f}" fill="{colour}" text-anchor="{anchor}">{words}</text>')

    line([(0, 0), (most_c, 0)], 'stroke="black"')
    line([(0, 0), (0, most_s)], 'stroke="black"')
    for c in range(0, int(most_c) + 1, max(1, round(most_c / 8))):
        text(x(c), y(0) + 18, c, anchor="middle")
    for s in range(0, int(most_s) + 1, max(1, round(most_s / 6))):
        text(x(0) - 8, y(s) + 4, s, anchor="end")
    text(x(most_c / 2), y(0) + 38, "concurrency", anchor="middle")
    text(8, 14, "workflow runtime, s")
    line([(0, limit), (most_c, limit)], 'stroke="#555" stroke-dasharray="6 4"')
    text(x(0) + 8, y(limit) - 6, f"target {limit} s", "#555")
    capacity = estimate["capacity"]
    out.append(f'<rect x="{x(capacity["low"]):.1f}" y="{y(most_s):.1f}" width="{x(capacity["high"]) - x(capacity["low"]):.1f}" '
               f'height="{y(0) - y(most_s):.1f}" fill="#2a78b0" opacity="0.12"/>')
    line([(truth, 0), (truth, most_s)], 'stroke="#2c8a2c" stroke-width="2"')
    for level in levels:
        summary, c = level["workflow_runtime"], level["concurrency"]
        ends = summary["intervals"]["p95"]
        if ends["low"] is not None and ends["high"] is not None:
            line([(c, ends["low"]), (c, min(ends["high"], most_s))], 'stroke="#888"')
        out.append(f'<circle cx="{x(c):.1f}" cy="{y(summary["p95"]):.1f}" r="4" fill="black"/>')
        out.append(f'<circle cx="{x(c):.1f}" cy="{y(summary["mean"]):.1f}" r="4" fill="none" stroke="black"/>')
    line([(p["concurrency"], p["seconds"]) for p in estimate["curve"]], 'stroke="#2a78b0" stroke-width="2"')
    fit = linear["estimates"][0]["fit"]
    if fit:
        ends = [(c, fit["intercept"] + fit["slope"] * c) for c in (0, most_c)]
        line(ends, 'stroke="#c2552d" stroke-width="2"')
    keys = [("black", "● p95 of a level with its 90 % interval, ○ mean"), ("#2a78b0", "monotone: p95 curve; shaded: 90 % interval of the capacity"),
            ("#c2552d", "linear: the reference calculator's line"), ("#2c8a2c", "the true capacity")]
    for index, (colour, words) in enumerate(keys):
        text(x(0), y(0) + 60 + 18 * index, words, colour)
    out.append("</svg>")
    print("\n".join(out))


if __name__ == "__main__":
    main()
