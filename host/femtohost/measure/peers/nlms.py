"""A plain NLMS in floating point: the textbook's canceller, without any control."""

import numpy as np

from femtohost.audio import to_int16
from femtohost.measure.peers import Peer

STEP = 0.5
QUIET = 100.0  # mean square added to that of the window: no large steps in pauses


class Nlms:
    """Haykin, Adaptive Filter Theory, 6.1: h += mu e x / (x'x + c)."""

    def __init__(self, taps):
        self._path = np.zeros(taps)  # the last tap first, as the window runs
        self._past = np.zeros(taps - 1)

    def process(self, rin, sin):
        taps = len(self._path)
        far = np.concatenate([self._past, rin])
        energy = np.convolve(far * far, np.ones(taps), "valid") + taps * QUIET
        left = np.empty(len(sin))
        for i, near in enumerate(sin.astype(float)):
            window = far[i : i + taps]
            left[i] = near - self._path @ window
            self._path += (STEP * left[i] / energy[i]) * window
        self._past = far[len(rin) :]
        return to_int16(left)


PEER = Peer("NLMS", Nlms, note=f"float64, mu {STEP:g}; written in Python, so not timed", timed=False)
