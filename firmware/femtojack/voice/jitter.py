"""Playout buffer: frames come when the network likes, and leave at their rate in order.

Playing starts when `depth` frames wait: 40 ms at first, one more after each underrun up to 100 ms. After five
seconds in which more than one frame was always left over, one frame is dropped and the depth falls by one; this also
takes up a far end whose clock runs fast. Where frames are parts of 20 ms, as much as 20 ms must be left over once the
buffer has run dry: what five seconds had proved was not enough.
"""

from micropython import const

from femtojack.views import ALL

FRAME = const(160)  # octets of G.711 in 20 ms
SLOTS = const(16)  # frames of 20 ms; a power of two, so that slots stay in order when the sequence number wraps

EMPTY = const(0)  # nothing to play: not started, or run dry
OK = const(1)
LOST = const(2)  # later frames are here: conceal this one

_LEAST = const(2)  # frames of 20 ms
_MOST = const(5)
_QUIET = const(250)  # 5 s
_RESTART = const(1000)  # sequence numbers; a longer jump is another stream


class JitterBuffer:
    """Frames of `frame` octets, 160 or a part of it; all that is told in frames of 20 ms scales.

    Nothing is allocated but here. `late`, `duplicate`, `dropped`, `lost` and `underruns` count frames.
    """

    def __init__(self, frame=FRAME):
        self._parts = parts = FRAME // frame
        self._frame = frame
        self._slot_count = SLOTS * parts
        self._mask = self._slot_count - 1
        self._least = _LEAST * parts
        self._most = _MOST * parts
        self._quiet = _QUIET * parts
        self.depth = self._least
        self.late = self.duplicate = self.dropped = self.lost = self.underruns = 0
        octets = memoryview(bytearray(SLOTS * FRAME))
        self._slots = [octets[i * frame : (i + 1) * frame] for i in range(self._slot_count)]
        self._held = [False] * self._slot_count
        self._count = 0
        self._started = False  # a sequence number is known
        self._playing = False
        self._fresh = True  # nothing of this stream was played
        self._next = 0  # sequence number that `get` plays next
        self._keep = 1  # frames that may be left over
        self._spare = self._slot_count  # least count left over in this stretch
        self._stretch = 0

    def put(self, sequence, payload):
        """Take a frame, a memoryview of its octets. False if it was late, there already, or no frame."""
        if len(payload) != self._frame:
            self.dropped += 1
            return False
        ahead = self._ahead(sequence)
        if not self._started or ahead >= _RESTART or ahead < -_RESTART:
            self._restart(sequence)
            ahead = 0
        if ahead < 0 and not (self._fresh and self._step_back(ahead)):
            self.late += 1
            return False
        while self._ahead(sequence) >= self._slot_count:
            self._drop_next()
        slot = sequence & self._mask
        if self._held[slot]:
            self.duplicate += 1
            return False
        self._slots[slot][ALL] = payload
        self._held[slot] = True
        self._count += 1
        return True

    def get(self, out):
        """Call once a frame's time. OK: the frame is in `out` (memoryview). Else LOST or EMPTY, `out` untouched."""
        if not self._playing:
            self._skip_missing()
            if self._count < self.depth:
                return EMPTY
            self._playing = True
            self._fresh = False
            self._begin_stretch()
        if not self._count:
            self._run_dry()
            return EMPTY
        state = self._take(out)
        self._adapt()
        return state

    def reset(self):
        """Forget what waits; the next frame begins a stream."""
        self._restart(0)
        self._started = False

    def _take(self, out):
        slot = self._next & self._mask
        self._next = (self._next + 1) & 0xFFFF
        if not self._held[slot]:
            self.lost += 1
            return LOST
        out[ALL] = self._slots[slot]
        self._held[slot] = False
        self._count -= 1
        return OK

    def _adapt(self):
        self._spare = min(self._spare, self._count)
        self._stretch += 1
        if self._stretch < self._quiet:
            return
        if self._spare > self._keep:
            self._drop_next()
            self.depth = max(self.depth - 1, self._least)
        self._begin_stretch()

    def _begin_stretch(self):
        self._spare = self._slot_count
        self._stretch = 0

    def _run_dry(self):
        self.underruns += 1
        self._keep = self._parts
        self.depth = min(self.depth + 1, self._most)
        self._playing = False

    def _ahead(self, sequence):
        """How far `sequence` is ahead of what plays next, -32768..32767."""
        ahead = (sequence - self._next) & 0xFFFF
        return ahead - 0x10000 if ahead >= 0x8000 else ahead

    def _restart(self, sequence):
        self.dropped += self._count
        for i in range(self._slot_count):
            self._held[i] = False
        self._count = 0
        self._next = sequence
        self._started = True
        self._fresh = True
        self._playing = False
        self._keep = 1

    def _step_back(self, ahead):
        """Before playing starts, an earlier frame may still come first, if all that waits fits then."""
        for i in range(max(self._slot_count + ahead, 0), self._slot_count):
            if self._held[(self._next + i) & self._mask]:
                return False
        if ahead <= -self._slot_count:
            return False
        self._next = (self._next + ahead) & 0xFFFF
        return True

    def _skip_missing(self):
        """Playing starts with a frame that is here."""
        while self._count >= self.depth and not self._held[self._next & self._mask]:
            self._next = (self._next + 1) & 0xFFFF

    def _drop_next(self):
        slot = self._next & self._mask
        if self._held[slot]:
            self._held[slot] = False
            self._count -= 1
            self.dropped += 1
        self._next = (self._next + 1) & 0xFFFF
