"""Writing down what is done to a box from outside, saving it, and running it again."""

import base64
import json
import zlib
from pathlib import Path

import numpy as np

from femtohost import trace as traces
from femtohost.errors import UserError

FORMAT = 1

# What may be called on a part of the box: actions, which change it and are written down, and what only looks.
ACTIONS = {
    "phone": {"off_hook", "on_hook", "flash", "dial", "pulse", "talk", "stop_talking"},
    "far": {"call", "cancel", "answer", "hang_up", "hold", "press", "talk", "stop_talking", "send_text"},
    "network": {"inject"},
    "line": {"set_path"},
    "slic": {"overheat", "reset"},
    "disc": {"load", "eject", "swap"},
    "usb_host": {
        "attach", "detach", "reset", "enumerate", "control", "read", "write", "clear_halt", "set_interface", "command",
        "scsi", "read_disc", "reset_storage", "play", "record", "stop", "listen", "get_report", "set_report",
    },
    "gsm": {"add", "remove"},
    "gsm_phone": {
        "power_on", "power_off", "pull_battery", "set_coverage", "update_location", "dial", "emergency", "answer",
        "reject", "busy", "hang_up", "press", "hold", "retrieve", "send_text", "ussd", "talk", "stop_talking",
        "misbehave",
    },
    "air": {"set_faults", "uplink", "want_all"},
    "radio": {"stall", "set_rts_late"},
}  # fmt: skip

LOOKS = {
    "phone": {"hears", "earpiece"}, "far": {"heard"}, "network": set(), "line": set(), "slic": set(), "disc": set(),
    "usb_host": set(), "gsm": set(), "gsm_phone": set(), "air": {"tune", "detune"},
    "radio": {"count", "arfcn", "sacch_si"},
}  # fmt: skip


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
        """Write an action down; returns it, so that it can be said that it failed. TypeError: an argument that no
        file can hold."""
        action = {"t": self._box.clock.now, "n": self._box.events, "do": name, "args": [pack(a) for a in args]}
        if kwargs:
            action["kwargs"] = {key: pack(value) for key, value in kwargs.items()}
        if self._keep:
            self.actions.append(action)
        return action

    def save(self, path):
        """Write the run as JSON lines: a head, the actions, the records, the hash."""
        box = self._box
        if not self._keep:
            raise ValueError("this box was made with keep_trace=False: there is no whole trace to save")
        with Path(path).open("w") as out:
            options = {name: pack(value) for name, value in box.options.items()}
            print(json.dumps({"femtojack": FORMAT, "options": options}), file=out)
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
        _, name, model = self._parts
        value, kind = getattr(model, attribute), name.partition("/")[0]
        if attribute in ACTIONS[kind]:
            return lambda *args, **kwargs: self._act(attribute, value, args, kwargs)
        if callable(value) and attribute not in LOOKS[kind]:
            raise AttributeError(
                f"{name}.{attribute} would leave no record; there are {' '.join(sorted(ACTIONS[kind]))}"
            )
        return value

    def _act(self, attribute, method, args, kwargs):
        recorder, name, _ = self._parts
        action = recorder.record(f"{name}.{attribute}", args, kwargs)
        try:
            return method(*args, **kwargs)
        except Exception as error:
            action["raised"] = type(error).__name__
            raise

    def __setattr__(self, attribute, value):
        recorder, name, model = self._parts
        if not hasattr(model, attribute):
            raise AttributeError(f"{name} has no {attribute}")
        recorder.record(f"{name}.{attribute}=", (value,), {})
        setattr(model, attribute, value)


class GsmFacade(Facade):
    """GSM phones as a tester has them: each is a facade of its own."""

    def add(self, *args, **kwargs):
        """A new phone (femtohost.gsm_phones)."""
        _, _, phones = self._parts
        return self._faced(self._act("add", phones.add, args, kwargs))

    def phone(self, imsi):
        """The phone with this IMSI; KeyError: there is none."""
        return self._faced(self._parts[2].phone(imsi))

    def __iter__(self):
        return map(self._faced, self._parts[2])

    def __len__(self):
        return len(self._parts[2])

    def _faced(self, phone):
        return self._parts[0].facade(f"gsm_phone/{phone.imsi}", phone)


def pack(value):
    """JSON for one argument: audio and octets are packed, the rest is as it is."""
    if isinstance(value, np.ndarray):
        data = np.ascontiguousarray(value)
        return {"array": data.dtype.str, "zlib": base64.b64encode(zlib.compress(data.tobytes())).decode()}
    if isinstance(value, (bytes, bytearray)):
        return {"octets": bytes(value).hex()}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [pack(item) for item in value]
    if value is not None and not isinstance(value, (str, int, float, bool, dict)):
        raise TypeError(f"{value!r} cannot be written into a trace; give numbers, text, octets, lists or arrays")
    return value


def unpack(value):
    """The argument that `pack` packed."""
    if isinstance(value, dict) and "zlib" in value:
        return np.frombuffer(zlib.decompress(base64.b64decode(value["zlib"])), value["array"])
    if isinstance(value, dict) and "octets" in value:
        return bytes.fromhex(value["octets"])
    if isinstance(value, list):
        return [unpack(item) for item in value]
    return value
