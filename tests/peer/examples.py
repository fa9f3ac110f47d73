#!/usr/bin/env python3
"""Takes every configuration with an `eval` section in the examples of NeMo Agent Toolkit through sizer.

By hand, since it needs a checkout of the toolkit and downloads some GB of Python packages:

    git clone https://github.com/NVIDIA/NeMo-Agent-Toolkit   (its data sets, in Git LFS, are not needed)
    cargo build --release
    python3 tests/peer/examples.py NeMo-Agent-Toolkit --install ~/.cache/sizer-examples
    python3 tests/peer/examples.py NeMo-Agent-Toolkit --python ~/.cache/sizer-examples/bin/python

The first call of the script makes a virtual environment with the toolkit and what the examples import. The second one
works in a temporary copy of the examples: their packages are used where they lie there, and data that are missing are
replaced by rows of its own. Each configuration is redirected as a user would do it, by one that has it as its `base`:
all LLMs are `sizer simulate`, and embeddings, the web page to search and the collector of traces are a small server of
this script. Then it is imported (`sizer import nat`) and run (`sizer calc`), and what came of it is printed: a table of
all configurations, and one by example.
"""

import argparse
import csv
import fnmatch
import io
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import venv
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from compare import SIZER, VERSION, simulated
from compare_local import left_over

PACKAGES = [
    f"nvidia-nat-{part}=={VERSION}"
    for part in (
        "eval[full]", "profiler", "langchain[community,nvidia,openai,litellm]", "opentelemetry", "phoenix", "weave",
        "ragas", "strands", "adk", "autogen", "mcp", "nemo-customizer", "config-optimizer", "llama-index",
    )
]
# What the examples themselves import.
IMPORTED = [
    "ansible-runner", "arxiv", "beautifulsoup4", "flask", "nemo-agent-toolkit-tavily", "nvidia-haystack~=0.3.0", "usearch",
]
KEY = "none-needed"
# Types of LLMs that have a `base_url`.
ADDRESSED = {"openai", "nim", "dynamo", "litellm"}
# Types of exporters that send traces to an `endpoint`, and have every run wait if there is none.
COLLECTED = {"phoenix", "langsmith"}
QUESTIONS = [f"What is {n} times {n + 4}?" for n in range(1, 5)]
ALERTS = [
    json.dumps({
        "alert_id": n, "alert_name": "InstanceDown", "host_id": f"host-{n}.example", "severity": "critical",
        "description": "The host does not answer.", "summary": f"Host {n} is down",
        "timestamp": "2026-06-30T05:00:00.000000",
    })
    for n in range(4)
]
# Questions of examples whose workflow does not take any text.
INPUTS = {"finetuning/*": ["X", "O", "X", "O"], "advanced_agents/alert_triage_agent/*": ALERTS}
HEALTHY = [
    "hardware_check_tool:ipmi_output", "host_performance_check_tool:top_output",
    "host_performance_check_tool:ps_output", "monitor_process_check_tool:ps_output",
    "monitor_process_check_tool:systemctl_output", "network_connectivity_check_tool:ping_output",
    "network_connectivity_check_tool:telnet_output",
    "telemetry_metrics_host_heartbeat_check_tool:heartbeat_check_output",
    "telemetry_metrics_host_performance_check_tool:performance_check_output",
]
CUSTOMER = {"id": "C1", "email": "kim@example.com", "name": "Kim", "total_orders": 1, "total_spent": 12.5}
PRODUCT = {"id": "P1", "name": "Spade", "description": "A spade.", "price": 12.5, "stock": 3}
# Data that are no rows of questions, by the end of their path.
DATA = {
    "alert_triage_agent/data/maintenance_static_dataset.csv": "host_id,maintenance_start,maintenance_end\n",
    "alert_triage_agent/data/offline_data.csv": "host_id\n" + "".join(f"host-{n}.example\n" for n in range(4)),
    "alert_triage_agent/data/benign_fallback_offline_data.json": {key: "all is well" for key in HEALTHY},
    "retail_agent/data/customers.json": [CUSTOMER],
    "retail_agent/data/products.json": [PRODUCT],
    "data/simple_calculator_nested.json": {
        "questions": [
            {"id": n, "question": question, "answer": "a number", "difficulty": "medium"}
            for n, question in enumerate(QUESTIONS)
        ]
    },
}
POINTER = b"version https://git-lfs"
# Run in the toolkit's Python: the configurations as the toolkit reads them.
READ = """
import json, sys
from nat.utils.io.yaml_tools import yaml_load
read = {}
for path in sys.stdin.read().splitlines():
    try:
        read[path] = yaml_load(path)
    except Exception as error:
        read[path] = {"error": str(error)}
print(json.dumps(read, default=str))
"""


