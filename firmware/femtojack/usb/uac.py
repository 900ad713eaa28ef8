"""The PC's sound card: a leg of the bridge. Its streaming is the board's (usb_audio); here is what lies between.

The PC plays by the clock of its USB, the bridge runs by the PCM port's: playback waits in a queue of blocks. When it
runs dry the last block is repeated once, then there is silence until the queue has filled again; when more blocks
than that were waiting all through five seconds, one is dropped. A PC that does not fetch what it records, till there
is no more room for it, first gets what is there: what came meanwhile would stay late.
"""

from array import array

from micropython import const

from femtojack.board import BLOCK, HALVE_PAST
from femtojack.views import ALL

_OCTETS = const(160)  # of a block at 8 kHz
_SLOTS = const(16)  # blocks; a PC that was held up brings what it has at once
_START = const(3)  # blocks with which playing starts
_STRETCH = const(500)  # blocks in five seconds

_ONE = const(4096)
_TENTH_OF_DB = const(64786)  # 65536 * 10**(-0.1 / 20)

_WIDE = const(1)  # alternate settings of playback, femtojack.usb.device: 16 kHz
_NARROW = const(2)  # 8 kHz


class _Assembly:
    """Samples as the board has them, made into whole blocks in `pcm`."""

    def __init__(self, pcm):
        self._pcm = pcm
        self._filled = 0

    def reset(self):
        self._filled = 0

    def fill(self, read):
        """True when the block is whole; False when there is no more to read."""
        while True:
            n = read(self._pcm, self._filled) >> 1
            if n <= 0:
                return False
            self._filled += n
            if self._filled >= len(self._pcm):
                self._filled = 0
                return True


class _Decimator:
    """160 samples at 16 kHz put into `input` become 80 at 8 kHz."""

    def __init__(self, halve):
        self._halve = halve
        samples = memoryview(array("h", bytes(2 * (HALVE_PAST + 2 * BLOCK))))
        self._samples = samples
        self.input = samples[HALVE_PAST:]
        self._past, self._newest = samples[:HALVE_PAST], samples[2 * BLOCK :]

    def reset(self):
        for i in range(HALVE_PAST):
            self._past[i] = 0

    def decimate(self, out):
        self._halve(self._samples, out)
        self._past[ALL] = self._newest


