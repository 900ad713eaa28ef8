"""Call control, the phone's side (TS 24.008 5): calls, DTMF, hold."""

from collections import deque

from femtohost.peers import gsm_l3 as l3
from femtohost.peers.gsm_mm import SERVICE_CALL, SERVICE_EMERGENCY
from femtohost.peers.gsm_timers import Timers

# Message types (TS 24.008 10.4, table 10.3)
ALERTING, CALL_PROCEEDING, PROGRESS, SETUP, CONNECT, CALL_CONFIRMED = 0x01, 0x02, 0x03, 0x05, 0x07, 0x08
EMERGENCY_SETUP, CONNECT_ACK = 0x0E, 0x0F
HOLD, HOLD_ACK, HOLD_REJECT, RETRIEVE, RETRIEVE_ACK, RETRIEVE_REJECT = 0x18, 0x19, 0x1A, 0x1C, 0x1D, 0x1E
DISCONNECT, RELEASE_COMPLETE, RELEASE = 0x25, 0x2A, 0x2D
STOP_DTMF, STOP_DTMF_ACK, STATUS_ENQUIRY = 0x31, 0x32, 0x34
START_DTMF, START_DTMF_ACK, START_DTMF_REJECT = 0x35, 0x36, 0x37
STATUS, NOTIFY = 0x3D, 0x3E

# Causes (10.5.4.11)
NORMAL_CLEARING, USER_BUSY, NO_ANSWER, CALL_REJECTED = 16, 17, 19, 21
INVALID_TI, UNKNOWN_TYPE, RECOVERY, NO_SERVICE = 81, 97, 102, 63

# States by their meaning, with the standard's numbers (10.5.4.6)
STATES = {
    "NULL": 0, "ASKING": 0, "INITIATED": 1, "PROCEEDING": 3, "ALERTING": 4, "PRESENT": 6, "RINGING": 7,
    "ANSWERED": 8, "CONFIRMED": 9, "ACTIVE": 10, "DISCONNECTING": 11, "RELEASING": 19,
}  # fmt: skip
WITH_DTMF = ("ACTIVE",)
T303_S, T305_S, T308_S, T310_S, T313_S = 30, 30, 30, 30, 30
T336_S, TONE_S = 10, 0.12
MOST_TIS = 7
SETUP_FIXED = {0x34: 1}  # the signal element of a call that waits (10.5.4.23)


