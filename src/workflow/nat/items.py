"""Reader of a configuration's dataset on this machine, for sizer alone.

It gets its order as a line of JSON on standard input: the configuration. It reads the dataset of its `eval`
section as the toolkit's evaluation does, and prints a line of JSON with the number of items or an error, then a
line for each item. It ends when its standard input does, so that it cannot outlive whoever started it.
"""

import importlib
import json
import os
import sys
import threading
from pathlib import Path

# Each release names its modules in its own way, the newest first.
HANDLERS = (
    "nat.plugins.eval.dataset_handler.dataset_handler",
    "nat.eval.dataset_handler.dataset_handler",
    "aiq.eval.dataset_handler.dataset_handler",
)
LOADERS = ("nat.runtime.loader", "aiq.runtime.loader")


def first_of(names):
    """Imports the first of some modules that is there."""
    missing = None
    for name in names:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            missing = missing or error
    raise missing


def items(config):
    loader = first_of(LOADERS)
    dataset = loader.load_config(Path(config)).eval.general.dataset
    handler = first_of(HANDLERS).DatasetHandler(dataset_config=dataset, reps=1, concurrency=1)
    read = handler.get_eval_input_from_dataset(None)
    for item in read.eval_input_items:
        question = item.input_obj
        if not isinstance(question, (str, dict)):
            question = str(question)
        yield json.dumps({"id": str(item.id), "question": question}, ensure_ascii=False, default=str)


def described(error):
    """Returns what is wrong, for a configuration of the wrong form with the places of the first few mistakes."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    try:
        mistakes = (error.__cause__ or error).errors()
        return "; ".join(f"{'.'.join(map(str, it['loc']))}: {it['msg']}" for it in mistakes[:3])
    except Exception:
        text = str(error).strip()
        return f"{type(error).__name__}: {text}" if text else type(error).__name__


def watch(lifeline):
    while os.read(lifeline, 4096):
        pass
    os._exit(1)


def main():
    order = json.loads(sys.stdin.buffer.readline())
    lifeline = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    threading.Thread(target=watch, args=(lifeline,), daemon=True).start()
    reply = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # The toolkit and the dataset's own code may print what they like.
    os.dup2(2, 1)
    try:
        lines = list(items(order["config"]))
    except BaseException as error:
        print(json.dumps({"error": described(error)}), file=reply, flush=True)
        os._exit(1)
    print(json.dumps({"items": len(lines)}), file=reply)
    for line in lines:
        print(line, file=reply)
    reply.flush()
    # Threads that the dataset's code has left are not waited for.
    os._exit(0)


main()
