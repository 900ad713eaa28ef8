"""Keys as RTP events (RFC 4733): told while they are held, and made heard.

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    |     event     |E|R| volume    |          duration             |

Nothing is allocated per packet.
"""

from micropython import const

from femtojack.sip.rtp import FRAME, HEADER
from femtojack.voice.dtmf import Dtmf

PACKET = const(16)

_KEYS = "0123456789*#ABCD"  # events 0 to 15, table 3
_END = const(0x80)
_MARKER = const(0x80)
_VOLUME = const(9)  # dBm0 below zero
_LEAST = const(4)  # packets: 80 ms, and TS 23.014 wants 70
_ENDS = const(3)  # the last packet is sent three times (2.5.1.4)
_LONGEST = const(409)  # packets of 160 ticks in a duration of 16 bits (2.5.1.3)
_PATIENCE = const(15)  # blocks of 10 ms until a key whose packets stay away is let go


class EventSender:
    """Says one key at a time in the place of speech; `packet` follows each `next`."""

    def __init__(self):
        self.packet = bytearray(PACKET)
        self._held = False
        self._ends = _ENDS
        self._count = 0

    @property
    def sounding(self):
        return self._ends < _ENDS

    def start(self, key):
        """Begin `key`, one of 0-9 * # A-D; until `let_go`, and at least 80 ms."""
        self.packet[HEADER] = _KEYS.index(key)
        self._held = True
        self._ends = self._count = 0

    def let_go(self):
        self._held = False

    def stop(self):
        """Say nothing more of it."""
        self._held = False
        self._ends = _ENDS

    def next(self, frame, payload_type):
        """The packet in the place of `frame`, whose header is that of this moment."""
        packet = self.packet
        marker = 0 if self._count else _MARKER
        if self._count == _LONGEST:
            self._count = 0
        for i in range(HEADER):
            if not 4 <= i < 8 or self._count == 0:  # all of an event have the timestamp of its begin
                packet[i] = frame[i]
        packet[1] = marker | payload_type
        ended = not self._held and self._count >= _LEAST
        if ended:
            self._ends += 1
        if not ended or self._ends == 1:
            self._count += 1
        packet[13] = _VOLUME | (_END if ended else 0)
        packet[14], packet[15] = self._count * FRAME >> 8, self._count * FRAME & 0xFF


class EventReceiver:
    """Makes the tones of events that come."""

    def __init__(self):
        self._dtmf = Dtmf()
        self._begun = bytearray(4)  # timestamp of the last event
        self._any = False
        self._silent = 0  # blocks since its last packet

    @property
    def sounding(self):
        return self._dtmf.sounding

    def stop(self):
        """Another stream begins."""
        self._dtmf.stop()
        self._any = False

    def take(self, data, start, length):
        """An event packet whose payload is `length` octets from `start`. Events that are no key are passed over."""
        if length < 4 or data[start] >= len(_KEYS):
            return
        self._silent = 0
        if not self._any or self._differs(data):
            self._any = True
            for i in range(4):
                self._begun[i] = data[4 + i]
            self._dtmf.start(_KEYS[data[start]])
        if data[start + 1] & _END:
            self._dtmf.let_go()

    def block(self):
        """The next 80 samples of a key that sounds, valid until the next."""
        self._silent += 1
        if self._silent >= _PATIENCE:
            self._dtmf.let_go()
        return self._dtmf.block()

    def _differs(self, data):
        differs = False
        for i in range(4):
            differs = differs or self._begun[i] != data[4 + i]
        return differs
