"""Mobility management, the phone's side (TS 24.008 4): registration, authentication, connections for calls, short
messages and supplementary services."""

from collections import deque

from femtohost.peers import gsm_l3 as l3
from femtohost.peers import gsm_rr as rr
from femtohost.peers.gsm_text import unpack
from femtohost.peers.gsm_timers import Timers

# Message types (TS 24.008 10.4)
IMSI_DETACH, UPDATE_ACCEPT, UPDATE_REJECT, UPDATE_REQUEST = 0x01, 0x02, 0x04, 0x08
AUTH_REJECT, AUTH_REQUEST, AUTH_RESPONSE = 0x11, 0x12, 0x14
IDENTITY_REQUEST, IDENTITY_RESPONSE, TMSI_COMMAND, TMSI_COMPLETE = 0x18, 0x19, 0x1A, 0x1B
SERVICE_ACCEPT, SERVICE_REJECT, SERVICE_ABORT, SERVICE_REQUEST = 0x21, 0x22, 0x23, 0x24
MM_STATUS, MM_INFORMATION, ABORT = 0x31, 0x32, 0x29

NORMAL, PERIODIC, ATTACH = 0, 1, 2  # location updating type (10.5.3.5)
SERVICE_CALL, SERVICE_EMERGENCY, SERVICE_SMS, SERVICE_SS = 1, 2, 4, 8  # CM service type (10.5.3.3)
REASONS = {SERVICE_CALL: rr.CALL, SERVICE_EMERGENCY: rr.EMERGENCY, SERVICE_SMS: rr.OTHER, SERVICE_SS: rr.OTHER}
MESSAGE_TYPE_UNKNOWN = 0x61
FORBIDDING = (2, 3, 6, 11, 12, 13)  # causes after which the phone does not try again (4.4.4.7)

T3210_S, T3211_S, T3213_S, T3220_S, T3230_S, T3240_S = 20, 15, 4, 5, 15, 10
ATTEMPTS = 4
SEQUENCED = (l3.MM, l3.CC, l3.SS)  # their messages carry N(SD) (TS 24.007 11.2.3.2)


