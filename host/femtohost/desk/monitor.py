"""Watching a board: its firmware runs with the monitor between it and the hardware, and sends frames over the port.

What comes is trace records, status once a second, and every block of audio: Rin and Sin, which `femtojack ec` reads.
"""

import contextlib
import json
import time

import numpy as np

from femtohost import audio
from femtohost.desk import slots
from femtohost.desk.framing import Receiver
from femtohost.desk.link import Link
from femtohost.errors import BoardLost, UserError

_START = slots.ENTER + "import sys\nfrom common.monitor import run\nrun(sys.stdout.buffer.write)\n"
_SILENCE_S = 300  # a board sends a block every 10 ms; an emulated one is slow while it joins in on the USB
BLOCK = 80


class Watch:
    """What was seen: `rin` and `sin` in blocks; tell(event) gets dicts."""

    def __init__(self, tell):
        self._tell = tell
        self.rin, self.sin = [], []
        self.receiver = Receiver()

    def feed(self, octets):
        for frame in self.receiver.feed(octets):
            take = {"T": self._trace, "P": self._pcm, "S": self._status}.get(frame.kind)
            if take:
                take(frame.payload)

    def _trace(self, payload):
        point, _, data = payload[4:].partition(b"\0")
        ms = int.from_bytes(payload[:4], "little")
        self._tell({"event": "trace", "ms": ms, "point": point.decode(errors="replace"), "data": data.hex()})

    def _pcm(self, payload):
        if len(payload) == 4 * BLOCK:
            samples = np.frombuffer(payload, "<i2")
            self.sin.append(samples[:BLOCK])
            self.rin.append(samples[BLOCK:])

    def _status(self, payload):
        with contextlib.suppress(ValueError):
            self._tell({"event": "status", **json.loads(payload)})

    def result(self):
        return {
            "blocks": len(self.rin),
            "seconds": len(self.rin) / 100,
            "skipped": self.receiver.skipped,
            "lost": self.receiver.lost,
        }


def watch(port, seconds, folder, tell, enough=lambda seen: False):
    """Run and watch the board at `port` for `seconds` (None: until interrupted), or until enough(Watch); rin.wav and
    sin.wav go to `folder`. Returns what was seen, a dict. BoardLost: it went silent."""
    if folder and folder.exists() and not folder.is_dir():
        raise UserError(f"--wav {folder}: is no folder; give one, or a new name")
    seen = Watch(tell)
    with Link(port) as link:
        with link.guarded():
            link.transport.exec_raw_no_follow(_START)
        with contextlib.suppress(KeyboardInterrupt):
            _read(link, seen, seconds, enough)
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("rin", "sin"):
            blocks = getattr(seen, name)
            audio.save(folder / f"{name}.wav", np.concatenate(blocks) if blocks else np.zeros(0, np.int16))
    return seen.result()


def _read(link, seen, seconds, enough):
    began = heard = time.monotonic()
    tail = b""
    while (seconds is None or time.monotonic() - began < seconds) and not enough(seen):
        octets = _octets(link)
        now = time.monotonic()
        if octets:
            heard = now
            tail = (tail + octets)[-400:]
            seen.feed(octets)
        elif now - heard > _SILENCE_S or b"Traceback" in tail:
            raise BoardLost(f"{link.port}: the firmware has stopped: {_words(tail)}")


def _octets(link):
    """What has come; nothing, where the port has gone because the firmware joins in on the USB, and is back."""
    serial = link.transport.serial
    try:
        return serial.read(max(1, serial.in_waiting))
    except (OSError, ValueError):  # pyserial's SerialException is an OSError
        link.come_back()
        return b""


def _words(tail):
    lines = [line for line in tail.decode(errors="replace").replace("\x04", "\n").splitlines() if line.strip()]
    return lines[-1] if lines else "it is silent"
