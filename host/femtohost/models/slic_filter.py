"""IIR filters over blocks of 10 ms, cheap enough for every block."""

import numpy as np
from scipy.signal import sosfilt

BLOCK = 80


class BlockFilter:
    """An IIR filter over blocks of 80 as one matrix product: [out; next state] = matrix @ [in; state].

    sos: second-order sections; channels: signals filtered side by side, float64[80, channels].
    """

    def __init__(self, sos, channels):
        states = 2 * len(sos)
        size = BLOCK + states
        unit = np.eye(size)
        out, left = sosfilt(sos, unit[:BLOCK], axis=0, zi=unit[BLOCK:].reshape(len(sos), 2, size))
        self._matrix = np.vstack([out, left.reshape(states, size)])
        self._io = np.zeros((size, channels))
        self.input = self._io[:BLOCK]

    def reset(self):
        self._io[:] = 0.0

    def run(self):
        """Filter what stands in `input`; returns float64[80, channels]."""
        result = self._matrix @ self._io
        self._io[BLOCK:] = result[BLOCK:]
        return result[:BLOCK]
