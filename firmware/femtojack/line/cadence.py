"""On and off by a pattern of milliseconds: tones and ringing."""

from femtojack.ticks import Timer


class Cadence:
    """Calls `switch(True)` and `switch(False)` by turns. One pattern at a time."""

    def __init__(self):
        self._timer = Timer()
        self._pattern = ()
        self._index = 0
        self._switch = None

    @property
    def deadline(self):
        return self._timer.deadline

    def start(self, pattern, switch, now):
        """`pattern`: ms on, off, on ..., for ever; () stays on."""
        self._pattern, self._switch, self._index = pattern, switch, 0
        switch(True)
        if pattern:
            self._timer.start(now, pattern[0])

    def stop(self):
        """No more calls; what is on stays on."""
        self._timer.stop()

    def step(self, now):
        if self._timer.due(now):
            self._index = (self._index + 1) % len(self._pattern)
            self._timer.start(now, self._pattern[self._index])
            self._switch(self._index % 2 == 0)
