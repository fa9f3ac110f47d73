"""Stand-in for the toolkit: the calls that sizer's host makes, and a workflow that does what its configuration says."""

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import time
from types import SimpleNamespace

from nat.builder.context import Context, Step


def note(name, text):
    with open(name, "a") as file:
        file.write(f"{text}\n")


def settings(path):
    """Settings of the workflow: lines `key: value` below `workflow:`, with variables filled in."""
    text = os.path.expandvars(open(path).read())
    return dict(re.findall(r"^  (\w+): '?(.*?)'?$", text, re.MULTILINE))


def load_config(path):
    count = int(settings(path).get("items", 0))
    if count == -2:
        raise ValueError("Invalid configuration: eval: Field required") from Invalid("s", "eval.general.dataset.s3")
    dataset = SimpleNamespace(count=count)
    return SimpleNamespace(eval=SimpleNamespace(general=SimpleNamespace(dataset=dataset)))


class Invalid(Exception):
    """An error of a configuration that does not have the form it should."""

    def __init__(self, tag, place):
        self.tag, self.place = tag, place

    def errors(self):
        place = {"loc": tuple(self.place.split("."))}
        return [
            {"type": "missing", "msg": "Field required", **place},
            {
                "type": "union_tag_invalid",
                "msg": "Input tag",
                "ctx": {"tag": self.tag, "expected_tags": "'a', 'b'"},
                **place,
            },
        ]


class Runner:
    def __init__(self, sessions, message):
        self.sessions, self.message = sessions, message

    def convert(self, value, to_type):
        return to_type(value)

    async def result(self):
        does, say = self.sessions.does, Context.get().say
        async with self.sessions.gate:
            self.sessions.running += 1
            note("running", self.sessions.running)
            note("asked", f"{os.getpid()} {self.message}")
            try:
                say(Step("WORKFLOW_START", "w"))
                say(Step("FUNCTION_START", "f", name="search"))
                say(Step("FUNCTION_END", "f", name="search"))
                say(Step("LLM_START", "c"))
                say(Step("LLM_NEW_TOKEN", "c", chunk=""))
                for piece in ("a", "b"):
                    say(Step("LLM_NEW_TOKEN", "c", chunk=piece))
                count = len(open("asked").readlines())
                if does.get("fail_at") == str(count):
                    raise ValueError(does.get("message", "no luck"))
                if does.get("die_at") == str(count):
                    print("out of memory", file=sys.stderr, flush=True)
                    os._exit(3)
                if "spin" in does:
                    until = time.process_time() + float(does["spin"])
                    while time.process_time() < until:
                        pass
                others = self.sessions.running - 1
                slower = 1 + others * float(does.get("slower", 0))
                await asyncio.sleep(float(does.get("sleep", 0.02)) * slower)
                say(Step("LLM_END", "c"))
                say(Step("WORKFLOW_END", "w"))
            except asyncio.CancelledError:
                note("cancelled", self.message)
                raise
            finally:
                self.sessions.running -= 1
        return "an answer"


class Sessions:
    has_single_output = True

    def __init__(self, does):
        self.does, self.workflow, self.running = does, self, 0
        self.gate = asyncio.Semaphore(int(does.get("at_a_time", 1000)))

    @contextlib.asynccontextmanager
    async def session(self, user_id=None):
        note("users", user_id)
        yield self

    @contextlib.asynccontextmanager
    async def run(self, message):
        Context.begin()
        yield Runner(self, message)


@contextlib.asynccontextmanager
async def load_workflow(config_file, max_concurrency=-1):
    does = settings(config_file)
    note("hosts", os.getpid())
    note("limits", max_concurrency)
    note("folders", os.getcwd())
    print("noise of the workflow on stdout", flush=True)
    print(f"settings: {does}", file=sys.stderr, flush=True)
    if "unknown_type" in does:
        place = does.get("unknown_at", "function_groups.search")
        raise ValueError("Invalid configuration: function_groups: Input tag") from Invalid(does["unknown_type"], place)
    if "build_group" in does:
        raise ExceptionGroup("unhandled errors", [ConnectionError(does["build_group"])])
    if "build_error" in does:
        raise RuntimeError(does["build_error"])
    if "build_sleep" in does:
        time.sleep(float(does["build_sleep"]))
    if "child" in does:
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        note("hosts", child.pid)
    yield Sessions(does)
    note("closed", os.getpid())
