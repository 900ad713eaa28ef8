"""A network of octets: it answers a phone's message with those that its script has for it, and writes all down.

It speaks just enough LAPDm for a phone that behaves: UA with the echo, RR, one I frame at a time.
"""

from collections import deque

from femtohost.clock import SECOND, Clock
from femtohost.models.gsm_air import Air, AirFrame
from femtohost.models.gsm_frames import (
    AGCH,
    BCCH,
    FACCH_F,
    HYPERFRAME,
    PCH,
    RACH,
    SACCH,
    SDCCH8,
    VOICE_F,
    dedicated_blocks,
    frame_at,
    frame_time,
    reduced,
)

C0, DED = 50, 60
START = HYPERFRAME - 1500  # FN wraps 7 s after power-on
AREA = bytes.fromhex("00f1100001")
SI3 = bytes.fromhex("49061b1b3900f1100001c90301274e40e50400") + b"\x2b" * 4
NEVER_COMBINED = bytearray(SI3)
NEVER_COMBINED[10] = 0xC8  # CCCH not combined
SI3 = bytes(NEVER_COMBINED)
SDCCH_DESCRIPTION = bytes((0x41, 0xE0, DED))  # SDCCH/8 sub-slot 0 on time slot 1
TCH_DESCRIPTION = bytes((0x0A, 0xE0, DED))  # TCH/F on time slot 2
ASSIGN = bytes((6, 0x2E)) + TCH_DESCRIPTION + bytes((0x0E, 0x63, 1))
RELEASE = bytes((6, 0x0D, 0))
ACCEPT = bytes((5, 2)) + AREA + bytes.fromhex("1705f4deadbeef")
SERVED = bytes((5, 0x21))


def fill(data, size=23):
    return data + b"\x2b" * (size - len(data))


class Link:
    """The network's end of one data link."""

    def __init__(self, network, sapi, channel):
        self.network, self.sapi, self.channel = network, sapi, channel
        self.out = deque()
        self.vs = self.vr = 0
        self.waiting = False
        self.up = False
        self.parts = b""

    def transmit(self, command, control, info=b"", more=False):
        n = 18 if self.channel & SACCH else 20
        head = bytes((self.sapi << 2 | command << 1 | 1, control, len(info) << 2 | more << 1 | 1)) + info
        frame = fill(head, n + 3)
        self.network.transmit(self.channel, b"\0\0" + frame if self.channel & SACCH else frame)

    def receive(self, data):
        control, length = data[1], data[2] >> 2
        info, more = data[3 : 3 + length], data[2] & 2
        if control & 0xEF in (0x2F, 0x43):
            self.vs = self.vr = 0
            self.waiting = False
            self.up = control & 0xEF == 0x2F
            self.transmit(0, 0x73, info)
        elif control & 0xEF == 0x63:
            self.up = True
        elif control & 1 == 0:
            self.vr = self.vr + 1 & 7
            self.acknowledged(control >> 5)
            self.transmit(0, self.vr << 5 | 1)
            self.parts += info
            if not more:
                info, self.parts = self.parts, b""
        elif control & 3 == 1:
            self.acknowledged(control >> 5)
            return
        if info and not more:
            self.network.heard(info, self.sapi)
        self.next()

    def acknowledged(self, nr):
        if nr == self.vs:
            self.waiting = False
            self.next()

    def next(self):
        if self.out and self.up and not self.waiting:
            part, more = self.out.popleft()
            self.transmit(1, self.vr << 5 | self.vs << 1, part, more)
            self.vs = self.vs + 1 & 7
            self.waiting = True

    def send(self, message):
        n = 18 if self.channel & SACCH else 20
        parts = [message[at : at + n] for at in range(0, len(message), n)]
        self.out += [(part, i < len(parts) - 1) for i, part in enumerate(parts)]
        self.next()


