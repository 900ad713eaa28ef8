"""The chip's IIR filters, over blocks of 10 ms, cheap enough for every block.

Their sections stand here as numbers: importing the library that designs them takes a second of every box's start.
"""

import numpy as np

BLOCK = 80

# Second-order sections, b0 b1 b2 a0 a1 a2, at 8 kHz:
#   cheby2(3, 31, 65, "highpass"): 30 dB below 65 Hz
HIGH_PASS = (
    (0.9053250452747021, -0.9053250452747021, 0.0, 1.0, -0.9051915203137485, 0.0),
    (1.0, -1.9980454618691668, 1.0, 1.0, -1.8941916488467314, 0.9054585702356553),
)
#   ellip(4, 0.3, 34, 655, "highpass")
DIAL_TONE_FILTER = (
    (0.5484073591686186, -1.0843880739715723, 0.5484073591686187, 1.0, -1.091559233682684, 0.39188260065190916),
    (1.0, -1.8940563188794117, 1.0, 1.0, -1.6603147169132495, 0.8800196478988489),
)


class BlockFilter:
    """An IIR filter over blocks of 80 as one matrix product: [out; next state] = matrix @ [in; state].

    sos: second-order sections; channels: signals filtered side by side, float64[80, channels].
    """

    def __init__(self, sos, channels):
        size = BLOCK + 2 * len(sos)
        self._matrix = np.eye(size)  # each column: what comes of one sample, or one state, that is 1
        for i, section in enumerate(sos):
            state = BLOCK + 2 * i
            _filter(section, self._matrix[:BLOCK], self._matrix[state : state + 2])
        self._io = np.zeros((size, channels))
        self.input = self._io[:BLOCK]

    def reset(self):
        self._io[:] = 0.0

    def run(self):
        """Filter what stands in `input`; returns float64[80, channels]."""
        result = self._matrix @ self._io
        self._io[BLOCK:] = result[BLOCK:]
        return result[:BLOCK]


def _filter(section, signals, states):
    """Rows of `signals` after a section, in place: direct form II, transposed."""
    b0, b1, b2, _, a1, a2 = section
    for row in signals:
        entered = row.copy()
        row[:] = b0 * entered + states[0]
        states[0] = b1 * entered - a1 * row + states[1]
        states[1] = b2 * entered - a2 * row
