"""Calls of a box without a network: every number answers at once, and gives back what is said half a second later.

It stands in for the user agent, its call and the media at once. The canceller runs as in a call over the network: with
it the telephone's own echo is not in what comes back.
"""

from micropython import const

from femtojack.board import BLOCK

_DELAY = const(50)  # blocks of 10 ms


class Loopback:
    """`call`, `register` and so on as femtojack.sip.ua and femtojack.sip.call have them, `start` and `stop` as
    femtojack.voice.media; the stream of `path` (femtojack.voice.path.VoicePath)."""

    remote_sdp = None
    registered = False
    idle = True

    def __init__(self, board, path, events):
        self.encode = board.voice.ulaw_encode
        self.decode = board.voice.ulaw_decode
        self.frame_out = bytearray(2 * BLOCK)
        self.running = False
        self._asked = False
        self._path = path
        self._events = events
        said = memoryview(bytearray(_DELAY * BLOCK))
        self._said = [said[i * BLOCK : (i + 1) * BLOCK] for i in range(_DELAY)]
        frame = memoryview(self.frame_out)
        self._halves = (frame[:BLOCK], frame[BLOCK:])
        self._next = 0
        self._heard = 0
        board.trace("call.loopback", b"")

    # -- as the user agent ----------------------------------------------------------------------------------------

    def call(self, number, body, now):
        self._asked = True
        return self

    def register(self, now):
        """There is nobody to register with."""

    unregister = register

    def step(self, now):
        """Answer, once a call was made; then there is nothing to wait for."""
        if self._asked:
            self._asked = False
            self._events.answered(self, now)

    # -- as the call ----------------------------------------------------------------------------------------------

    def hang_up(self, now):
        self._asked = False

    # -- as the media ---------------------------------------------------------------------------------------------

    def offer(self):
        return b""

    def start(self, remote):
        self._next = self._heard = 0
        self.running = True
        self._path.attach(self)

    def stop(self):
        if self.running:
            self.running = False
            self._path.detach()

    def counters(self):
        return {}

    def send(self):
        """Keep the 20 ms that stand in `frame_out`."""
        for half in self._halves:
            self._said[self._next % _DELAY][:] = half
            self._next += 1

    def fetch(self):
        """10 ms of what was said, or None before anything comes back."""
        self._heard += 1
        if self._heard <= _DELAY:
            return None
        return self._said[self._heard % _DELAY]
