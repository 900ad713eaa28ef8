"""The PCM port of a board that has none: blocks of silence at their time, so that calls run."""

from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from femtojack.board import BLOCK

_BLOCK_MS = const(10)


class SilentPcm:
    """femtojack.board's `pcm`; what is played is lost."""

    def __init__(self):
        self.missed = 0
        self._due = ticks_add(ticks_ms(), _BLOCK_MS)

    def due(self):
        return ticks_diff(ticks_ms(), self._due) >= 0

    def exchange(self, play, captured, ref):
        if not self.due():
            return False
        self._due = ticks_add(self._due, _BLOCK_MS)
        for i in range(BLOCK):
            captured[i] = ref[i] = 0
        return True
