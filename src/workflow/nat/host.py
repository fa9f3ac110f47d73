"""Host of a configuration's workflow on this machine, for sizer alone.

It gets its order as a line of JSON on standard input: the configuration and a token. It builds the workflow
through the toolkit's public API, answers `POST /generate/full` on a loopback port of its own as `nat serve`
does, without a limit on the runs at a time, and prints the port as a line of JSON. It ends when its standard
input does, so that it cannot outlive whoever started it.
"""

import asyncio
import hmac
import importlib
import inspect
import json
import os
import signal
import sys
import threading
import time

# Each names its modules and classes in its own way.
TOOLKITS = (("nat", "Context"), ("aiq", "AIQContext"))
LONGEST_HEAD = 64 << 10
LARGEST_BODY = 64 << 20
# A workflow that does not end when it is asked to is not waited for.
PATIENCE = 1.5


def take_streams():
    """Takes the streams to sizer away from the workflow, which may print and read what it likes."""
    order = json.loads(sys.stdin.buffer.readline())
    lifeline, reply = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return order, lifeline, reply


def tell(reply, **what):
    os.write(reply, (json.dumps(what) + "\n").encode())
    os.close(reply)


def unknown(error):
    """Names the types of components in a configuration that no installed package has, or returns nothing."""
    try:
        tags = {
            ".".join(map(str, problem["loc"])): problem["ctx"]["tag"]
            for problem in (error.__cause__ or error).errors()
            if problem["type"] == "union_tag_invalid"
        }
    except Exception:
        # It is no error of a configuration's form.
        return None
    if not tags:
        return None
    # Some releases have what evaluations need in a package of its own.
    hint = " (such as nvidia-nat-eval)" if any(place.startswith("eval.") for place in tags) else ""
    named = ", ".join(f"`{tag}` ({place})" for place, tag in tags.items())
    return f"no installed package has {named}: correct the name, or install the one that does{hint}"


