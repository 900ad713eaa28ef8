"""A cell that only takes notes, for what is above it; every message that it is given is read by pycrate."""

import contextlib
import functools
import io

from femtojack.gsm.rr import NO_CHANNEL
from femtojack.ticks import ticks_diff

with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    from pycrate_mobile.NAS import parse_NAS_MT

LATE = (1 << 30) - 20000  # the counter wraps early in each run


@functools.lru_cache(4096)
def read_by_pycrate(octets):
    """The message as pycrate reads it; what it writes of it are the same octets."""
    with contextlib.redirect_stdout(io.StringIO()):
        message, error = parse_NAS_MT(octets)
        assert error == 0, (error, octets.hex())
        assert message.to_bytes() == octets, octets.hex()
    return message


class Subscriber:
    def __init__(self, number, registered=True):
        self.number, self.registered = number, registered


class Subscribers:
    def __init__(self, numbers):
        self.all = [Subscriber(number) for number in numbers]

    def __iter__(self):
        return iter(self.all)

    def find(self, number=None):
        return next((s for s in self.all if number and s.number == number), None)


class Speech:
    """One radio channel; `said` are the frames that went to the phone."""

    def __init__(self):
        self.received = self.wanted = None
        self.said = []

    def attach(self, received, wanted):
        self.received, self.wanted = received, wanted

    def detach(self):
        self.received = self.wanted = None

    def send(self, frame):
        self.said.append(bytes(frame))


class Connection:
    def __init__(self, cell, subscriber, user, emergency=False):
        self._cell, self.subscriber, self.user, self.emergency = cell, subscriber, user, emergency
        self.speech = cell.speech_of(subscriber)
        self.sent = []
        self.sapis = set()
        self.released = False

    def send(self, data, now, sapi=0):
        assert not self.released
        read_by_pycrate(bytes(data))
        self.sent.append(bytes(data))
        self.sapis.add(sapi)

    def assign(self, now):
        self._cell.later(self, "assigned" if self._cell.has_channels else "assignment_failed")

    def release(self, now):
        assert not self.released
        self.released = True
        self._cell.open.remove(self)


class Cell:
    """`reachable`, `has_channels`, `full` say what becomes of connections and assignments from now on."""

    def __init__(self, *numbers):
        self.users = {}
        self.subscribers = Subscribers(numbers)
        self.open = []
        self.reachable = self.has_channels = True
        self.full = False
        self._later = []
        self._speech = {}

    def speech_of(self, subscriber):
        return self._speech.setdefault(id(subscriber), Speech())

    def connect(self, subscriber, user, now):
        if self.full:
            return None
        connection = Connection(self, subscriber, user)
        self.open.append(connection)
        self.later(connection, "connected" if self.reachable else "lost")
        return connection

    def later(self, connection, event):
        self._later.append((connection, event))

    def step(self, now):
        """Tell what was asked for in earlier steps."""
        later, self._later = self._later, []
        for connection, event in later:
            if not connection.released:
                if event == "lost":
                    self.lose(connection, now)
                elif event == "assignment_failed":
                    connection.user.assignment_failed(connection, NO_CHANNEL, now)
                else:
                    getattr(connection.user, event)(connection, now)

    # -- the phone's side -----------------------------------------------------------------------------------------

    def phone_opens(self, pd, subscriber, now, emergency=False):
        """A phone has got a connection."""
        connection = Connection(self, subscriber, self.users[pd], emergency)
        self.open.append(connection)
        connection.user.opened(connection, now)
        return connection

    def phone_sends(self, connection, octets, now):
        connection.user.received(connection, memoryview(octets), now)

    def lose(self, connection, now):
        connection.released = True
        self.open.remove(connection)
        connection.user.lost(connection, 1, now)


class Time:
    """Virtual milliseconds for things that have `step(now) -> deadline`, in order."""

    def __init__(self, *stepping):
        self.stepping = stepping
        self.now = 0

    @property
    def ticks(self):
        return (self.now + LATE) & 0x3FFFFFFF

    def run(self, ms=0):
        """Let `ms` pass; what is asked for in a step happens in the next, of the same instant."""
        end = self.now + ms
        while True:
            for _ in range(3):
                deadlines = [thing.step(self.ticks) for thing in self.stepping]
            ahead = [ticks_diff(deadline, self.ticks) for deadline in deadlines if deadline is not None]
            assert all(time > 0 for time in ahead), "a deadline that is past"
            if not ahead or self.now + min(ahead) > end:
                self.now = end
                return
            self.now += min(ahead)
