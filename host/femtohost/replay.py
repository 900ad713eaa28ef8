"""Run a saved trace again and name the first difference."""

import json
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from femtohost import trace as traces
from femtohost.clock import ClockError
from femtohost.emulator import Emulator
from femtohost.recorder import FORMAT, ReplayError, unpack


@dataclass(frozen=True)
class Difference:
    """Where two runs part: the number of the record, and both records as text (None: there is none any more)."""

    index: int
    recorded: str | None
    now: str | None

    def __str__(self):
        recorded, now = self.recorded or "(the end)", self.now or "(the end)"
        return f"record {self.index}:\n  recorded  {recorded}\n  now       {now}"


def replay(path, target="cpython"):
    """Run the inputs of the trace file `path` again, on any target (femtohost.targets).

    Returns (box, Difference or None). ReplayError: not a trace.
    """
    head, actions, records, end = _load(Path(path))
    box = Emulator(**{name: unpack(value) for name, value in head["options"].items()}, target=target)
    try:
        for action in actions:
            _reach(box, action["n"], action["t"])
            _apply(box, action)
        _reach(box, end["n"], end["end"])
    except ClockError:
        pass  # an event stands where none stood: the records below show the difference that caused it
    return box, _first_difference(box, records)


def _load(path):
    try:
        lines = [json.loads(line) for line in path.read_text().splitlines()]
    except OSError as error:
        raise ReplayError(f"{path}: {error.strerror}; give a trace.jsonl that femtojack wrote") from None
    except ValueError:
        lines = []
    if not _complete(lines):
        raise ReplayError(f"{path}: not a complete trace of this version; give a trace.jsonl that femtojack wrote")
    actions = [line for line in lines if "do" in line]
    records = [line for line in lines if "p" in line]
    return lines[0], actions, records, lines[-1]


def _complete(lines):
    """Whether the file has a head of this version, an end, and only objects."""
    if len(lines) < 2 or not all(isinstance(line, dict) for line in lines):
        return False
    return lines[0].get("femtojack") == FORMAT and "options" in lines[0] and {"sha256", "end", "n"} <= lines[-1].keys()


def _reach(box, events, time):
    box.run_events(events - box.events)
    box.clock.advance(time)


def _apply(box, action):
    part, _, attribute = action["do"].partition(".")
    target = box.part(part)
    args = [unpack(a) for a in action["args"]]
    if attribute.endswith("="):
        setattr(target, attribute[:-1], args[0])
        return
    with suppress(Exception) if "raised" in action else nullcontext():
        getattr(target, attribute)(*args, **{k: unpack(v) for k, v in action.get("kwargs", {}).items()})


def _first_difference(box, records):
    for i, (time, point, data) in enumerate(box.trace.records):
        now = traces.json_line(time, point, data)
        if i >= len(records):
            return Difference(i, None, traces.text(time, point, data))
        if json.loads(now) != records[i]:
            return Difference(i, _shown(records[i]), traces.text(time, point, data))
    if len(records) > len(box.trace.records):
        return Difference(len(box.trace.records), _shown(records[len(box.trace.records)]), None)
    return None


def _shown(record):
    if record["d"].startswith("sha256:"):
        return f"{record['t'] / 1e9:12.6f}  {record['p']:<12} {record['d']}"
    return traces.text(record["t"], record["p"], bytes.fromhex(record["d"]))
