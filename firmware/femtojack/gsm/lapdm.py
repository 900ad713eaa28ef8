"""LAPDm, network side (TS 44.006): the data link of one SAPI on one channel.

Sans-IO: `receive` takes the frame of an uplink block, `next` writes the frame for a downlink block when the baseband
asks for one, `step` runs T200. One I frame is outstanding at a time (k = 1). A frame is

    address  0 LPD(2)=0 SAPI(3) C/R EA=1     control  I, S or U format     length  L(6) M EL=1     L octets, padding

Frames that the standard calls invalid or out of sequence are counted in `errors` and have no other effect.
"""

from micropython import const

from femtojack.fsm import SharedFsm
from femtojack.ticks import Timer

MAX_MESSAGE = const(251)  # octets of a layer 3 message, TS 44.006 5.8.5 and TS 24.007
MAX_QUEUE = const(8)  # messages that wait in one link
HEAD = const(3)  # octets before the information

_FILL = const(0x2B)  # TS 44.006 5.2
_N200_OTHER = const(5)  # of SABM and DISC, TS 44.006 5.8.2

_SABM = const(0x2F)  # control octets without P/F, TS 44.006 table 4
_DM = const(0x0F)
_UI = const(0x03)
_DISC = const(0x43)
_UA = const(0x63)
_PF = const(0x10)
_RR = const(0x01)
_REJ = const(0x09)
_SUPERVISORY = ("rr", "rnr", "rej", None)  # by bits 4 and 3

IDLE = "IDLE"
ESTABLISHING = "ESTABLISHING"  # SABM sent
ESTABLISHED = "ESTABLISHED"
RECOVERY = "RECOVERY"  # T200 has expired, a response with F = 1 is awaited
RELEASING = "RELEASING"  # DISC sent

BY_PEER = const(0)  # why a link is down
CONFIRMED = const(1)
REFUSED = const(2)
T200_EXPIRED = const(3)  # N200 times


def fill(out):
    """Write the fill frame, TS 44.006 8.4.2.3: a UI command without information."""
    out[0], out[1], out[2] = 0x03, _UI, 0x01
    for i in range(HEAD, len(out)):
        out[i] = _FILL


def unit_data(frame):
    """The information of a phone's UI frame of SAPI 0; None if `frame` is none."""
    n = frame[2] >> 2
    if frame[0] != 0x01 or not is_unit_data(frame) or frame[2] & 3 != 1 or not 0 < n <= len(frame) - HEAD:
        return None
    return frame[HEAD : HEAD + n]


def is_unit_data(frame):
    """Whether a frame is UI; without information it is fill."""
    return frame[1] & ~_PF & 0xFF == _UI


def sapi(frame):
    return frame[0] >> 2 & 7


