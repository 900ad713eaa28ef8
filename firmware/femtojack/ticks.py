"""Milliseconds modulo 2**30, their arithmetic, and timers.

The interpreter's own ticks functions wrap elsewhere on other ports; these are the same everywhere.
Valid as long as the two times are less than 2**29 ms (6.2 days) apart.
Written so that no intermediate leaves a board's 31-bit small integer: nothing is allocated.
"""

from micropython import const

_HALF = const(0x20000000)  # half a period: the whole one, 2**30, would not be a small integer
_MASK = const(0x3FFFFFFF)


def ticks_add(ticks, delta):
    """`ticks` moved by `delta` ms, -2**29 < delta < 2**29."""
    if delta > 0:
        ticks = ticks - _HALF + delta - _HALF
    else:
        ticks += delta
    return ticks & _MASK


def ticks_diff(end, start):
    """Signed ms from `start` to `end`, -2**29 <= result < 2**29."""
    d = end - start
    if d >= _HALF:
        return d - _HALF - _HALF
    if d < -_HALF:
        return d + _HALF + _HALF
    return d


def earlier(a, b):
    """The earlier of two deadlines; None means never."""
    if a is None:
        return b
    if b is None or ticks_diff(a, b) <= 0:
        return a
    return b


class Timer:
    """One deadline. Sans-IO: it does not fire, `due(now)` is asked."""

    def __init__(self):
        self.deadline = None

    def start(self, now, ms):
        """Due `ms` from `now`; 0 <= ms < 2**29. Starting again replaces the deadline."""
        self.deadline = ticks_add(now, ms)

    def stop(self):
        self.deadline = None

    @property
    def running(self):
        return self.deadline is not None

    def due(self, now):
        """True once, at or after the deadline."""
        if self.deadline is None or ticks_diff(now, self.deadline) < 0:
            return False
        self.deadline = None
        return True
