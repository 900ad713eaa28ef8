"""LAPDm, the phone's side (TS 44.006): one data link per SAPI and channel, in acknowledged mode, and UI frames.

A link sends nothing of its own accord: the channel asks it for a frame (`pull`) when a block is due.
"""

from collections import deque

from femtohost.peers.gsm_timers import Timers

UI, SABM, DISC, UA, DM = 0x03, 0x2F, 0x43, 0x63, 0x0F  # control octets without P/F (3.4)
RR, RNR, REJ = 0x01, 0x05, 0x09
PF = 0x10
PAD = 0x2B
N200_OTHER = 5  # repetitions of SABM and DISC, whatever the channel (TS 44.006 5.8.2)
LONGEST_L3 = 251  # octets in segments (TS 44.006 5.8.5 leaves it to layer 3; TS 24.007 has no longer message)


class BadFrame(ValueError):
    """Octets that TS 44.006 3 does not allow; they are ignored."""


def build(address, control, info=b"", more=False, size=23):
    """A frame of format B, padded to `size` octets."""
    head = bytes((address, control, len(info) << 2 | more << 1 | 1))
    return (head + info).ljust(size, bytes((PAD,)))


def take_apart(frame, n201):
    """(is_command, sapi, control, info, more) of a frame from the network. BadFrame."""
    address, control, length = frame[0], frame[1], frame[2]
    if address & 0xE1 != 0x01 or not length & 1:
        raise BadFrame("address or length field")
    octets, more = length >> 2, bool(length & 2)
    if octets > n201 or 3 + octets > len(frame) or (more and octets < n201):
        raise BadFrame("length")
    return bool(address & 2), address >> 2 & 7, control, bytes(frame[3 : 3 + octets]), more


