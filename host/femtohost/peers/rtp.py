"""The far end's audio: one RTP stream each way, PCMU, 20 ms a frame (RFC 3550, RFC 3551); keys as events (RFC 4733)."""

import struct
from itertools import pairwise

import numpy as np

from femtohost.clock import MS, SECOND
from femtohost.peers.g711 import SILENCE, ulaw_decode, ulaw_encode

FRAME = 160  # samples and octets
FRAME_TIME = 20 * MS
PCMU = 0  # RFC 3551 6: static payload type
MARKER = 0x80
SILENT_FRAME = bytes([SILENCE]) * FRAME
KEYS = "0123456789*#ABCD"  # RFC 4733 3.2: events 0 to 15
KEY_FRAMES, REST_FRAMES, END_COPIES = 5, 5, 3
END = 0x80
LONGEST_GAP = 80_000  # samples, 10 s: a longer jump of the timestamp is another stream, joined without a gap

_EVENT = struct.Struct(">BBH")  # event, end and volume, duration
_HEADER = struct.Struct(">BBHII")  # version and counts, marker and type, sequence, timestamp, SSRC


class Talk:
    """What one end says: int16 samples at 8 kHz, encoded once.

    Times count from the first frame of the stream, or from when it is said in the middle of one. It starts at
    `start_after_s` and, with `loop`, begins again at its end (padded with silence to whole frames). `gate` takes
    turns: a callable of the time in seconds, or a sequence of booleans, one for each 20 ms; while it is false (or used
    up) silence goes out, and the talk runs on unheard.
    """

    def __init__(self, samples=(), start_after_s=0.5, loop=True, gate=None):
        octets = ulaw_encode(np.asarray(samples, dtype=np.int16))
        self._frames = [octets[i : i + FRAME].ljust(FRAME, SILENT_FRAME[:1]) for i in range(0, len(octets), FRAME)]
        self._start = round(start_after_s * SECOND / FRAME_TIME)
        self._loop = loop
        self._gate = gate

    def frame(self, n):
        """The 160 octets of frame `n`."""
        index = n - self._start
        if not self._frames or index < 0 or not self._open(n):
            return SILENT_FRAME
        if self._loop:
            return self._frames[index % len(self._frames)]
        return self._frames[index] if index < len(self._frames) else SILENT_FRAME

    def _open(self, n):
        if self._gate is None:
            return True
        if callable(self._gate):
            return self._gate(n * FRAME_TIME / SECOND)
        return n < len(self._gate) and self._gate[n]


class RtpStream:
    """Both directions of one call's audio, on a port of its own.

    `say` changes the talk; `heard()` is the record, and `heard_since` the time (ns) of its first frame's arrival.
    `events` is the payload type of telephone-event, or None; `keys` are those that came and ended, `event_packets`
    [(marker, sequence, timestamp, event, ended, duration)] all of them.
    Counters: sent, received, refused (not a plain 12-octet header of version 2, not PCMU, empty).
    """

    def __init__(self, clock, network, rng, address, talk):
        self._clock = clock
        self._socket = network.open(address, 0, self._on_datagram)
        self._ssrc, self._first_timestamp = (int(x) for x in rng.integers(2**32, size=2))
        self._first_sequence = int(rng.integers(2**16))
        self._talk, self._talk_from = talk, 0
        self._n = 0
        self._event = None
        self._started = None
        self._frames = []
        self._keying = []  # (key, packet within it) of the packets to come, None: speech
        self._key_timestamp = 0
        self.events, self.keys, self.event_packets = None, "", []
        self._ended = None  # timestamp of the last event that did
        self.remote = None
        self.sent = self.received = self.refused = 0
        self.heard_since = None

    @property
    def port(self):
        return int.from_bytes(self._socket.address[4:], "big")

    def send_to(self, remote):
        """Send to the endpoint `remote` from now on, a frame every 20 ms; None pauses: frames fall due unsent."""
        self.remote = remote
        if remote is not None and self._started is None:
            self._started = self._clock.now
            self._send_frame()

    def say(self, talk):
        """Another Talk from the next frame on."""
        self._talk, self._talk_from = talk, self._n

    def press(self, keys):
        """Say each of `keys` for 100 ms, with as much between them."""
        for key in keys:
            event = KEYS.index(key)
            self._keying += [(event, i) for i in range(KEY_FRAMES + END_COPIES - 1)] + [None] * REST_FRAMES

    def close(self):
        """Stop for good; the record stays."""
        if self._event is not None:
            self._event.cancel()
        self._socket.close()

    def forget(self):
        """Drop what has come in so far."""
        self._frames.clear()

    def heard(self):
        """What was received as int16 samples, each frame placed by its timestamp; zeros where frames are missing."""
        if not self._frames:
            return np.zeros(0, dtype=np.int16)
        places = _positions([timestamp for timestamp, _ in self._frames])
        lengths = [len(payload) for _, payload in self._frames]
        record = np.zeros(max(p + n for p, n in zip(places, lengths, strict=True)), dtype=np.int16)
        for place, (_, payload) in zip(places, self._frames, strict=True):
            record[place : place + len(payload)] = ulaw_decode(payload)
        return record

    def _send_frame(self):
        n, self._n = self._n, self._n + 1
        if self.remote is not None:
            self._socket.send(self._packet(n), self.remote)
            self.sent += 1
        self._event = self._clock.at(self._started + self._n * FRAME_TIME, self._send_frame)

    def _packet(self, n):
        keying = self._keying.pop(0) if self._keying else None
        sequence = self._first_sequence + n & 0xFFFF
        timestamp = self._first_timestamp + n * FRAME & 0xFFFFFFFF
        if keying is None:
            kind = PCMU if n else PCMU | MARKER  # RFC 3551 4.1: the marker begins a talkspurt; here there is one
            return _HEADER.pack(0x80, kind, sequence, timestamp, self._ssrc) + self._talk.frame(n - self._talk_from)
        event, i = keying
        if i == 0:
            self._key_timestamp = timestamp
        kind = self.events | (0 if i else MARKER)
        header = _HEADER.pack(0x80, kind, sequence, self._key_timestamp, self._ssrc)
        end = END if i >= KEY_FRAMES - 1 else 0
        return header + _EVENT.pack(event, end | 10, min(i + 1, KEY_FRAMES) * FRAME)

    def _on_event(self, data):
        _, kind, sequence, timestamp, _ = _HEADER.unpack(data[:12])
        event, flags, duration = _EVENT.unpack(data[12:16])
        ended = bool(flags & END)
        self.event_packets.append((bool(kind & MARKER), sequence, timestamp, event, ended, duration))
        if ended and timestamp != self._ended:
            self._ended = timestamp
            self.keys += KEYS[event] if event < len(KEYS) else "?"

    def _on_datagram(self):
        data, _ = self._socket.receive()
        if self.events is not None and len(data) == 16 and data[0] == 0x80 and data[1] & 0x7F == self.events:
            self._on_event(data)
            return
        if len(data) <= 12 or data[0] != 0x80 or data[1] & 0x7F != PCMU:
            self.refused += 1
            return
        if self.heard_since is None:
            self.heard_since = self._clock.now
        self.received += 1
        self._frames.append((int.from_bytes(data[4:8], "big"), data[12:]))


def _positions(timestamps):
    """Where each frame begins, in samples from the earliest, for timestamps in the order of their arrival."""
    position, places = 0, [0]
    for before, after in pairwise(timestamps):
        step = (after - before + 2**31) % 2**32 - 2**31
        position += step if abs(step) <= LONGEST_GAP else FRAME
        places.append(position)
    earliest = min(places)
    return [place - earliest for place in places]
