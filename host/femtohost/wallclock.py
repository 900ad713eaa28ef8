"""Wall-clock mode: the same event queue, paced by the monotonic clock.

What is late is counted and then run; nothing is skipped.
"""

import selectors
import time

from femtohost.clock import MS

LATE = 20 * MS  # an event that is later than this counts as late
LONGEST_NAP = 0.25  # s


class WallClock:
    """Runs a femtohost.clock.Clock against the monotonic clock, and the callbacks of watched sockets between events.

    `lag` is how late, in ns, the last event ran, `worst_lag` the most since `follow`; `late` counts the events that
    were more than 20 ms late.
    """

    def __init__(self):
        self._selector = selectors.DefaultSelector()
        self._clock = None
        self._origin = 0
        self.lag = self.worst_lag = self.late = 0
        self.running = True

    def follow(self, clock):
        """Run `clock` from now on: its present is this instant. None: no clock, sockets only."""
        self._clock = clock
        self._origin = time.monotonic_ns() - (clock.now if clock else 0)
        self.lag = self.worst_lag = self.late = 0

    def watch(self, file, callback):
        """Call `callback()` whenever `file` (a socket) can be read."""
        self._selector.register(file, selectors.EVENT_READ, (callback, None))

    def when_writable(self, file, callback):
        """Call `callback()` whenever `file`, which is watched, can be written to as well; None: no longer."""
        reader, writer = self._selector.get_key(file).data
        if callback != writer:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if callback else 0)
            self._selector.modify(file, events, (reader, callback))

    def unwatch(self, file):
        self._selector.unregister(file)

    def stop(self):
        """Make `run` return; safe in a signal handler."""
        self.running = False

    def run(self):
        """Until `stop`."""
        while self.running:
            self.turn()

    def run_until(self, condition, seconds):
        """Until `condition()`, at most `seconds` of wall-clock time. Returns whether it came true."""
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            self.turn()
        return condition()

    def turn(self):
        """Wait for the next event or input, and serve what there is."""
        for key, events in self._selector.select(self._nap()):
            self._catch_up()
            reader, writer = key.data
            if events & selectors.EVENT_READ:
                reader()
            if events & selectors.EVENT_WRITE and self._watches(key):
                writer()
        self._catch_up()

    def _watches(self, key):
        return self._selector.get_map().get(key.fd) == key

    def _now(self):
        return time.monotonic_ns() - self._origin

    def _nap(self):
        following = self._clock.next_time() if self._clock else None
        if following is None:
            return LONGEST_NAP
        return min(max((following - self._now()) / 1e9, 0), LONGEST_NAP)

    def _catch_up(self):
        """Run every event that is due, then let the clock be where the wall's is."""
        clock = self._clock
        if clock is None:
            return
        now = self._now()
        following = clock.next_time()
        while following is not None and following <= now and self._clock is clock:
            self._note_lag(now - following)
            clock.run_next()
            following = clock.next_time()
        if following is None or following > now:
            clock.advance(now)

    def _note_lag(self, lag):
        self.lag = lag
        self.worst_lag = max(self.worst_lag, lag)
        self.late += lag > LATE
