"""Calls of a box without a network: every number answers at once, and gives back what is said half a second later.

It stands in for the user agent, its call and the media at once. The canceller runs as in a call over the network: with
it the telephone's own echo is not in what comes back.
"""

from array import array

from micropython import const

from femtojack.board import BLOCK

_DELAY = const(50)  # blocks of 10 ms


class Loopback:
    """`call`, `hang_up` and so on as femtojack.sip.ua and femtojack.sip.call have them, `start` and `stop` as
    femtojack.voice.media; a leg of the bridge (femtojack.voice.bridge). `events.answered(call, now)` is told."""

    remote_sdp = media = None
    registered = False
    idle = True

    def __init__(self, board, events):
        self._encode = board.voice.ulaw_encode
        self._decode = board.voice.ulaw_decode
        self._events = events
        said = memoryview(bytearray(_DELAY * BLOCK))
        self._said = [said[i * BLOCK : (i + 1) * BLOCK] for i in range(_DELAY)]
        self._back = array("h", bytes(2 * BLOCK))
        self._asked = False
        self.blocks = 0  # said in this call
        self.running = False
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
        self.blocks = 0
        self.running = True

    def stop(self):
        self.running = False

    def counters(self):
        return {}

    # -- as a leg of the bridge -----------------------------------------------------------------------------------

    def get(self):
        """What was said half a second ago; None before anything comes back."""
        if self.blocks < _DELAY:
            return None
        self._decode(self._said[self.blocks % _DELAY], self._back)
        return self._back

    def put(self, pcm):
        self._encode(pcm, self._said[self.blocks % _DELAY])
        self.blocks += 1
