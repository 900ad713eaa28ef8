"""The processor: gives the firmware its steps, and watches the step contract."""

from femtohost.clock import MS

PERIOD = 1 << 30
MASK = PERIOD - 1
LONGEST = 1 << 29
STALE_STEPS = 3


class Processor:
    """Steps one App in this process.

    A step comes at the App's deadline and after every `wake()`; wakes of one instant make one step. Ticks start at
    `offset`, so that they wrap early in a run.
    """

    def __init__(self, clock, trace, misuse, offset):
        self._clock, self._trace, self._misuse, self._offset = clock, trace, misuse, offset
        self._app = None
        self._woken = False
        self._timer = None
        self._stale = 0
        self._waiting = False
        self.steps = 0

    def ticks(self):
        """Milliseconds modulo 2**30, as the firmware sees them now."""
        return (self._clock.now // MS + self._offset) & MASK

    def run(self, app):
        """Take the App; its first step comes at once."""
        self._app = app
        self.wake()

    def wake(self):
        """An input is there."""
        self._stale = 0
        if not self._woken:
            self._woken = True
            self._clock.after(0, self._step)

    def wait(self, ms):
        """Let the hardware run for `ms` while the App does not."""
        end = self._clock.now + ms * MS
        self._waiting = True
        following = self._clock.next_time()
        while following is not None and following <= end:
            self._clock.run_next()
            following = self._clock.next_time()
        self._clock.advance(end)
        self._waiting = False
        self.wake()  # what came in the meantime

    def _step(self):
        self._woken = False
        if self._app is None or self._waiting:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = self.ticks()
        deadline = self._app.step(now)
        self.steps += 1
        self._trace.add("step", self._ahead(deadline, now))
        if deadline is not None:
            self._schedule(deadline, now)

    def _ahead(self, deadline, now):
        """deadline - now as the trace shows it: 4 octets, empty for None."""
        return b"" if deadline is None else ((deadline - now) & MASK).to_bytes(4, "big")

    def _schedule(self, deadline, now):
        ahead = (deadline - now) & MASK
        if ahead >= LONGEST:
            ahead -= PERIOD
        if ahead > 0:
            self._stale = 0
        else:
            self._watch_stale(ahead)
            ahead = 1
        tick = self._clock.now // MS + ahead
        self._timer = self._clock.at(tick * MS, self._due)

    def _watch_stale(self, ahead):
        self._stale += 1
        if self._stale == STALE_STEPS:
            self._misuse.report(
                "Board",
                "step contract",
                f"{STALE_STEPS} deadlines in a row not ahead of now ({ahead} ms), without input",
            )

    def _due(self):
        self._timer = None
        if not self._woken:
            self._woken = True
            self._step()