class Call:
    """One call. `state`, `number` (the other's), `cause` (of its end), `held`; `dtmf` are the keys acknowledged,
    `dtmf_refused` those that were not."""

    def __init__(self, calls, ti, outgoing, number, emergency=False):
        self._calls, self.ti, self.outgoing, self.number = calls, ti, outgoing, number
        self.emergency = emergency
        self.state = "NULL"
        self.timers = Timers(calls.clock)
        self.cause = None
        self.held = False
        self.dtmf = self.dtmf_refused = ""
        self._keys = deque()
        self._key = None
        self._messages = {
            CALL_PROCEEDING: self._on_proceeding, ALERTING: self._on_alerting, CONNECT: self._on_connect,
            CONNECT_ACK: self._on_connect_ack, DISCONNECT: self._on_disconnect, RELEASE: self._on_release,
            RELEASE_COMPLETE: self._on_release_complete, START_DTMF_ACK: self._key_started,
            STOP_DTMF_ACK: self._key_stopped, START_DTMF_REJECT: self._key_refused, HOLD_ACK: self._on_held,
            RETRIEVE_ACK: self._on_retrieved, HOLD_REJECT: self._on_refused, RETRIEVE_REJECT: self._on_refused,
        }  # fmt: skip

    @property
    def habits(self):
        return self._calls.habits

    def _become(self, state):
        self.state = state
        self._calls.changed(self)

    def send(self, kind, rest=b""):
        flag = 0 if self.outgoing else 0x80
        self._calls.mm.send(bytes((flag | self.ti << 4 | l3.CC, kind)) + rest)

    # -- what the user does ---------------------------------------------------------------------------------------

    def begin(self):
        self._become("ASKING")
        service = SERVICE_EMERGENCY if self.emergency else SERVICE_CALL
        self._calls.mm.request(service, self._calls, self._calls.engaged(self))

    def granted(self):
        self._become("INITIATED")
        self.timers.start("T303", T303_S, lambda: self.clear(RECOVERY))
        if self.emergency:
            self.send(EMERGENCY_SETUP, l3.BEARER_FULL_RATE)
        else:
            self.send(SETUP, l3.BEARER_FULL_RATE + l3.called_number(self.number) + l3.CC_CAPABILITIES)

    def answer(self):
        """Lift: CONNECT."""
        if self.state == "RINGING":
            self._become("ANSWERED")
            self.timers.start("T313", T313_S, lambda: self.clear(RECOVERY))
            self.send(CONNECT)

    def clear(self, cause=NORMAL_CLEARING):
        """Hang up, in whatever state it is."""
        if self.state in ("NULL", "DISCONNECTING", "RELEASING"):
            return
        if self.state == "ASKING":
            self.end(cause)
            self._calls.mm.rr.abort("given up")
            return
        self.cause = cause
        self._stop()
        self._become("DISCONNECTING")
        self.timers.start("T305", T305_S, lambda: self._release(cause))
        self.send(DISCONNECT, l3.cause(cause))

    def press(self, keys):
        """Key digits; each is sent once the one before it has been acknowledged."""
        self._keys += keys
        if self._key is None:
            self._next_key()

    def hold(self):
        self.send(HOLD)

    def retrieve(self):
        self.send(RETRIEVE)

    # -- ends -----------------------------------------------------------------------------------------------------

    def end(self, cause):
        """It is over, here and there."""
        self._stop()
        self.cause = cause if self.cause is None else self.cause
        self._become("NULL")
        self._calls.forget(self)

    def _stop(self):
        self.timers.stop_all()
        self._keys.clear()
        self._key = None

    def _release(self, cause):
        self.cause = cause
        self._stop()
        self._become("RELEASING")
        self.send(RELEASE, l3.tlv(0x08, l3.cause(cause)[1:]))
        self.timers.start("T308", T308_S, lambda: self.end(cause))

    # -- DTMF (5.5.7) ---------------------------------------------------------------------------------------------

    def _next_key(self):
        self._key = self._keys.popleft() if self._keys and self.state in WITH_DTMF else None
        if self._key:
            self.send(START_DTMF, bytes((0x2C, ord(self._key))))
            self.timers.start("T336", T336_S, lambda: self._key_refused(None))

    def _key_started(self, reader):
        if self._key:
            self.timers.stop("T336")
            self.timers.start("tone", TONE_S, self._end_key)

    def _end_key(self):
        self.send(STOP_DTMF)
        self.timers.start("T337", T336_S, lambda: self._key_refused(None))

    def _key_stopped(self, reader):
        if self._key:
            self.timers.stop("T337")
            self.dtmf += self._key
            self._next_key()

    def _key_refused(self, reader):
        if self._key:
            self.timers.stop("T336", "T337", "tone")
            self.dtmf_refused += self._key
            self._next_key()

    # -- messages -------------------------------------------------------------------------------------------------

    def received(self, kind, reader):
        handler = self._messages.get(kind)
        if handler:
            handler(reader)
        elif kind == STATUS_ENQUIRY:
            self._status(30)  # response to STATUS ENQUIRY
        elif kind not in (STATUS, NOTIFY, PROGRESS):
            self._status(UNKNOWN_TYPE)

    def _status(self, cause):
        self.send(STATUS, l3.cause(cause) + bytes((0xC0 | STATES[self.state],)))

    def _on_proceeding(self, reader):
        if self.state == "INITIATED":
            self.timers.stop("T303")
            self.timers.start("T310", T310_S, lambda: self.clear(RECOVERY))
            self._become("PROCEEDING")

    def _on_alerting(self, reader):
        if self.state in ("INITIATED", "PROCEEDING"):
            self.timers.stop("T303", "T310")
            self._become("ALERTING")

    def _on_connect(self, reader):
        if self.state in ("INITIATED", "PROCEEDING", "ALERTING"):
            self.timers.stop("T303", "T310")
            if "no connect ack" not in self.habits:
                self.send(CONNECT_ACK)
            self._become("ACTIVE")

    def _on_connect_ack(self, reader):
        if self.state == "ANSWERED":
            self.timers.stop("T313")
            self._become("ACTIVE")

    def _on_disconnect(self, reader):
        if self.state not in ("NULL", "RELEASING") and "no release" not in self.habits:
            self._release(l3.read_cause(reader.lv()))

    def _on_release(self, reader):
        value = reader.elements().get(0x08)
        self.send(RELEASE_COMPLETE)
        self.end(l3.read_cause(value) if value else NORMAL_CLEARING)

    def _on_release_complete(self, reader):
        value = reader.elements().get(0x08)
        self.end(l3.read_cause(value) if value else NORMAL_CLEARING)

    def _on_held(self, reader):
        self.held = True

    def _on_retrieved(self, reader):
        self.held = False

    def _on_refused(self, reader):
        pass

    # -- an incoming one ------------------------------------------------------------------------------------------

    def arrive(self, reader):
        """SETUP: confirm, and ring (5.2.2)."""
        calling = reader.elements(SETUP_FIXED).get(0x5C)
        self.number = l3.read_number(calling) if calling else ""
        self._become("PRESENT")
        if self._calls.engaged(self) and not self._calls.call_waiting:
            self.cause = USER_BUSY
            self.send(RELEASE_COMPLETE, l3.tlv(0x08, l3.cause(USER_BUSY)[1:]))
            self.end(USER_BUSY)
            return
        self.send(CALL_CONFIRMED, l3.BEARER_FULL_RATE + l3.CC_CAPABILITIES)
        self._become("CONFIRMED")
        if "no alerting" not in self.habits:
            self.send(ALERTING)
            self._become("RINGING")


