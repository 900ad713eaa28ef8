"""DTMF tones, made: for keys that a phone sends as messages (TS 23.014)."""

from array import array

from micropython import const

from femtojack.board import BLOCK

_KEYS = "123A456B789C*0#D"  # rows of low tones, columns of high ones (Q.23)
# 2 cos(2 pi f / 8000) in Q14
_LOW = (27980, 26956, 25701, 24219)  # 697, 770, 852, 941 Hz
_HIGH = (19073, 16325, 13085, 9315)  # 1209, 1336, 1477, 1633 Hz
# -A sin(2 pi f / 8000): the sample before the first, for amplitudes A of -9 dBm0 and -7 dBm0 (TS 23.014 6)
_LOW_BEFORE = (-4215, -4605, -5024, -5455)
_HIGH_BEFORE = (-8291, -8841, -9348, -9776)
_LEAST = const(7)  # blocks: 70 ms (TS 23.014 6)


class Dtmf:
    """One tone at a time, a block of 10 ms after the other. Nothing is allocated but here.

    Each of its two tones is a recursion: y(n) = 2 cos(w) y(n - 1) - y(n - 2).
    """

    def __init__(self):
        self._block = array("h", bytes(2 * BLOCK))
        self._tones = [[0, 0, 0], [0, 0, 0]]  # coefficient, y(n - 1), y(n - 2)
        self._held = False
        self._played = _LEAST

    def start(self, key):
        """Begin the tone of `key`, one of 0-9 * # A-D; until `let_go`, and at least 70 ms."""
        at = _KEYS.index(key)
        self._tones[0][:] = (_LOW[at >> 2], 0, _LOW_BEFORE[at >> 2])
        self._tones[1][:] = (_HIGH[at & 3], 0, _HIGH_BEFORE[at & 3])
        self._held = True
        self._played = 0

    def let_go(self):
        self._held = False

    def stop(self):
        self._held = False
        self._played = _LEAST

    @property
    def sounding(self):
        return self._held or self._played < _LEAST

    def block(self):
        """The next 80 samples, valid until the next; zeros once it is over."""
        out = self._block
        for i in range(BLOCK):
            out[i] = 0
        if not self.sounding:
            return out
        self._played = min(self._played + 1, _LEAST)
        for tone in self._tones:
            c, y1, y2 = tone
            for i in range(BLOCK):
                y1, y2 = ((c * y1 + 8192) >> 14) - y2, y1
                out[i] += y2
            tone[1], tone[2] = y1, y2
        return out