class Rest(BaseHTTPRequestHandler):
    """What the workflows need besides LLMs: embeddings, a web page, and a collector of traces."""

    protocol_version = "HTTP/1.1"

    def reply(self, kind, body):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply("text/html", b"<html><body><p>The simulated page says that all is well.</p></body></html>")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if not self.path.endswith("/embeddings"):
            return self.reply("application/x-protobuf", b"")
        asked = json.loads(body)
        texts = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
        data = [
            {"object": "embedding", "index": n, "embedding": [1.0, float(len(text) % 7), float(n), 0.5]}
            for n, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        answer = {"object": "list", "model": asked.get("model", ""), "data": data, "usage": usage}
        self.reply("application/json", json.dumps(answer).encode())

    def log_message(self, *_):
        pass


def install(folder):
    """Makes a virtual environment with the toolkit and what the examples import."""
    if not (folder / "bin/python").exists():
        venv.create(folder, with_pip=True)
    subprocess.run([folder / "bin/python", "-m", "pip", "install", "-q", "uv"], check=True)
    # It resolves what these packages ask for together in minutes.
    uv = [folder / "bin/uv", "pip", "install", "-q", "--python", folder / "bin/python"]
    subprocess.run([*uv, *PACKAGES, *IMPORTED], check=True)


def describe(examples):
    """Tells Python of the examples' packages where they lie, with their components."""
    for file in examples.glob("**/pyproject.toml"):
        project = tomllib.loads(file.read_text())["project"]
        if not (file.parent / "src").is_dir():
            continue
        about = file.parent / f"src/{project['name']}-{VERSION}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {VERSION}\n")
        lines = []
        for group, points in project.get("entry-points", {}).items():
            lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
        (about / "entry_points.txt").write_text("\n".join(lines) + "\n")


def packages(folder):
    """The folders of the package that a folder belongs to, and of those that it needs: some exclude each other."""
    within = itertools.takewhile(lambda it: it.name != "examples", (folder, *folder.parents))
    folder = next((it for it in within if (it / "pyproject.toml").exists()), None)
    if folder is None:
        return set()
    file = folder / "pyproject.toml"
    sources = tomllib.loads(file.read_text()).get("tool", {}).get("uv", {}).get("sources", {})
    needed = [packages((folder / source["path"]).resolve()) for name, source in sources.items() if name.startswith("nat_")]
    return {folder / "src"}.union(*needed)


def example_of(name):
    """The folder of the example that a configuration belongs to, in `examples`."""
    parts = Path(name).parts
    return "/".join(parts[1:parts.index("configs")]).partition("/src/")[0]


def copy_of(checkout, folder):
    """The examples, copied to a folder."""
    examples = folder / "examples"
    shutil.copytree(checkout / "examples", examples, symlinks=True)
    return examples


def configurations(root, python):
    """The configurations with an `eval` section, as the toolkit reads them, by their path in the checkout."""
    found = []
    for folder, _, names in os.walk(root / "examples"):
        paths = [Path(folder, name) for name in names if name.endswith((".yml", ".yaml"))]
        found += [str(path) for path in paths if re.search(r"^(eval|base):", path.read_text(), re.MULTILINE)]
    read = subprocess.run([python, "-c", READ], input="\n".join(sorted(found)), capture_output=True, text=True)
    if read.returncode != 0:
        sys.exit(f"{python} has no toolkit:\n{read.stderr}")
    config_of = json.loads(read.stdout.splitlines()[-1])
    return {
        str(Path(path).relative_to(root)): config
        for path, config in config_of.items() if "eval" in config or "error" in config
    }


def dataset_of(config):
    section = config.get("eval", {}).get("general", {}).get("dataset") or {}
    return {"file_path": section} if isinstance(section, str) else section


def rows(path, dataset):
    """Rows in the form that a dataset has, of which its filter lets at least the first pass."""
    structure = dataset.get("structure") or {}
    id_key, question_key = dataset.get("id_key") or "id", structure.get("question_key") or "question"
    known = [inputs for pattern, inputs in INPUTS.items() if fnmatch.fnmatch(path, f"examples/{pattern}")]
    inputs = (known or [QUESTIONS])[0]
    out = [
        {id_key: n, question_key: text, structure.get("answer_key") or "answer": "a number"}
        for n, text in enumerate(inputs, 1)
    ]
    allowed = ((dataset.get("filter") or {}).get("allowlist") or {}).get("field") or {}
    for key, values in allowed.items():
        out[0][key] = values[0]
    return out


