"""Writing down what is done to a box from outside, saving it, and running it again."""

import base64
import json
import zlib
from pathlib import Path

import numpy as np

from femtohost import trace as traces
from femtohost.errors import UserError

FORMAT = 1

# What changes a part of the box's surroundings; every other call only looks.
ACTIONS = {
    "phone": {"off_hook", "on_hook", "flash", "dial", "pulse", "talk", "stop_talking"},
    "far": {"call", "cancel", "answer", "hang_up", "talk", "stop_talking"},
    "network": set(),
    "line": {"set_path"},
    "slic": {"overheat", "reset"},
}


class ReplayError(UserError):
    """A trace file that cannot be run again: one line that says why."""


class Recorder:
    """The actions of one run: {"t": ns, "n": events run before it, "do": "phone.dial", "args": [...]}."""

    def __init__(self, box, keep=True):
        self._box, self._keep = box, keep
        self.actions = []

    def facade(self, name, model):
        """`model` as a tester sees it."""
        return Facade(self, name, model)

    def record(self, name, args, kwargs):
        if not self._keep:
            return
        action = {"t": self._box.clock.now, "n": self._box.events, "do": name, "args": [pack(a) for a in args]}
        if kwargs:
            action["kwargs"] = {key: pack(value) for key, value in kwargs.items()}
        self.actions.append(action)

    def save(self, path):
        """Write the run as JSON lines: a head, the actions, the records, the hash."""
        box = self._box
        with Path(path).open("w") as out:
            print(json.dumps({"femtojack": FORMAT, "options": box.options}), file=out)
            for action in self.actions:
                print(json.dumps(action), file=out)
            for record in box.trace.records:
                print(traces.json_line(*record), file=out)
            end = {"end": box.clock.now, "n": box.events, "records": box.trace.count, "sha256": box.trace.sha256()}
            print(json.dumps(end), file=out)


class Facade:
    """A model whose actions are recorded. Reading goes straight through."""

    def __init__(self, recorder, name, model):
        object.__setattr__(self, "_parts", (recorder, name, model))

    def __getattr__(self, attribute):
        recorder, name, model = self._parts
        value = getattr(model, attribute)
        if attribute not in ACTIONS[name]:
            return value

        def action(*args, **kwargs):
            recorder.record(f"{name}.{attribute}", args, kwargs)
            return value(*args, **kwargs)

        return action

    def __setattr__(self, attribute, value):
        recorder, name, model = self._parts
        if not hasattr(model, attribute):
            raise AttributeError(f"{name} has no {attribute}")
        recorder.record(f"{name}.{attribute}=", (value,), {})
        setattr(model, attribute, value)


def pack(value):
    """JSON for one argument: audio and octets are packed, the rest is as it is."""
    if isinstance(value, np.ndarray):
        data = np.ascontiguousarray(value)
        return {"array": data.dtype.str, "zlib": base64.b64encode(zlib.compress(data.tobytes())).decode()}
    if isinstance(value, (bytes, bytearray)):
        return {"octets": bytes(value).hex()}
    return value


def unpack(value):
    """The argument that `pack` packed."""
    if isinstance(value, dict) and "zlib" in value:
        return np.frombuffer(zlib.decompress(base64.b64decode(value["zlib"])), value["array"])
    if isinstance(value, dict) and "octets" in value:
        return bytes.fromhex(value["octets"])
    return value