def innermost(error):
    """Returns the first error of a group, which by itself says nothing."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def described(error):
    error = innermost(error)
    # The toolkit itself names the types that there are, which are hundreds.
    missing = unknown(error)
    if missing:
        return missing
    text = str(error).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def toolkit():
    """Returns the loader of workflows and the class that knows the run under way."""
    missing = None
    for package, context in TOOLKITS:
        try:
            loader = importlib.import_module(f"{package}.runtime.loader")
            known = importlib.import_module(f"{package}.builder.context")
            return loader.load_workflow, getattr(known, context)
        except ModuleNotFoundError as error:
            # The one that is there says more than the one that is not.
            if missing is None or error.name != package:
                missing = error
    raise missing


class Steps:
    """Lines of one answer, in the order in which its steps were reported, from whichever thread."""

    def __init__(self):
        self.lines = []
        self.loop = asyncio.get_running_loop()
        self.thread = threading.get_ident()
        self.news = asyncio.Event()
        self.spoken = set()

    def add(self, line):
        self.lines.append(line)
        if threading.get_ident() == self.thread:
            self.news.set()
        else:
            self.loop.call_soon_threadsafe(self.news.set)

    def take(self):
        taken, self.lines = self.lines, []
        self.news.clear()
        return "".join(taken).encode()

    def on_next(self, item):
        payload = item.payload
        kind = getattr(item.event_type, "value", item.event_type)
        if kind == "LLM_NEW_TOKEN":
            # Each repeats the whole prompt, and only the first tells a time that is measured.
            if item.UUID in self.spoken:
                return
            if getattr(payload.data, "chunk", None):
                self.spoken.add(item.UUID)
        try:
            payload = payload.model_dump_json()
        except Exception:
            # Inputs and outputs can be of any type; the times of the step are not.
            kept = {"event_type", "event_timestamp", "name", "UUID", "usage_info"}
            payload = payload.model_dump_json(include=kept)
        step = {
            "id": item.UUID,
            "parent_id": getattr(item, "parent_id", None),
            "type": kind,
            "name": item.name or "",
            "payload": payload,
        }
        self.add(f"intermediate_data: {json.dumps(step)}\n\n")


class Host:
    def __init__(self, sessions, context, token):
        self.sessions = sessions
        self.context = context
        self.expected = f"Bearer {token}".encode()
        known = inspect.signature(sessions.session).parameters
        # Workflows with a state per user need one: the evaluation's.
        self.user = {"user_id": "nat_eval_user"} if "user_id" in known else {}

    async def run(self, message, steps):
        """Runs the workflow as the toolkit's evaluation does, and adds its answer to the steps."""
        try:
            async with self.sessions.session(**self.user) as session:
                async with session.run(message) as runner:
                    manager = self.context.get().intermediate_step_manager
                    ignored = lambda *_: None
                    manager.subscribe(on_next=steps.on_next, on_error=ignored, on_complete=ignored)
                    if session.workflow.has_single_output:
                        answer = await runner.result()
                        try:
                            answer = runner.convert(answer, to_type=str)
                        except Exception:
                            answer = str(answer)
                    else:
                        answer = "".join([str(piece) async for piece in runner.result_stream()])
            # Steps that other threads reported before it have arrived then.
            await asyncio.sleep(0)
            steps.add(f"data: {json.dumps({'value': answer})}\n\n")
        except Exception as error:
            error = innermost(error)
            failure = {
                "code": "workflow_error",
                "message": str(error) or type(error).__name__,
                "details": type(error).__name__,
            }
            steps.add(json.dumps(failure))

    async def serve(self, reader, writer):
        try:
            while await self.answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def answer(self, reader, writer):
        """Answers one request; returns true if the connection stays."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return False
        first, *fields = head[:-4].split(b"\r\n")
        fields = dict(field.split(b":", 1) for field in fields if b":" in field)
        fields = {name.strip().lower(): value.strip() for name, value in fields.items()}
        method, _, rest = first.partition(b" ")
        path = rest.partition(b" ")[0]
        given = fields.get(b"authorization", b"")
        length = fields.get(b"content-length", b"0")
        if not hmac.compare_digest(given, self.expected):
            return await refuse(writer, "401 Unauthorized", "this host serves the sizer that started it")
        if not length.isdigit() or int(length) > LARGEST_BODY or b"transfer-encoding" in fields:
            return await refuse(writer, "413 Content Too Large", "the request has no length, or is too long")
        body = await reader.readexactly(int(length))
        if (method, path) == (b"GET", b"/health"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
            return True
        if (method, path) != (b"POST", b"/generate/full"):
            return await refuse(writer, "404 Not Found", "there is POST /generate/full")
        try:
            message = json.loads(body)["input_message"]
        except (ValueError, TypeError, KeyError):
            return await refuse(writer, "422 Unprocessable Content", "the body has no input_message")
        return await self.stream(message, reader, writer)

    async def stream(self, message, reader, writer):
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        steps = Steps()
        running = asyncio.create_task(self.run(message, steps))
        running.add_done_callback(lambda _: steps.news.set())
        # Nothing follows a request before its answer but the end of a client that gave up.
        gone = asyncio.create_task(reader.read(1))
        gone.add_done_callback(lambda _: steps.news.set())
        try:
            while True:
                await steps.news.wait()
                if gone.done():
                    return False
                over = running.done()
                piece = steps.take()
                if piece:
                    writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                if over:
                    break
                await writer.drain()
        finally:
            gone.cancel()
            running.cancel()
            await asyncio.gather(gone, running, return_exceptions=True)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


async def refuse(writer, status, reason):
    body = json.dumps({"detail": reason}).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    writer.write(f"{head}connection: close\r\n\r\n".encode() + body)
    await writer.drain()
    return False


def watch(lifeline):
    """Ends the host once its standard input has ended: as if it were asked to, and then in any case."""
    while os.read(lifeline, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE)
    os._exit(0)


async def host(load_workflow, context, order, reply):
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    building = asyncio.create_task(serve(load_workflow, context, order, reply, over))
    stopped = asyncio.create_task(over.wait())
    await asyncio.wait({building, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if not building.done():
        # It closes what the workflow has opened.
        await asyncio.wait({building}, timeout=PATIENCE)
    if building.done():
        building.result()


async def serve(load_workflow, context, order, reply, over):
    try:
        # No limit on the runs at a time: how many there are is what is measured.
        loaded = load_workflow(order["config"], max_concurrency=-1)
        sessions = await loaded.__aenter__()
    except Exception as error:
        tell(reply, error=described(error))
        raise
    try:
        serving = Host(sessions, context, order["token"])
        server = await asyncio.start_server(serving.serve, "127.0.0.1", 0, limit=LONGEST_HEAD)
        tell(reply, port=server.sockets[0].getsockname()[1])
        await over.wait()
        server.close()
    finally:
        await loaded.__aexit__(None, None, None)


def main():
    order, lifeline, reply = take_streams()
    threading.Thread(target=watch, args=(lifeline,), daemon=True).start()
    try:
        load_workflow, context = toolkit()
    except Exception as error:
        tell(reply, error=described(error), missing=True)
        sys.exit(1)
    try:
        asyncio.run(host(load_workflow, context, order, reply))
    except Exception:
        import traceback

        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    # Threads of the workflow that still run are not waited for.
    os._exit(0)


main()