def fill(root, configs):
    """Writes rows in place of missing data sets, and data in place of pointers to them; the paths that it wrote."""
    datasets = {}
    for config in configs.values():
        dataset = dataset_of(config)
        if dataset.get("file_path") and not dataset.get("remote_file_path"):
            path = (root / dataset["file_path"]).resolve()
            if path not in datasets or dataset.get("filter"):
                datasets[path] = dataset
    pointers = [
        Path(folder, name) for folder, _, names in os.walk(root / "examples") for name in names
        if name.endswith((".json", ".csv"))
    ]
    pointers = {path for path in pointers if path.read_bytes().startswith(POINTER)}
    missing = {path for path in datasets if not path.exists()}
    for path in sorted(pointers | missing):
        name = str(path.relative_to(root))
        tools = tools_of(configs, path, root)
        known = [content for end, content in DATA.items() if name.endswith(end)]
        content = tools or (known[0] if known else rows(name, datasets.get(path, {})))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_text(content, path.suffix))


def tools_of(configs, path, root):
    """The tools of a function group that reads their descriptions from this file."""
    for config in configs.values():
        for group in (config.get("function_groups") or {}).values():
            if "tools_json_path" in group and (root / group["tools_json_path"]).resolve() == path:
                return [
                    {"title": name, "description": f"Does {name}.", "properties": {}, "required": []}
                    for name in group.get("include") or []
                ]
    return None


def as_text(content, suffix):
    if isinstance(content, str):
        return content
    if suffix == ".csv":
        out = io.StringIO()
        writer = csv.DictWriter(out, list(content[0]))
        writer.writeheader()
        writer.writerows(content)
        return out.getvalue()
    return json.dumps(content)


def redirected(path, config, simulator, rest):
    """A configuration based on another one, with the LLMs and all else that there is here."""
    out = {"base": str(path)}
    for section, types, address in (("llms", ADDRESSED, simulator), ("embedders", {"openai", "nim"}, rest)):
        parts = (config.get(section) or {}).items()
        out[section] = {
            name: {"base_url": f"http://{address}/v1", "api_key": KEY}
            for name, part in parts if part.get("_type") in types
        }
    pages = [name for name, part in (config.get("functions") or {}).items() if "webpage_url" in part]
    out["functions"] = {name: {"webpage_url": f"http://{rest}/"} for name in pages}
    tracing = ((config.get("general") or {}).get("telemetry") or {}).get("tracing") or {}
    collected = [name for name, part in tracing.items() if part.get("_type") in COLLECTED]
    endpoints = {name: {"endpoint": f"http://{rest}/v1/traces"} for name in collected}
    out["general"] = {"telemetry": {"tracing": endpoints}} if endpoints else {}
    return {key: value for key, value in out.items() if value}


def ended(command, cwd, environ, seconds):
    """Runs a command; its exit code, or None if it took too long and was stopped, and what it printed."""
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        process = subprocess.Popen(
            [str(part) for part in command], cwd=cwd, env=environ, stdin=subprocess.DEVNULL, stdout=stdout,
            stderr=stderr, start_new_session=True,
        )
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
            for number, patience in ((signal.SIGTERM, 20), (signal.SIGKILL, None)):
                os.killpg(process.pid, number)
                try:
                    process.wait(patience)
                    break
                except subprocess.TimeoutExpired:
                    pass
        texts = []
        for stream in (stdout, stderr):
            stream.seek(0)
            texts.append(stream.read())
    return code, *texts


def sentence(text, root):
    """The error that sizer printed, on one line and without the folders of this machine."""
    said = text.partition("error: ")[2] or text
    said = said.replace(f"{root}/", "").replace(str(root), ".")
    return " ".join(said.split())


class Tried:
    """What came of a configuration."""

    def __init__(self, name):
        self.name = name
        self.imported = self.ran = None
        self.p95 = {}
        self.fault = False

    def cells(self):
        p95 = ", ".join(f"{seconds:.2f}" for seconds in self.p95.values())
        return self.imported or "yes", f"yes (p95 {p95} s)" if self.ran is None else self.ran


