"""Stand-in for the run under way and the steps that it reports."""

import contextvars
import json
import time

heard = contextvars.ContextVar("heard")


class Payload:
    def __init__(self, chunk):
        self.data = type("Data", (), {"chunk": chunk})()

    def fill(self, **fields):
        self.fields = fields

    def model_dump_json(self, include=None):
        return json.dumps({**self.fields, "data": {"chunk": self.data.chunk}})


class Step:
    def __init__(self, kind, id, name=None, chunk=None):
        self.event_type, self.UUID, self.name, self.parent_id = kind, id, name, "root"
        self.payload = Payload(chunk)
        self.payload.fill(event_type=kind, event_timestamp=time.time(), name=name, UUID=id)


class Manager:
    def subscribe(self, on_next, on_error, on_complete):
        heard.get().append(on_next)


class Context:
    intermediate_step_manager = Manager()

    @staticmethod
    def begin():
        heard.set([])

    @classmethod
    def get(cls):
        return cls()

    def say(self, step):
        for listener in heard.get():
            listener(step)