class Mobility:
    """One phone's. `registered` and `refused` (the last cause, or None) tell how the registration went.

    users: {protocol discriminator: user}: `received(message)`, `released(why)`, `granted()`, `refused(cause)`.
    on_change(): the registration has changed.
    """

    def __init__(self, clock, air, rng, sim, imei, arfcn, habits):
        self._clock, self._rng, self.sim, self.imei, self.habits = clock, rng, sim, imei, habits
        self.rr = rr.RadioResources(clock, air, rng, self, arfcn)
        self.timers = Timers(clock)
        self.users = {}
        self.registered, self.refused = False, None
        self.network_name = ""
        self.on_change = lambda: None
        self._messages = {
            UPDATE_ACCEPT: self._on_update_accept, UPDATE_REJECT: self._on_update_reject,
            AUTH_REQUEST: self._on_auth_request, AUTH_REJECT: self._on_auth_reject,
            IDENTITY_REQUEST: self._on_identity_request, TMSI_COMMAND: self._on_tmsi,
            SERVICE_ACCEPT: self._on_accept, SERVICE_REJECT: self._on_reject, MM_INFORMATION: self._on_information,
            MM_STATUS: self._on_status, ABORT: self._on_abort,
        }  # fmt: skip
        self._clear()

    def _clear(self):
        self._wishes = deque()  # what waits for its turn: (reason, first message, done)
        self._current = None
        self._service = None  # the user that waits for CM SERVICE ACCEPT
        self._sequence = 0
        self._attempts = 0
        self._detaching = False

    # -- power ----------------------------------------------------------------------------------------------------

    def power_on(self):
        self._attached = False
        self.rr.start()

    def power_off(self):
        """IMSI detach where the cell wants it, then off (4.3.4)."""
        for user in self.users.values():
            user.released("power off")
        self.timers.stop_all()
        if self.registered and self.rr.state == "IDLE" and self.rr.cell.attach:
            self._detaching = True
            self.timers.start("T3220", T3220_S, self._off)
            self.rr.connect(rr.OTHER, self._detach())
        else:
            self._off()

    def _detach(self):
        return bytes((l3.MM, IMSI_DETACH)) + l3.CLASSMARK_1 + l3.lv(self.sim.identity())

    def pull_battery(self):
        """Off without a word."""
        for user in self.users.values():
            user.released("power off")
        self._off()

    def _off(self):
        self.timers.stop_all()
        self.rr.stop()
        self._clear()
        self._register(False)

    def _register(self, registered, cause=None):
        self.registered, self.refused = registered, cause
        self.on_change()

    @property
    def idle(self):
        return self.rr.state == "IDLE" and not self._wishes

    # -- wishes ---------------------------------------------------------------------------------------------------

    def _wish(self, reason, message, done):
        """Once there is a channel of its own, send `message`; `done(why)` where there is none to be had."""
        self._wishes.append((reason, message, done))
        self._next()

    def _next(self):
        if self.rr.state == "IDLE" and self._wishes and not self.timers.runs("T3122"):
            self._current = self._wishes.popleft()
            self._sequence = 0
            reason, message, _ = self._current
            self.rr.connect(reason, self._numbered(message()))

    def _numbered(self, message):
        """With N(SD), where the protocol has it."""
        if message[0] & 15 not in SEQUENCED:
            return message
        kind = message[1] & 0xBF | self._sequence << 6
        self._sequence ^= 1
        return message[:1] + bytes((kind,)) + message[2:]

    def send(self, message, sapi=0):
        self.rr.send(self._numbered(message), sapi)

    # -- registration ---------------------------------------------------------------------------------------------

    def update(self, kind=NORMAL):
        """Location update (4.4)."""
        if not any(wish[0] == rr.UPDATE for wish in self._wishes):
            self._wish(rr.UPDATE, lambda: self._update_request(kind), self._update_failed)

    def _update_request(self, kind):
        self.timers.start("T3210", T3210_S, lambda: self.rr.abort("T3210"))
        head = bytes((l3.MM, UPDATE_REQUEST, self.sim.cksn << 4 | kind)) + self.sim.area
        return head + l3.CLASSMARK_1 + l3.lv(self.sim.identity())

    def _update_failed(self, why):
        """4.4.4.9: again soon; after four attempts with the next periodic one."""
        self.timers.stop("T3210")
        self._attempts += 1
        if self._attempts < ATTEMPTS:
            timer, seconds = ("T3211", T3211_S) if why == "T3210" else ("T3213", T3213_S * (0.5 + self._rng.random()))
            self.timers.start(timer, seconds, self.update)
        else:
            self._attempts = 0
            self._start_periodic(60)

    def _start_periodic(self, otherwise=0):
        seconds = self.rr.cell.update_s or otherwise
        if seconds:
            self.timers.start("T3212", seconds, lambda: self.update(PERIODIC if self.registered else NORMAL))

    def _on_update_accept(self, reader):
        self.sim.area = reader.take(5)
        identity = reader.elements({}).get(0x17)
        self._attempts = 0
        self.timers.stop("T3210", "T3211", "T3213")
        if identity is not None:
            self._take_identity(identity)
        self._start_periodic()
        self._register(True)

    def _take_identity(self, value):
        kind, tmsi = l3.read_identity(value)
        if kind == l3.TMSI:
            self.sim.tmsi = tmsi
            self.send(bytes((l3.MM, TMSI_COMPLETE)))
        else:
            self.sim.tmsi = None

    def _on_update_reject(self, reader):
        cause = reader.octet()
        self.timers.stop("T3210")
        if cause in FORBIDDING:
            self.sim.forget()
        else:
            self.timers.start("T3211", T3211_S, self.update)
        self._register(False, cause)

    # -- services of the layers above -----------------------------------------------------------------------------

    def request(self, service, user, joined=False):
        """A connection for `user`: `granted()` or `refused(cause)` follows; cause None: no channel.

        On the present channel if that is in use, by another or, `joined`, by `user` itself: one in use by nobody is
        about to be released (WAIT FOR NETWORK COMMAND, 4.5.1.1).
        """
        in_use = joined or any(other.active for other in self.users.values() if other is not user)
        if self.rr.state == "DEDICATED" and in_use:
            self._ask(service, user)
            self.send(self._service_request(service))
        else:
            self._wish(REASONS[service], lambda: self._first_request(service, user), lambda why: user.refused(None))

    def _first_request(self, service, user):
        self._ask(service, user)
        return self._service_request(service)

    def _ask(self, service, user):
        self._service = user
        self.timers.start("T3230", T3230_S, lambda: self._service_over(None))

    def _service_request(self, service):
        head = bytes((l3.MM, SERVICE_REQUEST, self.sim.cksn << 4 | service))
        return head + l3.lv(l3.CLASSMARK_2) + l3.lv(self.sim.identity())

    def _service_over(self, cause):
        user, self._service = self._service, None
        self.timers.stop("T3230")
        if user:
            user.refused(cause)

    def _granted(self):
        user, self._service = self._service, None
        self.timers.stop("T3230")
        if user:
            user.granted()

    # -- from radio resources -------------------------------------------------------------------------------------

    def camped(self):
        cell, sim = self.rr.cell, self.sim
        if cell.area != sim.area or not (self.registered or cell.attach):
            self.update(NORMAL)
        elif not self._attached:
            self.update(ATTACH)
        elif not self.registered:
            self._register(True)
        self._attached = True
        self._next()

    def lost_cell(self):
        self._register(False)

    def is_me(self, identity):
        kind, value = identity
        if "ignore paging" in self.habits:
            return False
        return (kind == l3.IMSI and value == self.sim.imsi) or (kind == l3.TMSI and value == self.sim.tmsi)

    def paged(self, identity):
        head = bytes((l3.RR, rr.PAGING_RESPONSE, self.sim.cksn))
        answer = head + l3.lv(l3.CLASSMARK_2) + l3.lv(self._paged_as(identity))
        self._sequence = 0
        self._current = (rr.ANSWER, None, lambda why: None)
        self.rr.connect(rr.ANSWER, answer)

    def _paged_as(self, identity):
        return l3.identity(*identity)

    def rr_connected(self):
        self.timers.start("T3240", T3240_S, self._nobody_spoke)
        if self._detaching:
            self.timers.start("T3220", T3220_S, self._off)

    def _nobody_spoke(self):
        """T3240: a channel on which nothing happens is left, unless a user still needs it (4.5.3.1)."""
        if not any(user.active for user in self.users.values()):
            self.rr.abort("T3240")

    def rr_failed(self, why, wait=0):
        if self._detaching:
            self._off()
            return
        if wait:
            self.timers.start("T3122", wait, self._next)
            self._wishes.appendleft(self._current)
            return
        self._service = None
        self.timers.stop("T3230")
        self._end_current(why or "no channel")

    def _end_current(self, why):
        current, self._current = self._current, None
        if current and why:
            current[2](why)
        self._next()

    def secured(self):
        """Ciphering is on: as good as CM SERVICE ACCEPT (4.5.1.1)."""
        if self._service:
            self._granted()

    def rr_released(self, why):
        self.timers.stop("T3240", "T3230")
        if self._detaching:
            self._off()
            return
        service, self._service = self._service, None
        if service:
            service.refused(None)
        for user in self.users.values():
            user.released(why or "channel released")
        updating = self.timers.runs("T3210") or why == "T3210"
        self.timers.stop("T3210")
        self._end_current(why or "released" if updating else "")

    def rr_received(self, sapi, message):
        discriminator = message[0] & 15
        self.timers.stop("T3240")
        try:
            if discriminator == l3.MM:
                self._received(message)
            elif discriminator in self.users:
                self.users[discriminator].received(message)
        except (l3.BadMessage, IndexError):
            self.rr.bad_messages += 1

    def sapi3(self, up, why):
        if l3.SMS in self.users:
            self.users[l3.SMS].link(up, why)

    def speech(self, frame):
        if l3.CC in self.users:
            self.users[l3.CC].speech(frame)

    def imeisv(self):
        return l3.identity(l3.IMEISV, self.imei[:14] + "00")

    # -- messages -------------------------------------------------------------------------------------------------

    def _received(self, message):
        handler = self._messages.get(message[1] & 0xBF)
        if handler:
            handler(l3.Reader(message, 2))
        else:
            self.send(bytes((l3.MM, MM_STATUS, MESSAGE_TYPE_UNKNOWN)))

    def _on_auth_request(self, reader):
        cksn, rand = reader.octet() & 7, reader.take(16)
        sres = self.sim.authenticate(rand, cksn)
        if "bad sres" in self.habits:
            sres = bytes(octet ^ 0xFF for octet in sres)
        self.send(bytes((l3.MM, AUTH_RESPONSE)) + sres)

    def _on_auth_reject(self, reader):
        self.sim.forget()
        self.timers.stop("T3210")
        self._register(False, 6)

    def _on_identity_request(self, reader):
        kind = reader.octet() & 7
        known = {l3.IMSI: self.sim.imsi, l3.IMEI: self.imei, l3.IMEISV: self.imei[:14] + "00", l3.TMSI: self.sim.tmsi}
        value = l3.identity(kind, known[kind]) if known.get(kind) else bytes((0xF0,))
        self.send(bytes((l3.MM, IDENTITY_RESPONSE)) + l3.lv(value))

    def _on_tmsi(self, reader):
        self.sim.area = reader.take(5)
        self._take_identity(reader.lv())

    def _on_accept(self, reader):
        self._granted()

    def _on_reject(self, reader):
        self._service_over(reader.octet())

    def _on_information(self, reader):
        elements = reader.elements({0x46: 1, 0x47: 7})
        self.network_name = seven_bit_name(elements.get(0x45) or elements.get(0x43) or b"") or self.network_name

    def _on_status(self, reader):
        reader.octet()

    def _on_abort(self, reader):
        self.rr.abort("the network aborted")


def seven_bit_name(value):
    """The text of a NETWORK NAME (10.5.3.5a) in the default alphabet."""
    if len(value) < 2 or value[0] & 0x70:
        return ""
    spare = value[0] & 7
    return unpack(value[1:], (8 * (len(value) - 1) - spare) // 7)
