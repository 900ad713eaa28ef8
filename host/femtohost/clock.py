"""Virtual time: an ordered queue of events, in nanoseconds since power-on."""

import heapq
from itertools import count

US = 1_000
MS = 1_000_000
SECOND = 1_000_000_000


class ClockError(ValueError):
    """Time was asked to pass over an event."""


MOST_CANCELLED = 64  # that wait for their instant; more are taken out when they are the greater part


class Event:
    """One call in the future; `cancel()` takes it back, also more than once or after it ran."""

    __slots__ = ("_clock", "action", "time")

    def __init__(self, clock, time, action):
        self._clock = clock
        self.time = time
        self.action = action

    def cancel(self):
        if self.action is not None:
            self.action = None
            self._clock.note_cancelled()


class Clock:
    """The only time there is. `now` is int64 nanoseconds since power-on and never goes back.

    Events of the same instant run in the order in which they were asked for.
    """

    def __init__(self):
        self.now = 0
        self._queue = []
        self._order = count()
        self._cancelled = 0

    @property
    def places(self):
        """Places in the queue, with those of cancelled events."""
        return len(self._queue)

    def at(self, time, action):
        """Call `action()` at `time` ns; a time that is past means now. Returns the Event."""
        event = Event(self, max(time, self.now), action)
        heapq.heappush(self._queue, (event.time, next(self._order), event))
        return event

    def after(self, delay, action):
        """Call `action()` `delay` ns from now. Returns the Event."""
        return self.at(self.now + delay, action)

    def next_time(self):
        """Time of the earliest event that still stands, or None."""
        while self._queue and self._queue[0][2].action is None:
            heapq.heappop(self._queue)
            self._cancelled -= 1
        return self._queue[0][0] if self._queue else None

    def run_next(self):
        """Move to the earliest event and run it. False when there is none."""
        if self.next_time() is None:
            return False
        self.now, _, event = heapq.heappop(self._queue)
        action, event.action = event.action, None
        action()
        return True

    def clear(self):
        """Take every event back."""
        for _, _, event in self._queue:
            event.action = None
        self._queue.clear()
        self._cancelled = 0

    def note_cancelled(self):
        """An event has been taken back. It keeps its place, but few do: time may stand still for long."""
        self._cancelled += 1
        if self._cancelled > MOST_CANCELLED and 2 * self._cancelled > len(self._queue):
            self._queue = [entry for entry in self._queue if entry[2].action is not None]
            heapq.heapify(self._queue)
            self._cancelled = 0

    def advance(self, time):
        """Let time pass up to `time` ns without running anything; no event may stand before it."""
        following = self.next_time()
        if following is not None and following < time:
            raise ClockError(f"an event stands at {following} ns, before {time} ns")
        self.now = max(self.now, time)
