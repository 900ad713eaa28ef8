"""Timers by their names in the standards."""

from femtohost.clock import SECOND


class Timers:
    """The running timers of one protocol. `count` says how often each has fired, by name."""

    def __init__(self, clock):
        self._clock = clock
        self._running = {}
        self.count = {}

    def start(self, name, seconds, action):
        """Call `action()` in `seconds`, unless stopped; a timer that runs starts anew."""
        self.stop(name)
        self._running[name] = self._clock.after(round(seconds * SECOND), lambda: self._fire(name, action))

    def _fire(self, name, action):
        del self._running[name]
        self.count[name] = self.count.get(name, 0) + 1
        action()

    def stop(self, *names):
        for name in names:
            event = self._running.pop(name, None)
            if event:
                event.cancel()

    def stop_all(self):
        self.stop(*list(self._running))

    def runs(self, name):
        return name in self._running