class StandIn:
    """script: {first octets of a message: messages to send, or a function that returns them}."""

    def __init__(self, script, rng):
        self.clock = Clock()
        self.air = Air(self.clock, rng)
        self.air.join_cell(self.receive, self._on_demand)
        self.script = script
        self.log = []
        self.frames = []
        self.air.taps.append(self.frames.append)
        self.voice = []
        self.reject_for = None
        self.bursts = []
        self.si3 = SI3
        self.silent = False
        self.enter(SDCCH8, 1)
        self._bcch = None

    def enter(self, channel, tn):
        self.channel, self.tn = channel, tn
        self.blocks = dedicated_blocks(channel, tn, 0)
        self.links = {
            0: Link(self, 0, channel), 3: Link(self, 3, channel | (SACCH if channel == FACCH_F else 0)),
        }  # fmt: skip
        self._free = 0

    def count(self):
        return frame_at(self.clock.now) + START

    def at(self, count, action):
        self.clock.at(frame_time(count - START), action)

    def run(self, seconds):
        end = self.clock.now + round(seconds * SECOND)
        while (following := self.clock.next_time()) is not None and following <= end:
            self.clock.run_next()
        self.clock.advance(end)

    def until(self, condition, seconds=30):
        end = self.clock.now + round(seconds * SECOND)
        while not condition():
            following = self.clock.next_time()
            assert following is not None and following <= end, [message.hex() for message in self.log[-12:]]
            self.clock.run_next()

    # -- common channels ------------------------------------------------------------------------------------------

    def _on_demand(self):
        if self.air.wants_bcch and self._bcch is None:
            self._plan_bcch()

    def _plan_bcch(self):
        count = self.count() // 51 * 51 + 51 + 2
        self._bcch = count
        self.at(count, lambda: self._send_bcch(count))

    def _send_bcch(self, count):
        self._bcch = None
        self.common(BCCH, self.si3, count)
        if self.air.wants_bcch:
            self._plan_bcch()

    def common(self, channel, payload, count=None):
        fn = (self.count() if count is None else count) % HYPERFRAME
        self.air.downlink(AirFrame(C0, False, 0, fn, channel, 0, fill(payload)))

    def page(self, identity):
        body = bytes((6, 0x21, 0x20, len(identity))) + identity
        self.common(PCH, bytes((len(body) << 2 | 1,)) + body)

    def assign(self, ra, fn):
        t1, t2, t3 = reduced(fn)
        reference = bytes((ra, t1 << 3 | t3 >> 3, (t3 & 7) << 5 | t2))
        if self.reject_for is not None:
            self.common(AGCH, bytes.fromhex("4d063a00") + (reference + bytes((self.reject_for,))) * 4)
        else:
            self.enter(SDCCH8, 1)
            self.common(AGCH, bytes.fromhex("2d063f00") + SDCCH_DESCRIPTION + reference + bytes(2))

    # -- dedicated ------------------------------------------------------------------------------------------------

    def receive(self, frame):
        if self.silent:
            return
        if frame.channel == RACH:
            self.bursts.append(frame)
            self.at(self.count() + 10, lambda: self.assign(frame.payload[0], frame.fn))
        elif frame.channel == VOICE_F:
            self.voice.append(frame.payload)
        elif (frame.arfcn, frame.tn) == (DED, self.tn) or frame.payload[1] & 0xEF == 0x2F:
            self.dedicated(frame)

    def dedicated(self, frame):
        if frame.tn != self.tn:
            self.enter(FACCH_F, frame.tn)
        data = frame.payload[2:] if frame.channel & SACCH else frame.payload
        if data[1] & 0xEF == 3:
            self.heard(data[3 : 3 + (data[2] >> 2)], 0)
        else:
            self.links[data[0] >> 2 & 7].receive(data)

    def transmit(self, channel, payload):
        blocks = self.blocks.sacch_down if channel & SACCH else self.blocks.down
        count = blocks.following(max(self.count() + 4, self._free + 1))
        if not channel & SACCH:
            self._free = count
        frame = AirFrame(DED, False, self.tn, count % HYPERFRAME, channel, 0, payload)
        self.at(count, lambda: self.air.downlink(frame))

    def heard(self, message, sapi):
        """A message: the script's answers to it."""
        self.log.append(message)
        plain = message[:1] + bytes((message[1] & 0xBF,)) + message[2:] if message[0] & 15 in (3, 5, 11) else message
        found = [key for key in self.script if plain.startswith(key)]
        answers = self.script[max(found, key=len)] if found else ()
        for answer in answers(message) if callable(answers) else answers:
            self.send(answer, 3 if answer[0] & 15 == 9 else 0)

    def send(self, message, sapi=0):
        self.links[sapi].send(message)

    def sent_by_phone(self, *start):
        """The phone's messages that begin so, N(SD) taken out."""
        plain = [m[:1] + bytes((m[1] & 0xBF,)) + m[2:] if m[0] & 15 in (3, 5, 11) else m for m in self.log]
        return [message for message in plain if message.startswith(bytes(start))]