class Calls:
    """All calls of one phone. on_change(call): a state has changed. speech(frame) gets what is heard."""

    def __init__(self, clock, mm, habits):
        self.clock, self.mm, self.habits = clock, mm, habits
        self.calls = []
        self.last = None
        self.call_waiting = True
        self.on_change = lambda call: None
        self.speech = lambda frame: None

    @property
    def active(self):
        return bool(self.calls)

    def engaged(self, other):
        return any(call is not other for call in self.calls)

    def changed(self, call):
        self.last = call
        self.on_change(call)

    def forget(self, call):
        if call in self.calls:
            self.calls.remove(call)

    def dial(self, number, emergency=False):
        """A new call; the Call."""
        used = {call.ti for call in self.calls if call.outgoing}
        ti = next((ti for ti in range(MOST_TIS) if ti not in used), None)
        if ti is None:
            raise RuntimeError("all seven transaction identifiers are in use (TS 24.007 11.2.3.1.3)")
        call = Call(self, ti, True, number, emergency)
        self.calls.append(call)
        call.begin()
        return call

    # -- from mobility management ---------------------------------------------------------------------------------

    def granted(self):
        for call in self.calls:
            if call.state == "ASKING":
                call.granted()

    def refused(self, cause):
        for call in list(self.calls):
            if call.state == "ASKING":
                call.end(cause or NO_SERVICE)

    def released(self, why):
        """The channel is gone; calls that still wait for one stay."""
        for call in list(self.calls):
            if call.state != "ASKING" or why == "power off":
                call.end(RECOVERY)

    def received(self, message):
        outgoing, ti = bool(message[0] & 0x80), message[0] >> 4 & 7
        kind, reader = message[1] & 0x3F, l3.Reader(message, 2)
        call = next((call for call in self.calls if (call.ti, call.outgoing) == (ti, outgoing)), None)
        if call:
            call.received(kind, reader)
        elif kind == SETUP and not outgoing:
            call = Call(self, ti, False, "")
            self.calls.append(call)
            call.arrive(reader)
        elif kind not in (RELEASE_COMPLETE, STATUS):
            head = bytes((message[0] & 0x70 | (0 if outgoing else 0x80) | l3.CC, RELEASE_COMPLETE))
            self.mm.send(head + l3.tlv(0x08, l3.cause(INVALID_TI)[1:]))