class SoundCard:
    """The card behind `audio` (board.usb_audio), whose streaming interfaces are `capture` and `playback`; `halve`
    is board.voice.pcm_halve.

    `muted`: the PC hears silence. `loopback`: playback at 8 kHz goes straight to capture, and nothing to the bridge.
    `played`, `repeated`, `dropped`, `captured`, `lost` count blocks; `lost` those that the PC did not fetch. What the
    PC plays while nobody listens is not counted: only the newest of it is kept.
    """

    def __init__(self, audio, halve, capture, playback):
        self._audio = audio
        self._interfaces = (capture, playback)
        self._read = audio.read
        self._narrow = array("h", bytes(2 * BLOCK))
        self._narrow_view = memoryview(self._narrow)
        self._decimator = _Decimator(halve)
        self._assemblies = {_NARROW: _Assembly(self._narrow_view), _WIDE: _Assembly(self._decimator.input)}
        self._slots = [array("h", bytes(2 * BLOCK)) for _ in range(_SLOTS)]
        self._views = [memoryview(slot) for slot in self._slots]
        self._silence = array("h", bytes(2 * BLOCK))
        self._gain = Gain()
        self._alternate = 0
        self._room = 0  # what the capture FIFO can hold
        self._late = False
        self._restart()
        self.muted = False
        self._loopback = False
        self.played = self.repeated = self.dropped = self.captured = self.lost = 0

    @property
    def streaming(self):
        """The PC plays or records, for itself and not to test."""
        capture, playback = self._interfaces
        return not self._loopback and bool(self._audio.alt(playback) or self._audio.alt(capture))

    @property
    def loopback(self):
        return self._loopback

    @loopback.setter
    def loopback(self, on):
        self._loopback = on
        self._restart()

    def _restart(self):
        self._first = self._level = self._unheard = 0
        self._playing = self._repeating = False
        self._last = None
        self._begin_stretch()
        for alternate in (_WIDE, _NARROW):
            self._assemblies[alternate].reset()
        self._decimator.reset()

    # -- step -----------------------------------------------------------------------------------------------------

    def step(self):
        """Take in what the PC has played."""
        alternate = self._audio.alt(self._interfaces[1])
        if alternate != self._alternate:
            self._alternate = alternate
            self._restart()
        assembly = self._assemblies.get(alternate)
        if assembly is None:
            return
        if self._loopback and alternate == _NARROW:
            self._loop()
            return
        while assembly.fill(self._read):
            self._queue(alternate)

    def _loop(self):
        """Playback to capture as it is. What capture has no room for waits on the other side."""
        capturing = self._audio.alt(self._interfaces[0])
        while not capturing or self._audio.space() >= _OCTETS:
            n = self._read(self._narrow_view)
            if n <= 0:
                return
            if capturing:
                self._audio.write(self._narrow_view[: n >> 1])

    def _queue(self, alternate):
        self._unheard += 1
        if self._unheard > _SLOTS:  # nobody listens
            self._playing = False
        while self._level >= (_SLOTS if self._playing else _START):
            self._skip()
        view = self._views[(self._first + self._level) % _SLOTS]
        if alternate == _WIDE:
            self._decimator.decimate(view)
        else:
            view[ALL] = self._narrow_view
        self._level += 1

    # -- the leg of the bridge ------------------------------------------------------------------------------------

    def get(self):
        """The next 10 ms that the PC plays; None is silence."""
        self._unheard = 0
        if self._loopback or not self._ready():
            return None
        self._adapt()
        if self._level:
            self._last = self._slots[self._first]
            self._skip()
            self._repeating = False
            self.played += 1
            self._gain.apply(self._last, self._audio.volume)
        else:
            self._repeating = True
            self.repeated += 1
        return None if self._audio.mute else self._last

    def put(self, pcm):
        """Let the PC record `pcm`, if it does."""
        if self._loopback or not self._audio.alt(self._interfaces[0]):
            return
        if self._fetched():
            self._audio.write(self._silence if self.muted else pcm)
            self.captured += 1
        else:
            self.lost += 1

    def _fetched(self):
        """There is room, and the PC has fetched what it was late with."""
        space = self._audio.space()
        self._room = max(self._room, space)
        self._late = space < (self._room - _START * _OCTETS if self._late else _OCTETS)
        return not self._late

    def _ready(self):
        """There is a block to play, or one to repeat; after a pause, enough of them."""
        if self._playing and not self._level and self._repeating:
            self._playing = False
        if not self._playing and self._level >= _START:
            self._playing = True
            self._begin_stretch()
        return self._playing

    def _adapt(self):
        self._spare = min(self._spare, self._level)
        self._stretch += 1
        if self._stretch == _STRETCH:
            if self._spare > _START:
                self._skip()
                self.dropped += 1
            self._begin_stretch()

    def _begin_stretch(self):
        self._spare = _SLOTS
        self._stretch = 0

    def _skip(self):
        self._first = (self._first + 1) % _SLOTS
        self._level -= 1


class Gain:
    """The volume that the PC has set, 1/256 dB, in place on a block."""

    def __init__(self):
        self._volume = 0
        self._factor = _ONE

    def apply(self, pcm, volume):
        if volume != self._volume:
            self._volume = volume
            self._factor = factor(volume)
        if self._factor != _ONE:
            for i in range(BLOCK):
                pcm[i] = pcm[i] * self._factor >> 12


def factor(volume):
    """4096 * 10**(dB / 20), to a tenth of a dB; 0 dB for more than that, silence for less than -127 dB."""
    tenths = (128 - volume * 10) >> 8
    if tenths > 1270:
        return 0
    scaled = _ONE << 12
    for _ in range(tenths):
        scaled = scaled * _TENTH_OF_DB >> 16
    return (scaled + 2048) >> 12