def attempt(name, config, root, at, args, environ):
    """Imports a configuration and runs it."""
    tried = Tried(name)
    folder = root / "tried" / name.replace("/", "_")
    folder.mkdir(parents=True)
    file = folder / "config.yml"
    sources = packages((root / name).parent)
    environ = {**environ, "PYTHONPATH": os.pathsep.join(str(path) for path in sorted(sources))}
    # JSON is YAML.
    file.write_text(json.dumps(redirected(root / name, config, *at), indent=2))
    code, stdout, stderr = ended(
        [args.sizer, "import", "nat", file, "-o", folder / "spec.yml"], root, environ, args.timeout
    )
    (folder / "import.log").write_text(stdout + stderr)
    if code != 0:
        tried.imported = tried.ran = "took too long" if code is None else sentence(stderr, root)
        tried.fault = code != 2
        return tried
    code, stdout, stderr = ended(
        [args.sizer, "calc", "--config_file", file, "--calc_output_dir", folder / "out", "--concurrencies", "1,2",
         "--num_passes", "1", "--endpoint_timeout", "60"],
        root, environ, args.timeout,
    )
    (folder / "calc.log").write_text(stdout + stderr)
    tried.fault = code is None or "Traceback" in stderr
    if code is None:
        tried.ran = f"took longer than {args.timeout} s"
        return tried
    outputs = list(folder.glob("out/online/job_*/calc_runner_output.json"))
    if code == 0 and outputs:
        levels = json.loads(outputs[0].read_text())["calc_data"]
        levels = {level: data["sizing_metrics"] for level, data in levels.items()}
        whole = [level for level, metrics in levels.items() if not metrics["alerts"]["workflow_interrupted"]]
        tried.p95 = {level: levels[level]["workflow_runtime_p95"] for level in whole}
        if len(whole) == 2:
            return tried
    tried.ran = failures_of(folder, root) or sentence(stderr, root)
    return tried


def failures_of(folder, root):
    """What failed in the levels that were measured."""
    for result in folder.glob("out/online/job_*/result.json"):
        for level in json.loads(result.read_text())["levels"]:
            for failure in level["failures"]:
                return sentence(failure["first_message"], root)
    return None


def by_example(all_tried):
    groups = {}
    for tried in all_tried:
        groups.setdefault(example_of(tried.name), []).append(tried)
    return groups


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--install", type=Path, metavar="DIR", help="make this virtual environment, and run nothing")
    parser.add_argument("--python", type=Path, default=Path(sys.executable))
    parser.add_argument("--sizer", type=Path, default=SIZER)
    parser.add_argument("--only", nargs="+", default=["*"], metavar="GLOB")
    parser.add_argument("--timeout", type=int, default=180)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="work in this folder, and leave everything there")
    args = parser.parse_args()
    checkout = args.checkout.resolve()
    if args.install:
        install(args.install.absolute())
        return
    args.sizer, args.python = args.sizer.resolve(), args.python.absolute()
    before = left_over()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(args.keep or scratch).resolve()
        examples = copy_of(checkout, root)
        # As in a checkout: logs go there.
        (root / ".tmp").mkdir()
        configs = configurations(root, args.python)
        fill(root, configs)
        describe(examples)
        environ = {
            **os.environ, "NAT_PYTHON": str(args.python), "NO_PROXY": "*", "PYTHONDONTWRITEBYTECODE": "1",
            "OPENAI_API_KEY": KEY, "NVIDIA_API_KEY": KEY, "TAVILY_API_KEY": KEY, "LANGSMITH_API_KEY": KEY,
            "LANGSMITH_WORKSPACE_ID": KEY,
            "WANDB_API_KEY": KEY, "WEAVE_DISABLED": "true", "CUSTOMIZER_LLM_MODEL_NAME": "simulated",
            "CUSTOMIZER_HOST": KEY, "DATASTORE_HOST": KEY,
        }
        rest = ThreadingHTTPServer(("127.0.0.1", 0), Rest)
        threading.Thread(target=rest.serve_forever, daemon=True).start()
        all_tried = []
        try:
            with simulated(args.sizer, "output_tokens=40") as address:
                at = (address, f"127.0.0.1:{rest.server_address[1]}")
                for name, config in configs.items():
                    if not any(fnmatch.fnmatch(name, only) for only in args.only):
                        continue
                    began = time.monotonic()
                    all_tried.append(attempt(name, config, root, at, args, environ))
                    took = time.monotonic() - began
                    cells = ", ".join(all_tried[-1].cells())
                    print(f"{name}: {cells} ({took:.0f} s)", file=sys.stderr, flush=True)
        finally:
            rest.shutdown()
    print("| configuration | imported | ran |\n|---|---|---|")
    for tried in all_tried:
        print(f"| {tried.name} | {' | '.join(tried.cells())} |")
    print("\n| example | configurations | imported | ran | the others |\n|---|---|---|---|---|")
    for group, of in by_example(all_tried).items():
        imported = sum(tried.imported is None for tried in of)
        others = sorted({tried.ran for tried in of if tried.ran is not None})
        print(f"| {group} | {len(of)} | {imported} | {sum(tried.ran is None for tried in of)} | {'; '.join(others)} |")
    print(f"\n{len(all_tried)} configurations: {sum(tried.imported is None for tried in all_tried)} imported, "
          f"{sum(tried.ran is None for tried in all_tried)} ran")
    left = [one for one in left_over() if one not in before]
    print(f"processes left: {left}")
    faults = [tried.name for tried in all_tried if tried.fault]
    if left or faults:
        sys.exit(f"faults: {faults}")


if __name__ == "__main__":
    main()
