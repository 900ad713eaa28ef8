"""Speech of a phone: 33 octets of full rate on the radio channel, 8 kHz linear to the other party of its call.

The radio channel brings a frame and wants one 20 ms apart on the average (4, 4 and 5 TDMA frames), each at its own
instant: the one for the phone is put together as late as can be (femtojack.gsm.channel.Speech). Three ways to the other
party:
    through  it is another phone's leg: frames pass as they are, bit by bit
    driven   it follows the pace of this channel, as the network's leg (femtojack.voice.media) can
    bridged  by a bridge with a clock of its own, the PCM port's: `get`, `put`, and a few blocks of slack each way
A pressed key takes the place of the phone's speech.
"""

from array import array

from micropython import const

from femtojack.board import BLOCK
from femtojack.views import ALL
from femtojack.voice.blocks import BlockQueue
from femtojack.voice.dtmf import Dtmf

FRAME = const(33)  # octets


class FullRateLeg:
    """One call's. `voice` is the board's native code. Nothing is allocated per frame."""

    def __init__(self, voice):
        self._voice = voice
        self._codec = bytearray(voice.gsm_fr_size())
        voice.gsm_fr_init(self._codec)
        self._heard = self._said = None  # BlockQueues of the bridge, for the one call that has it
        self._pcm = array("h", bytes(4 * BLOCK))  # 20 ms on their way
        pcm = memoryview(self._pcm)
        self._halves = (pcm[:BLOCK], pcm[BLOCK:])
        self._frame = bytearray(FRAME)
        self._silence = array("h", bytes(2 * BLOCK))
        self._dtmf = Dtmf()
        self._speech = None
        self._driven = self._through = None

    def _empty(self):
        if self._heard:
            self._heard.clear()
            self._said.clear()

    # -- what the call asks for ---------------------------------------------------------------------------------------

    @property
    def attached(self):
        return self._speech is not None

    running = attached  # as femtojack.voice.media has it

    def attach(self, speech):
        """The radio channel `speech` is this leg's from now on."""
        self._empty()
        if self._driven:
            self._driven.catch_up()
        self._speech = speech
        speech.attach(self._received, self._wanted)

    def detach(self):
        """The channel is gone, or another call's: what comes from the other party is not heard."""
        speech, self._speech = self._speech, None
        if speech:
            speech.detach()
        self._dtmf.stop()
        if self._driven:
            self._driven.let_go()

    def press(self, key):
        """The other party is told where it can be (femtojack.voice.media), or hears the tone."""
        if not (self._driven and self._driven.press(key)):
            self._dtmf.start(key)

    def let_go(self):
        self._dtmf.let_go()
        if self._driven:
            self._driven.let_go()

    # -- what the exchange asks for -----------------------------------------------------------------------------------

    def join(self, other):
        """Speak with another phone's leg frame by frame, or with one that follows the pace of this channel."""
        self._through, self._driven = (other, None) if isinstance(other, FullRateLeg) else (None, other)

    def start(self, remote):
        """As femtojack.voice.media, when a bridge begins: there is nothing to be told of the other end."""
        self._heard, self._said = BlockQueue(), BlockQueue()

    def stop(self):
        pass

    # -- the leg of a bridge ------------------------------------------------------------------------------------------

    def get(self):
        """The next 10 ms that the phone said, valid for 20 ms; None is silence."""
        return self._heard.take()

    def put(self, pcm):
        """Say `pcm` to the phone; two blocks make a frame."""
        self._said.put(pcm)

    # -- the radio channel --------------------------------------------------------------------------------------------

    def _received(self, frame):
        """What the phone said in 20 ms, empty when it was not understood."""
        other = self._through
        if other is None:
            self._hear(frame)
        elif self._dtmf.sounding:
            self._sound()
            other.say(self._pcm)
        elif len(frame):
            other.forward(frame)

    def _wanted(self):
        """The time to say something."""
        if self._driven:
            for half in self._halves:
                half[ALL] = self._driven.get() or self._silence
            self.say(self._pcm)
        elif self._said and self._said.count >= 2:
            for half in self._halves:
                half[ALL] = self._said.take() or self._silence
            self.say(self._pcm)

    def forward(self, frame):
        """A frame as another phone sent it."""
        if self._speech:
            self._speech.send(frame)

    def say(self, pcm):
        """Send 20 ms of linear samples."""
        if self._speech:
            self._voice.gsm_fr_encode(self._codec, pcm, self._frame)
            self._speech.send(self._frame)

    def _hear(self, frame):
        self._voice.gsm_fr_receive(self._codec, frame if len(frame) else None, self._pcm)
        if self._dtmf.sounding:
            self._sound()
        listener = self._driven or self._heard
        if listener:
            for half in self._halves:
                listener.put(half)

    def _sound(self):
        """20 ms of the key that is pressed."""
        for half in self._halves:
            half[ALL] = self._dtmf.block()