class Link:
    """One data link. `owner` hears of it:

    owner.established(link, info, now)   info: what the phone's SABM held, or None
    owner.received(link, message, now)   a whole message: a memoryview valid during the call
    owner.released(link, cause, now)     BY_PEER, CONFIRMED, REFUSED, T200_EXPIRED
    """

    def __init__(self, name, sapi, n201, t200, n200, owner, trace):
        self.sapi = sapi
        self._n201, self._t200_ms, self._n200 = n201, t200, n200
        self._owner = owner
        self._trace = trace
        self._fsm = SharedFsm(name, _TABLE, IDLE, trace, self)
        self._t200 = Timer()
        self._rx = bytearray(MAX_MESSAGE)
        self._rx_view = memoryview(self._rx)
        self._echo = bytearray(n201)
        self._echo_view = memoryview(self._echo)
        self._queue = []
        self.errors = 0
        self._reply = 0
        self._poll_final = 0  # P or F of the frame that is being received
        self._n_r = self._n_s = self._more = self._is_command = 0
        self._command = self._echo_n = 0
        self._clear()

    def _clear(self):
        """Sequence numbers and what hangs on them."""
        self._v_s = self._v_a = self._v_r = 0
        self._rx_n = 0
        self._overflow = False
        self._offset = 0  # in the message that is being sent
        self._attempts = 0
        self._acknowledgement = 0
        self._again = self._enquire = self._peer_busy = False

    @property
    def state(self):
        return self._fsm.state

    @property
    def deadline(self):
        return self._t200.deadline

    @property
    def unexpected(self):
        return self._fsm.unexpected

    # -- from layer 3 -------------------------------------------------------------------------------------------------

    def send(self, message, now):
        """Queue `message` (1..251 octets); a link that is idle is established first. False: it cannot be taken."""
        if not 0 < len(message) <= MAX_MESSAGE or len(self._queue) >= MAX_QUEUE or self.state == RELEASING:
            return False
        if self.state == IDLE:
            self._fsm.dispatch("establish", None, now)
        self._queue.append(message)
        return True

    def release(self, now):
        """Disconnect."""
        self._fsm.dispatch("release", None, now)

    def reset(self):
        """Forget everything, without a word to either side."""
        self._t200.stop()
        self._queue.clear()
        self._clear()
        self._reply = self._command = self._echo_n = 0
        if self.state != IDLE:
            self._fsm.go(IDLE)

    # -- downlink -----------------------------------------------------------------------------------------------------

    def next(self, out, now):
        """Write the next frame into `out`, as long as a block of the channel. False: there is none."""
        if self._reply:
            self._write_reply(out)
        elif self._acknowledgement and not self._can_piggyback():
            self._write(out, 0, self._acknowledgement | self._v_r << 5, 0, 0)
            self._acknowledgement = 0
        elif self._command:
            self._write(out, 1, self._command | _PF, 0, 0)
            self._command = 0
            self._t200.start(now, self._t200_ms)
        elif self._enquire:
            self._enquire = False
            self._write(out, 1, _RR | _PF | self._v_r << 5, 0, 0)
            self._t200.start(now, self._t200_ms)
        elif self._has_information():
            self._write_information(out, now)
        else:
            return False
        return True

    def _write(self, out, command, control, n, more):
        """Head and padding around `n` octets of information. From the network a command has C/R = 1, 3.3.2."""
        out[0] = self.sapi << 2 | command << 1 | 1
        out[1] = control
        out[2] = n << 2 | more << 1 | 1
        for i in range(HEAD + n, len(out)):
            out[i] = _FILL

    def _write_reply(self, out):
        control, self._reply = self._reply, 0
        n = self._echo_n if control & ~_PF == _UA else 0
        for i in range(n):
            out[HEAD + i] = self._echo[i]
        self._write(out, 0, control, n, 0)

    def _can_piggyback(self):
        return self._acknowledgement == _RR and self._has_information()

    def _has_information(self):
        if self.state == RECOVERY:
            return self._again
        return (
            self.state == ESTABLISHED
            and len(self._queue) > 0
            and not self._peer_busy
            and (self._again or self._v_s == self._v_a)
        )

    def _write_information(self, out, now):
        message, at = self._queue[0], self._offset
        n = min(len(message) - at, self._n201)
        for i in range(n):
            out[HEAD + i] = message[at + i]
        poll = _PF if self.state == RECOVERY else 0
        self._write(out, 1, self._v_r << 5 | poll | self._v_a << 1, n, at + n < len(message))
        self._v_s = self._v_a + 1 & 7
        self._again = False
        self._acknowledgement = 0
        self._t200.start(now, self._t200_ms)

    # -- uplink -------------------------------------------------------------------------------------------------------

    def receive(self, frame, now):
        """A frame of this SAPI came in an uplink block."""
        n = frame[2] >> 2
        event = None
        if frame[0] & 0xE1 == 0x01 and frame[2] & 1 and n <= self._n201 and HEAD + n <= len(frame):
            self._more = frame[2] >> 1 & 1
            self._is_command = not frame[0] & 2
            event = self._event(frame[1], n)
        if event:
            self._fsm.dispatch(event, frame[HEAD : HEAD + n], now)
        else:
            self.errors += 1

    def _event(self, control, n):
        """What a control octet with `n` octets of information is; None: it is invalid."""
        self._poll_final = control & _PF
        self._n_r, self._n_s = control >> 5, control >> 1 & 7
        if not control & 1:
            full = n == self._n201 if self._more else n > 0
            return "i" if self._is_command and full else None
        if self._more or (n and control & ~_PF != _SABM):
            return None
        if not control & 2:
            return _SUPERVISORY[control >> 2 & 3]
        control &= ~_PF
        if self._is_command:
            return "sabm" if control == _SABM else "disc" if control == _DISC else None
        return "ua" if control == _UA else "dm" if control == _DM else None

    def step(self, now):
        if self._t200.due(now):
            self._fsm.dispatch("t200", None, now)

    # -- states -------------------------------------------------------------------------------------------------------

    def _in_idle(self, event, info, now):
        if event == "sabm":
            self._accept(info, now)
        elif event == "establish":
            self._fsm.go(ESTABLISHING)
            self._clear()
            self._echo_n = 0
            self._command = _SABM
        elif event == "disc" or (self._is_command and self._poll_final):
            self._respond(_DM)

    def _in_establishing(self, event, info, now):
        if event == "ua" and self._poll_final:
            self._t200.stop()
            self._clear()
            self._fsm.go(ESTABLISHED)
            self._owner.established(self, None, now)
        elif event == "dm" and self._poll_final:
            self._down(REFUSED, now)
        elif event == "sabm":  # both at once, 5.4.5.1: it stays for the answer to ours
            self._respond(_UA)
        elif event == "disc":
            self._respond(_DM)
        elif event == "release":
            self._disconnect()
        elif event == "t200":
            self._command_again(_SABM, now)

    def _in_established(self, event, info, now):
        if event == "i":
            self._information(info, now)
        elif event in ("rr", "rnr", "rej"):
            self._supervisory(event, now)
        elif event == "t200":
            self._expired(now)
        elif event == "sabm":
            self._established_again(info, now)
        elif event == "disc":
            self._respond(_UA)
            self._echo_n = 0
            self._down(BY_PEER, now)
        elif event == "dm" and self.state == RECOVERY and self._poll_final:
            self._down(REFUSED, now)
        elif event == "release":
            self._disconnect()

    def _in_releasing(self, event, info, now):
        if event in ("ua", "dm") and self._poll_final:
            self._down(CONFIRMED, now)
        elif event == "disc":
            self._respond(_UA)
        elif event == "sabm":
            self._respond(_DM)
        elif event == "t200":
            self._command_again(_DISC, now)

    # -- what the states do -------------------------------------------------------------------------------------------

    def _respond(self, control):
        self._reply = control | self._poll_final

    def _accept(self, info, now):
        """Take the phone's SABM; its information comes back in the UA, contention resolution of 5.4.1.4."""
        n = self._echo_n = len(info) if self.sapi == 0 else 0
        for i in range(n):
            self._echo[i] = info[i]
        self._clear()
        self._respond(_UA)
        self._fsm.go(ESTABLISHED)
        self._owner.established(self, self._echo_view[:n] if n else None, now)

    def _established_again(self, info, now):
        """SABM while established: our UA was lost, another phone is on the channel, or the phone starts anew."""
        n = len(info)
        if n and self.sapi == 0:
            if n == self._echo_n and info == self._echo_view[:n]:
                self._respond(_UA)
            return
        anew = self._echo_n or self._v_r or self._v_a
        self._echo_n = 0
        self._t200.stop()
        self._clear()
        self._respond(_UA)
        if self.state == RECOVERY:
            self._fsm.go(ESTABLISHED)
        if anew:
            self._owner.established(self, None, now)

    def _disconnect(self):
        self._t200.stop()
        self._queue.clear()
        self._clear()
        self._fsm.go(RELEASING)
        self._command = _DISC

    def _command_again(self, command, now):
        self._attempts += 1
        if self._attempts > _N200_OTHER:
            self._down(T200_EXPIRED, now)
        else:
            self._command = command

    def _down(self, cause, now):
        self._t200.stop()
        self._queue.clear()
        self._clear()
        self._command = 0
        self._fsm.go(IDLE)
        self._owner.released(self, cause, now)

    def _information(self, info, now):
        """5.5.2, 5.7.1. What k = 1 lets be repeated is acknowledged again; the rest is rejected."""
        if not self._acknowledge():
            return
        if self._n_s == self._v_r:
            self._v_r = self._v_r + 1 & 7
            self._answer(_RR)
            self._append(info, now)
        elif self._n_s + 1 & 7 == self._v_r:
            self._answer(_RR)
        else:
            self.errors += 1
            self._answer(_REJ)

    def _answer(self, control):
        """Owe an S frame, with F = 1 if any of what it answers asked for it."""
        self._acknowledgement = control | self._poll_final | self._acknowledgement & _PF

    def _append(self, info, now):
        """Put a segment to its message, and hand over the whole."""
        n = self._rx_n
        if n + len(info) > MAX_MESSAGE:
            self._overflow = True
        else:
            for i in range(len(info)):
                self._rx[n + i] = info[i]
            self._rx_n = n = n + len(info)
        if self._more:
            return
        self._rx_n = 0
        if self._overflow:
            self._overflow = False
            self.errors += 1
        else:
            self._owner.received(self, self._rx_view[:n], now)

    def _supervisory(self, event, now):
        if not self._acknowledge():
            return
        self._peer_busy = event == "rnr"
        if self._is_command:
            if self._poll_final:
                self._answer(_RR)
        elif self.state == RECOVERY and self._poll_final:
            self._t200.stop()
            self._attempts = 0
            self._fsm.go(ESTABLISHED)
            self._again = self._v_s != self._v_a
        if self.state == ESTABLISHED:
            if event == "rej" and self._v_s != self._v_a:
                self._again = True
            if self._peer_busy:
                self._t200.start(now, self._t200_ms)

    def _acknowledge(self):
        """Take N(R). False: it acknowledges what was never sent (5.7.4); the frame counts for nothing."""
        if self._n_r == self._v_s:
            if self._v_a != self._v_s:
                self._v_a = self._v_s
                self._segment_done()
        elif self._n_r != self._v_a:
            self.errors += 1
            return False
        return True

    def _segment_done(self):
        """With k = 1 nothing is outstanding now, so recovery has served; some phones never answer its question."""
        self._again = self._enquire = False
        self._t200.stop()
        self._attempts = 0
        if self.state == RECOVERY:
            self._fsm.go(ESTABLISHED)
        self._offset += self._n201
        if self._offset >= len(self._queue[0]):
            self._queue.pop(0)
            self._offset = 0

    def _expired(self, now):
        """T200, 5.5.7: the I frame again with P = 1, or, where none is outstanding, a question."""
        self._attempts += 1
        if self._attempts > self._n200:
            self._down(T200_EXPIRED, now)
            return
        if self.state == ESTABLISHED:
            self._fsm.go(RECOVERY)
        self._again = self._v_s != self._v_a and not self._peer_busy
        self._enquire = not self._again


_IDLE_EVENTS = ("sabm", "disc", "ua", "dm", "i", "rr", "rnr", "rej", "establish")
_COMMANDED = ("sabm", "disc", "ua", "dm", "i", "rr", "rnr", "rej", "t200")
_ANY = ("sabm", "disc", "ua", "dm", "i", "rr", "rnr", "rej", "t200", "release")
_TABLE = {
    IDLE: (_IDLE_EVENTS, (ESTABLISHING, ESTABLISHED), Link._in_idle),
    ESTABLISHING: (_ANY, (ESTABLISHED, RELEASING, IDLE), Link._in_establishing),
    ESTABLISHED: (_ANY, (RECOVERY, RELEASING, IDLE), Link._in_established),
    RECOVERY: (_ANY, (ESTABLISHED, RELEASING, IDLE), Link._in_established),
    RELEASING: (_COMMANDED, (IDLE,), Link._in_releasing),
}
