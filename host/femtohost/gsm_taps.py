"""What a call of a GSM phone by SIP looks like from outside: speech on Um and in RTP, states, SIP."""

import numpy as np

from femtohost.clock import SECOND
from femtohost.full_rate import OCTETS, FullRate
from femtohost.models.gsm_frames import VOICE_F
from femtohost.peers.g711 import ulaw_decode
from femtohost.taps import RATE, CallTaps

RTP_HEADER, RTP_VERSION = 12, 0x80
PT_PCMU, PT_GSM = 0, 3  # RFC 3551 6
LOOKS = ("hook", "linefeed", "ring", "line")  # tracks of the telephone, which has no part in it


class GsmTaps(CallTaps):
    """Observes a box whose one call is a GSM phone's. Of the signals, as far as they have come from power-on:

    rin   what the far end says, in its RTP       rout  what the phone hears, in its speech frames
    sin   what the phone says                     sout  what the far end hears
    """

    def __init__(self, box):
        super().__init__(box)
        self._speech = {name: [] for name in ("rin", "rout", "sin", "sout")}
        self._delay = round(box.network.delay_ms * 1e6)
        box.air.taps.append(self._on_frame)
        self._calls = []
        for phone in box.gsm:
            phone.on_call.append(self._on_call)

    def _on_frame(self, frame):
        if frame.channel == VOICE_F:
            self._speech["sin" if frame.uplink else "rout"].append((self._box.clock.now, PT_GSM, frame.payload[1:]))

    def _on_datagram(self, time, source, destination, data):
        super()._on_datagram(time, source, destination, data)
        if len(data) > RTP_HEADER and data[0] & 0xC0 == RTP_VERSION and not data[:1].isalpha():
            own = source[:4] == self._box.board.address
            kind, payload = data[1] & 0x7F, bytes(data[RTP_HEADER:])
            self._speech["sout" if own else "rin"].append((time + (0 if own else self._delay), kind, payload))

    def _on_call(self, call):
        self._calls.append({"t": self._box.time_s, "track": "GSM", "state": call.state.lower()})

    def signals(self):
        """rin, rout, sin, sout: int16 arrays of one length."""
        length = round(self._box.time_s * RATE)
        return {name: placed(pieces, length) for name, pieces in self._speech.items()}

    def counters(self):
        """Speech frames and packets, by direction."""
        names = {"sin": "frames_up", "rout": "frames_down", "sout": "packets_up", "rin": "packets_down"}
        return {name: len(self._speech[signal]) for signal, name in names.items()}

    def setup_ms(self):
        return None

    def states(self):
        quiet = {"t": 0.0, "track": "GSM", "state": "null"}
        return [state for state in super().states() if state["track"] not in LOOKS] + [quiet, *self._calls]


def placed(pieces, length):
    """The samples of (time, payload type, octets), each after the one before it, or at its time where that is off by
    more than half of it: blocks are 18.5 or 23 ms apart (TS 45.002), and some are stolen."""
    signal, codec, at = np.zeros(length, np.int16), FullRate(), 0
    for time, kind, payload in pieces:
        due = time * RATE // SECOND
        samples = _samples(codec, kind, payload)
        at = due if abs(due - at) > len(samples) // 2 else at
        room = signal[at : at + len(samples)]
        room[:] = samples[: len(room)]
        at += len(samples)
    return signal


def _samples(codec, kind, payload):
    """int16; nothing for what the far end has not offered."""
    if kind == PT_PCMU:
        return ulaw_decode(payload)
    return codec.decode(payload) if kind == PT_GSM and len(payload) == OCTETS else np.zeros(0, np.int16)
