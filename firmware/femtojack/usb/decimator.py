"""16 kHz to 8 kHz: a half-band FIR with integer coefficients, and every other sample left out."""

from array import array

from micropython import const

from femtojack.board import BLOCK

# Pairs at distance 1, 3 .. 19 from the middle, Q14: half of scipy.signal.remez(20, [0, 6800], [1], fs=16000).
# Passes 0-3400 Hz within 0.02 dB; 4600 Hz and above, which fold onto that, are 53 dB down. The sum of all magnitudes
# times 32768 stays below 2**30: no sum leaves a board's small integer.
_PAIRS = (5190, -1663, 921, -583, 383, -252, 162, -99, 56, -35)
_MIDDLE = const(8192)
_PAST = const(38)  # samples before the block that the filter reaches
_CENTRE = const(19)


class Decimator:
    """Put 160 samples into `input` (a memoryview), then `decimate(out)` makes 80 of them. Nothing is allocated."""

    def __init__(self):
        self._samples = array("h", bytes(2 * (_PAST + 2 * BLOCK)))
        view = memoryview(self._samples)
        self.input = view[_PAST:]
        self._past = view[:_PAST]
        self._newest = view[2 * BLOCK :]

    def reset(self):
        for i in range(_PAST):
            self._samples[i] = 0

    def decimate(self, out):
        x = self._samples
        for i in range(BLOCK):
            left = 2 * i + _CENTRE
            right = left + 2
            total = _MIDDLE * x[left + 1] + 8192
            for h in _PAIRS:
                total += h * (x[left] + x[right])
                left -= 2
                right += 2
            total >>= 14
            out[i] = 32767 if total > 32767 else -32768 if total < -32768 else total
        self._past[:] = self._newest
