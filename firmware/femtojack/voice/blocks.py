"""Blocks of 10 ms that wait between two clocks: one side puts them, the other takes them when it needs them."""

from array import array

from micropython import const

from femtojack.board import BLOCK
from femtojack.views import ALL

_RING = const(8)  # blocks: those that wait, and those that were taken and are still in use
_MOST = const(4)  # wait
_STRETCH = const(100)  # blocks taken, 1 s


class BlockQueue:
    """A few blocks in order. What was left over all through a second is delay for nothing: one block of it is shed.

    `count` wait; `dropped` had to make way or were shed, `dry` is how often one was missing.
    """

    def __init__(self):
        samples = memoryview(array("h", bytes(2 * BLOCK * _RING)))
        self._blocks = [samples[i * BLOCK : (i + 1) * BLOCK] for i in range(_RING)]
        self.dropped = self.dry = 0
        self._next = 0
        self.clear()

    def clear(self):
        """Forget what waits."""
        self.count = 0
        self._begin_stretch()

    def put(self, pcm):
        """Add a copy of `pcm`; the oldest block makes way where too many wait."""
        if self.count == _MOST:
            self._drop()
        self._blocks[(self._next + self.count) % _RING][ALL] = pcm
        self.count += 1

    def take(self):
        """The oldest block, as it is for 40 ms; None when there is none."""
        if not self.count:
            self.dry += 1
            self._begin_stretch()
            return None
        block = self._blocks[self._next]
        self._next = (self._next + 1) % _RING
        self.count -= 1
        self._shed()
        return block

    def _drop(self):
        self.dropped += 1
        self._next = (self._next + 1) % _RING
        self.count -= 1

    def _shed(self):
        self._spare = min(self._spare, self.count)
        self._taken += 1
        if self._taken == _STRETCH:
            if self._spare:
                self._drop()
            self._begin_stretch()

    def _begin_stretch(self):
        self._spare = _MOST
        self._taken = 0
