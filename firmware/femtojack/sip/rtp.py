"""RTP (RFC 3550 5.1) for 20 ms frames of 160 octets; nothing is allocated per packet.

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    |V=2|P|X|  CC   |M|     PT      |       sequence number         |
    |                           timestamp                           |
    |                             SSRC                              |

Timestamps and SSRCs stay in octets or halves: a board's small integer has 31 bits.
"""

from micropython import const

HEADER = const(12)
FRAME = const(160)  # octets of G.711, and ticks of the 8 kHz timestamp, in 20 ms
PACKET = const(172)

_VERSION = const(0x80)  # V=2, no padding, no extension, no CSRC
_MARKER = const(0x80)
_PADDING = const(0x20)
_EXTENSION = const(0x10)
_MAX_DROPOUT = const(1000)  # packets; a longer jump is another stream (RFC 3550 A.1 has 3000, a minute of 20 ms)
_MAX_MISORDER = const(100)  # RFC 3550 A.1
_PROBATION = const(10)  # packets in a row until another source is believed: 200 ms


class RtpSender:
    """A stream of frames. For each: write 160 octets into `payload`, call `next`, send all of `packet`.

    `ssrc` four octets. `start` six: first sequence number and timestamp, both random (RFC 3550 5.1).
    """

    def __init__(self, ssrc, payload_type, start=bytes(6)):
        self.packet = bytearray(PACKET)
        self.packet[0] = _VERSION
        self.packet[1] = payload_type & 0x7F
        self.packet[2:8] = start
        self.packet[8:12] = ssrc
        self.payload = memoryview(self.packet)[HEADER:]
        self._started = False

    def next(self):
        """Make the header that of the next frame. The first has the marker: a talkspurt begins (RFC 3551 4.1)."""
        packet = self.packet
        if self._started:
            packet[1] &= 0x7F
            _add(packet, 3, 2, 1)
            _add(packet, 7, 4, FRAME)
        else:
            packet[1] |= _MARKER
            self._started = True


def _add(buf, last, first, value):
    """Add `value` to the big-endian number in buf[first..last], modulo its size."""
    while value and last >= first:
        value += buf[last]
        buf[last] = value & 0xFF
        value >>= 8
        last -= 1


class RtpReceiver:
    """Reads packets of one payload type, and those of `events` (-1: none), which only `is_event` tells apart.

    After `parse` said True: `sequence`, `marker`, `timestamp_hi`, `timestamp_lo` (halves), and the payload is
    `length` octets from `start`. Counted: `received`, `lost` (gaps not filled since), `late` (came behind a later
    one), `bad` (no RTP, or another payload type), `foreign` (of another source than the stream's).
    """

    def __init__(self, payload_type):
        self.payload_type = payload_type
        self.events = -1
        self.is_event = False
        self.sequence = self.timestamp_hi = self.timestamp_lo = 0
        self.marker = False
        self.start = self.length = 0
        self.received = self.lost = self.late = self.bad = 0
        self._expected = -1
        self._ssrc = bytearray(4)
        self._strangers = 0
        self.foreign = 0

    def parse(self, data, n):
        """Read the packet in the first `n` octets of `data`. False, and counted, if it is none of ours."""
        if n < HEADER or n > len(data) or data[0] & 0xC0 != _VERSION:
            self.bad += 1
            return False
        self.is_event = data[1] & 0x7F == self.events
        if (not self.is_event and data[1] & 0x7F != self.payload_type) or not self._find_payload(data, n):
            self.bad += 1
            return False
        if not self._known_source(data):
            self.foreign += 1
            return False
        self.marker = data[1] >= _MARKER
        self.sequence = data[2] << 8 | data[3]
        self.timestamp_hi = data[4] << 8 | data[5]
        self.timestamp_lo = data[6] << 8 | data[7]
        self.received += 1
        if self._expected >= 0:
            self._count()
        else:
            self._expected = (self.sequence + 1) & 0xFFFF
        return True

    def _find_payload(self, data, n):
        """Step over CSRCs and the extension, and off the padding (RFC 3550 5.1, 5.3.1)."""
        start = HEADER + 4 * (data[0] & 0x0F)
        if data[0] & _EXTENSION:
            if start + 4 > n:
                return False
            start += 4 + 4 * (data[start + 2] << 8 | data[start + 3])
        length = n - start
        if data[0] & _PADDING:
            if length <= 0 or not 0 < data[n - 1] <= length:
                return False
            length -= data[n - 1]
        self.start = start
        self.length = length
        return length > 0

    def _known_source(self, data):
        """The first SSRC is ours; another takes its place after a row of packets in which ours was not heard."""
        same = self._expected >= 0
        for i in range(4):
            same = same and self._ssrc[i] == data[8 + i]
        if same:
            self._strangers = 0
            return True
        self._strangers += 1
        if self._expected >= 0 and self._strangers < _PROBATION:
            return False
        for i in range(4):
            self._ssrc[i] = data[8 + i]
        self._strangers = 0
        self._expected = -1
        return True

    def _count(self):
        ahead = (self.sequence - self._expected) & 0xFFFF
        if ahead < _MAX_DROPOUT:
            self.lost += ahead
        elif ahead > 0xFFFF - _MAX_MISORDER:
            self.late += 1
            if self.lost:
                self.lost -= 1
            return
        self._expected = (self.sequence + 1) & 0xFFFF
