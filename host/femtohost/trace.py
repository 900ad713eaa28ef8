"""What the firmware did, stamped with virtual time: the record that everything else reads."""

import hashlib
import json
import struct
from collections import deque

_STAMP = struct.Struct("<qBI")  # time, lengths of point and data
LAST = 40  # records kept when the trace as a whole is not

# Audio and USB data are hashed whole, but a file keeps only a digest of what is long: the wav files have the samples,
# a capture the octets.
AUDIO = ("pcm.play", "usb.iso")
DIGESTED = (*AUDIO, "usb.in", "usb.out")
SHORT = 64


class Trace:
    """Records (time ns, point, data) and their running SHA-256.

    The hash covers time, point and data of every record; equal hashes mean that two runs did the same at the same
    time. `keep=False` keeps the last few records only, for long runs. `on_record` are observers (time, point, data).
    """

    def __init__(self, clock, keep=True):
        self._clock = clock
        self._hash = hashlib.sha256()
        self.records = [] if keep else deque(maxlen=LAST)
        self.count = 0
        self.on_record = []

    def add(self, point, data):
        """One record: `point` is a short str, `data` bytes-like."""
        time = self._clock.now
        data = bytes(data)
        name = point.encode()
        self._hash.update(_STAMP.pack(time, len(name), len(data)) + name + data)
        self.records.append((time, point, data))
        self.count += 1
        for observer in self.on_record:
            observer(time, point, data)

    def sha256(self):
        return self._hash.hexdigest()

    def find(self, point):
        """[(time, data)] of one point, in order."""
        return [(time, data) for time, name, data in self.records if name == point]

    def last_lines(self, count=LAST):
        """The last records that say something as text, one a line: steps and audio are left out."""
        telling = [record for record in list(self.records)[-50 * count :] if record[1] not in ("step", *AUDIO)]
        return "\n".join(text(*record) for record in telling[-count:])


def shown(point, data):
    """`data` as a trace file shows it: hexadecimal, or a digest where the file does without."""
    if point in DIGESTED and len(data) > SHORT:
        return "sha256:" + hashlib.sha256(data).hexdigest()[:16]
    return data.hex()


def text(time, point, data):
    """One record for people."""
    if data and all(32 <= c < 127 or c in b"\r\n\t" for c in data):
        body = data.decode().replace("\r\n", " | ")
    else:
        body = shown(point, data)
    return f"{time / 1e9:12.6f}  {point:<12} {body[:160]}"


def json_line(time, point, data):
    """One record of a trace file."""
    return json.dumps({"t": time, "p": point, "d": shown(point, data)})
