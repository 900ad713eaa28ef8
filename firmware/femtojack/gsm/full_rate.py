"""Speech of a phone: 33 octets of full rate on the radio channel, 8 kHz linear to the other party of its call.

The radio channel brings a frame and wants one 20 ms apart on the average (4, 4 and 5 TDMA frames). Three ways to the
other party:
    through  it is another phone's leg: frames pass as they are, bit by bit
    driven   it follows the pace of this channel, as the network's leg (femtojack.voice.media) can
    bridged  by a bridge with a clock of its own, the PCM port's: `get`, `put`, and a few frames of slack each way
A pressed key takes the place of the phone's speech.
"""

from array import array

from micropython import const

from femtojack.board import BLOCK
from femtojack.views import ALL
from femtojack.voice.dtmf import Dtmf

FRAME = const(33)  # octets
_FRAMES = const(3)  # of slack to the phone: 60 ms
_HALVES = const(8)  # blocks from the phone; those that wait and those that were given and are still in use
_MOST_HALVES = const(3)  # that wait when a frame comes


class FullRateLeg:
    """One call's. `voice` is the board's native code. Nothing is allocated per frame.

    `dropped`  blocks and frames that the other side did not fetch in time; `dry` times that it came too early
    """

    def __init__(self, voice):
        self._voice = voice
        self._codec = bytearray(voice.gsm_fr_size())
        voice.gsm_fr_init(self._codec)
        heard = memoryview(array("h", bytes(2 * BLOCK * _HALVES)))
        self._heard = [heard[i * BLOCK : (i + 1) * BLOCK] for i in range(_HALVES)]
        self._heard_frames = [heard[i * BLOCK : (i + 2) * BLOCK] for i in range(0, _HALVES, 2)]
        self._said = array("h", bytes(4 * BLOCK))
        said = memoryview(self._said)
        self._said_halves = (said[:BLOCK], said[BLOCK:])
        frames = memoryview(bytearray(FRAME * _FRAMES))
        self._frames = [frames[i * FRAME : (i + 1) * FRAME] for i in range(_FRAMES)]
        self._silence = array("h", bytes(2 * BLOCK))
        self._dtmf = Dtmf()
        self._speech = None
        self._driven = self._through = None
        self.dropped = self.dry = 0
        self._empty()

    def _empty(self):
        self._next_heard = self._heard_count = 0  # halves
        self._next_frame = self._frame_count = 0
        self._half = 0

    # -- what the call asks for ---------------------------------------------------------------------------------------

    @property
    def attached(self):
        return self._speech is not None

    running = attached  # as femtojack.voice.media has it

    def attach(self, speech):
        """The radio channel `speech` is this leg's from now on."""
        self._empty()
        self._speech = speech
        speech.received = self._received

    def detach(self):
        """The channel is gone, or another call's: what comes from the other party is not heard."""
        speech, self._speech = self._speech, None
        if speech:
            speech.received = None
        self._dtmf.stop()

    def press(self, key):
        self._dtmf.start(key)

    def let_go(self):
        self._dtmf.let_go()

    # -- what the exchange asks for -----------------------------------------------------------------------------------

    def join(self, other):
        """Speak with another phone's leg frame by frame, or with one that follows the pace of this channel."""
        self._through, self._driven = (other, None) if isinstance(other, FullRateLeg) else (None, other)

    def start(self, remote):
        """As femtojack.voice.media: there is nothing to be told of the other end."""

    def stop(self):
        pass

    # -- the leg of a bridge ------------------------------------------------------------------------------------------

    def get(self):
        """The next 10 ms that the phone said, valid for 20 ms; None is silence."""
        if not self._heard_count:
            self.dry += 1
            return None
        block = self._heard[self._next_heard]
        self._next_heard = (self._next_heard + 1) % _HALVES
        self._heard_count -= 1
        return block

    def put(self, pcm):
        """Say `pcm` to the phone; two blocks make a frame."""
        self._said_halves[self._half][ALL] = pcm
        self._half ^= 1
        if self._half == 0:
            self._voice.gsm_fr_encode(self._codec, self._said, self._room())

    def _room(self):
        """Where the next frame goes; the oldest makes way."""
        if self._frame_count == _FRAMES:
            self.dropped += 1
            self._next_frame = (self._next_frame + 1) % _FRAMES
            self._frame_count -= 1
        frame = self._frames[(self._next_frame + self._frame_count) % _FRAMES]
        self._frame_count += 1
        return frame

    # -- the radio channel --------------------------------------------------------------------------------------------

    def _received(self, frame):
        """What the phone said in 20 ms, empty when it was not understood; and the time to say something."""
        other = self._through
        if other is None:
            self._hear(frame)
            if self._driven:
                self._carry()
                self._carry()
            self._send()
        elif self._dtmf.sounding:
            other.put(self._dtmf.block())
            other.put(self._dtmf.block())
            other._send()
        elif len(frame):
            other.forward(frame)

    def forward(self, frame):
        """A frame as another phone sent it."""
        if self._speech:
            self._speech.send(frame)

    def _hear(self, frame):
        if self._heard_count > _MOST_HALVES:
            self.dropped += 2
            self._next_heard = (self._next_heard + 2) % _HALVES
            self._heard_count -= 2
        at = (self._next_heard + self._heard_count) % _HALVES
        self._voice.gsm_fr_receive(self._codec, frame if len(frame) else None, self._heard_frames[at >> 1])
        self._heard_count += 2
        if self._dtmf.sounding:
            self._heard[at][ALL] = self._dtmf.block()
            self._heard[at + 1][ALL] = self._dtmf.block()

    def _carry(self):
        leg = self._driven
        there, back = self.get(), leg.get()
        leg.put(there or self._silence)
        self.put(back or self._silence)

    def _send(self):
        if self._frame_count and self._speech:
            self._speech.send(self._frames[self._next_frame])
            self._next_frame = (self._next_frame + 1) % _FRAMES
            self._frame_count -= 1