class DataLink:
    """The link of one SAPI.

    owner: `established(link)`, `received(link, message)`, `released(link, why)` (why: "" when it was asked for), and
    `ready(link)` when there is something to pull. n201, n200, t200 (s): TS 44.006 5.8. size: octets of a frame.
    """

    def __init__(self, clock, owner, sapi, *, n201=20, n200=23, t200=0.6, size=23):
        self._owner, self.sapi = owner, sapi
        self._n201, self._n200, self._t200, self._size = n201, n200, t200, size
        self.timers = Timers(clock)
        self.state = "IDLE"
        self._clear()

    def _clear(self):
        self.timers.stop_all()
        self._vs = self._vr = self._va = 0
        self._replies = deque()
        self._segments = deque()
        self._messages = deque()  # not acknowledged as a whole
        self._outstanding = None  # the segment that waits for its acknowledgement
        self._again = False  # ... and has to go out once more
        self._poll = False
        self._attempts = 0
        self._first = b""
        self._parts = b""
        self._peer_busy = False

    # -- what layer 3 asks for ------------------------------------------------------------------------------------

    def establish(self, first=b""):
        """SABM; `first` is the message that the network must echo (5.4.1.4)."""
        self._clear()
        self._first = first
        self._become("ESTABLISHING")
        self._again = True
        self._owner.ready(self)

    def send(self, message):
        """Queue a message for acknowledged transfer."""
        if self.state == "IDLE":
            return
        n = self._n201
        parts = [message[at : at + n] for at in range(0, len(message), n)] or [b""]
        self._segments += [(part, i < len(parts) - 1) for i, part in enumerate(parts)]
        self._messages.append(message)
        self._owner.ready(self)

    def release(self):
        """DISC."""
        if self.state == "IDLE":
            return
        self._clear()
        self._become("RELEASING")
        self._again = True
        self._owner.ready(self)

    def abandon(self):
        """Local end: the channel is gone."""
        self._clear()
        self._become("IDLE")

    @property
    def unacknowledged(self):
        """The messages of which the network has not acknowledged the whole, oldest first."""
        return tuple(self._messages)

    def _become(self, state):
        self.state = state

    # -- what goes out --------------------------------------------------------------------------------------------

    @property
    def wants(self):
        """Whether there is a frame to pull."""
        return bool(self._again or self._replies or self._next_segment)

    @property
    def _next_segment(self):
        """Whether a new segment may go out."""
        may = self.state == "ESTABLISHED" and not self._peer_busy and not self._outstanding
        return may and bool(self._segments)

    def pull(self):
        """The frame for the next block, or None."""
        if self._next_segment:
            self._drop_ready()
        if self._replies:
            return self._replies.popleft()
        if not self.wants:
            return None
        self._again = False
        if self.state == "ESTABLISHING":
            return self._command(SABM | PF, self._first)
        if self.state == "RELEASING":
            return self._command(DISC | PF)
        return self._information()

    def _command(self, control, info=b"", more=False):
        self.timers.start("T200", self._t200, self._expired)
        return build(self.sapi << 2 | 1, control, info, more, self._size)

    def _reply(self, control, info=b""):
        self._replies.append(build(self.sapi << 2 | 3, control, info, size=self._size))
        self._owner.ready(self)

    def _information(self):
        if self._outstanding is None:
            self._outstanding = self._segments.popleft()
            self._vs = self._vs + 1 & 7
        poll, self._poll = self._poll, False
        control = self._vr << 5 | (PF if poll else 0) | (self._vs - 1 & 7) << 1
        return self._command(control, *self._outstanding)

    def _drop_ready(self):
        """An I frame acknowledges as well as an RR that waits, unless that answers a poll."""
        plain = build(self.sapi << 2 | 3, self._vr << 5 | RR, size=self._size)
        self._replies = deque(reply for reply in self._replies if reply != plain)

    def _expired(self):
        """T200: again, with P set, at most N200 times (5.5.7)."""
        self._attempts += 1
        if self._attempts > (self._n200 if self.state == "ESTABLISHED" else N200_OTHER):
            self._fail("no answer")
            return
        self._again = self._poll = True
        self._owner.ready(self)

    def _fail(self, why):
        self.abandon()
        self._owner.released(self, why)

    # -- what comes in --------------------------------------------------------------------------------------------

    def receive(self, frame):
        """A frame of this SAPI from the network; BadFrame where it is none."""
        is_command, _, control, info, more = take_apart(frame, self._n201)
        if control & 1 == 0:
            if not is_command:
                raise BadFrame("an I frame is a command")
            self._received_information(control, info, more)
        elif control & 3 == 1:
            self._received_supervisory(is_command, control, info)
        else:
            self._received_unnumbered(is_command, control, info)

    def _received_unnumbered(self, is_command, control, info):
        final, kind = control & PF, control & ~PF
        if kind == UI and is_command:
            if info:
                self._owner.received_unit(self, info)
        elif kind == SABM and is_command:
            self._received_sabm(final)
        elif kind == DISC and is_command:
            self._received_disc(final)
        elif kind == UA and not is_command:
            self._received_ua(info)
        elif kind == DM and not is_command:
            self._received_dm(final)
        else:
            raise BadFrame("unknown control field")

    def _received_sabm(self, final):
        """The network establishes SAPI 3; of SAPI 0 only the phone does (5.4.1.1)."""
        if self.sapi == 0:
            self._reply(DM | final)
            return
        was = self.state
        self._clear()
        self._become("ESTABLISHED")
        self._reply(UA | final)
        if was != "ESTABLISHED":
            self._owner.established(self)

    def _received_disc(self, final):
        was = self.state
        if was == "IDLE":
            self._reply(DM | final)
            return
        self.abandon()
        self._reply(UA | final)
        self._owner.released(self, "the network released it")

    def _received_ua(self, info):
        if self.state == "RELEASING":
            self.abandon()
            self._owner.released(self, "")
        elif self.state == "ESTABLISHING":
            self._established(info)

    def _established(self, info):
        if info != self._first:
            self._fail("contention")
            return
        segments, messages = self._segments, self._messages
        self._clear()
        self._segments, self._messages = segments, messages
        self._become("ESTABLISHED")
        self._owner.established(self)
        if self.wants:
            self._owner.ready(self)

    def _received_dm(self, final):
        if self.state == "RELEASING":
            self.abandon()
            self._owner.released(self, "")
        elif self.state == "ESTABLISHING" and final:
            self._fail("refused")
        elif self.state == "ESTABLISHED" and not final:
            self._fail("disconnected")

    def _received_information(self, control, info, more):
        if self.state != "ESTABLISHED":
            self._reply(DM | control & PF)
            return
        if not self._acknowledge(control >> 5):
            return
        if control >> 1 & 7 != self._vr:
            self._reply(self._vr << 5 | REJ | control & PF)
            return
        self._vr = self._vr + 1 & 7
        self._reply(self._vr << 5 | RR | control & PF)
        self._assemble(info, more)

    def _assemble(self, info, more):
        self._parts += info
        if len(self._parts) > LONGEST_L3:
            self._parts = b""
        elif not more:
            message, self._parts = self._parts, b""
            if message:
                self._owner.received(self, message)

    def _received_supervisory(self, is_command, control, info):
        if info:
            raise BadFrame("a supervisory frame has no information")
        kind = control & 0x0F
        if kind not in (RR, RNR, REJ):
            raise BadFrame("unknown supervisory frame")
        if self.state != "ESTABLISHED":
            return
        if is_command and control & PF:
            self._reply(self._vr << 5 | RR | PF)
        self._peer_busy = kind == RNR
        if self._acknowledge(control >> 5) and self._outstanding and kind == REJ:
            self._again = True
        if self.wants:
            self._owner.ready(self)

    def _acknowledge(self, nr):
        """Take N(R); False, and the link is lost, where it acknowledges what was never sent (5.7.4)."""
        if nr == self._vs:
            self._va = nr
            if self._outstanding:
                if not self._outstanding[1]:
                    self._messages.popleft()
                self._outstanding, self._again, self._attempts = None, False, 0
                self.timers.stop("T200")
                if self.wants:
                    self._owner.ready(self)
            return True
        if nr == self._va:
            return True
        self._fail("sequence error")
        return False
