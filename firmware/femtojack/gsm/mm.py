"""Mobility management of one phone on its radio connection, network side (TS 24.008 4): a session.

It begins with the message in the phone's SABM. Then one thing after another is done that is still missing: to know
the phone, to admit it, to authenticate it, to cipher; then what the phone wants, or what the network wanted it for.
"""

from micropython import const

from femtojack.fsm import SharedFsm
from femtojack.gsm import l3
from femtojack.gsm.connections import Connection, Connections
from femtojack.gsm.rr import PHONE_DETACHED, RadioConnection
from femtojack.gsm.subscribers import Subscriber
from femtojack.ticks import Timer, earlier

_WAIT_MS = const(12000)  # T3250, T3260, T3270, TS 24.008 table 11.2
_CIPHERING_MS = const(12000)  # no name in the standard; nor has the next
_SILENCE_MS = const(15000)  # from CM SERVICE ACCEPT to the first message

STARTING = "STARTING"
IDENTIFYING = "IDENTIFYING"
AUTHENTICATING = "AUTHENTICATING"
CLASSMARK = "CLASSMARK"
CIPHERING = "CIPHERING"
REALLOCATING = "REALLOCATING"
READY = "READY"  # for MM connections
OVER = "OVER"

_TIMERS = {
    IDENTIFYING: b"T3270",
    AUTHENTICATING: b"T3260",
    CLASSMARK: b"CLASSMARK",
    CIPHERING: b"CIPHERING",
    REALLOCATING: b"T3250",
    READY: b"SILENCE",
}
_SERVICES = {  # protocol of each kind of CM service
    l3.SERVICE_CALL: l3.PD_CC,
    l3.SERVICE_EMERGENCY: l3.PD_CC,
    l3.SERVICE_SMS: l3.PD_SMS,
    l3.SERVICE_SS: l3.PD_SS,
}

_UPDATE = "update"  # what a session is for
_SERVICE = "service"
_PAGED = "paged"


class Session:
    """A phone on `channel`. `cell` is the femtojack.gsm.cell.Cell, `message` what it came with."""

    def __init__(self, cell, channel):
        self._cell = cell
        self._trace = cell.trace
        self.radio = RadioConnection(channel, cell.access, self, cell.trace)
        self.subscriber = None
        self.connections = Connections(self)
        self._fsm = SharedFsm("mm", _TABLE, STARTING, cell.trace, self)
        self._timer = Timer()
        self._purpose = ""
        self.served = False  # it has come to MM connections
        self._service = 0
        self._named_by = l3.NO_IDENTITY
        self._triplet = None
        self._authenticated = self._ciphered = self._asked_imei = False
        self._classmark_1 = 0
        self._classmark_2 = None  # bytes, once known

    @property
    def state(self):
        return self._fsm.state

    @property
    def over(self):
        return self._fsm.state == OVER

    # -- its end ------------------------------------------------------------------------------------------------------

    def close(self, now, cause=l3.RR_NORMAL):
        """End the radio connection, quietly for whoever still has a connection."""
        if not self.over:
            self._end()
            self.radio.release(now, cause)

    def close_unused(self, now):
        """End it if nobody has a connection any more, or waits for one."""
        if self.state == READY and not self.connections.any and not self._cell.awaits(self.subscriber):
            self.close(now)

    def abort(self, cause, now):
        """End it all; the users hear `cause`."""
        if not self.over:
            self.close(now)
            self.connections.lose(cause, now)

    def _end(self):
        self._timer.stop()
        self._fsm.go(OVER)

    # -- from the radio -----------------------------------------------------------------------------------------------

    def assigned(self, now):
        self.connections.assigned(now)

    def assignment_failed(self, cause, now):
        self.connections.assignment_failed(cause, now)

    def lost(self, cause, now):
        if not self.over:
            self._end()
            self.connections.lose(cause, now)

    def ciphered(self, message, now):
        self._fsm.dispatch("ciphered", message, now)

    def classmark(self, value, now):
        self._fsm.dispatch("classmark", value, now)

    def received(self, message, now):
        """A message that is not RR's."""
        if l3.pd(message) != l3.PD_MM:
            self._fsm.dispatch("message", message, now)
            return
        event = _EVENTS.get(l3.message_type(message))
        if event:
            self._fsm.dispatch(event, message, now)
        else:
            self.radio.send(l3.mm_status(l3.UNKNOWN_TYPE), now)

    def step(self, now):
        """Run what is due."""
        self.radio.step(now)
        if self._timer.due(now):
            self._trace("gsm.timer", _TIMERS[self.state])
            self._fsm.dispatch("timeout", None, now)

    def deadline(self, now):
        """The next one or None."""
        return earlier(self.radio.deadline(now), self._timer.deadline)

    # -- the first message --------------------------------------------------------------------------------------------

    def begin(self, message, now):
        """What the phone came with."""
        discriminator, kind = l3.pd(message), l3.message_type(message)
        if discriminator == l3.PD_RR and kind == l3.PAGING_RESPONSE:
            self._begin_paged(message, now)
        elif discriminator != l3.PD_MM or kind not in _FIRST:
            self.close(now, l3.RR_PROTOCOL_ERROR)
        else:
            _FIRST[kind](self, message, now)

    def _begin_updating(self, message, now):
        """Location updating, TS 24.008 4.4."""
        self._purpose = _UPDATE
        kind, who = self._name(l3.lv(message, 9))
        if kind == l3.NO_IDENTITY or message[2] & 3 > l3.UPDATE_ATTACH:
            self._decline(l3.INVALID_MANDATORY, now)
            return
        self._classmark_1 = message[8]
        if kind == l3.IMSI:
            self._know(who, now)
        elif kind == l3.TMSI and message[3:8] == self._cell.lai:
            self.subscriber = self._cell.subscribers.find(tmsi=who)
        self._advance(now)

    def _begin_service(self, message, now):
        """CM service, TS 24.008 4.5.1."""
        self._purpose = _SERVICE
        classmark = l3.lv(message, 3)
        kind, who = self._name(l3.lv(message, l3.after_lv(message, 3)))
        if kind == l3.NO_IDENTITY or not classmark:
            self._decline(l3.INVALID_MANDATORY, now)
            return
        self._take_classmark(classmark)
        self._service = message[2] & 15
        self.subscriber = self._find(kind, who)
        if self._service == l3.SERVICE_EMERGENCY:
            self._begin_emergency(kind, who, now)
        elif self.subscriber is None or not self.subscriber.registered:
            self._decline(l3.IMSI_UNKNOWN_IN_VLR, now)
        else:
            self._advance(now)

    def _begin_emergency(self, kind, who, now):
        """Nobody is asked who he is (TS 24.008 4.5.1.5)."""
        if not self._cell.settings["emergency"]:
            self._decline(l3.IMEI_NOT_ACCEPTED if kind == l3.IMEI else l3.SERVICE_NOT_SUPPORTED, now)
            return
        if self.subscriber is None:
            self.subscriber = Subscriber(-1, who if kind == l3.IMSI else "", "")
        self._authenticated = self._ciphered = True
        self._conclude(now)

    def _begin_paged(self, message, now):
        """Paging response, TS 44.018 9.1.25."""
        self._purpose = _PAGED
        kind, who = self._name(l3.lv(message, l3.after_lv(message, 3)))
        classmark = l3.lv(message, 3)
        if classmark:
            self._take_classmark(classmark)
        self.subscriber = self._find(kind, who)
        if self.subscriber is None:
            self.close(now, l3.RR_UNSPECIFIED)
        else:
            self._advance(now)

    def _begin_detach(self, message, now):
        """IMSI detach, TS 24.008 4.3.4: no answer but the release."""
        self._detach(message, now)

    def _begin_reestablishment(self, message, now):
        self._purpose = _SERVICE
        self._decline(l3.CALL_NOT_IDENTIFIED, now)

    def _name(self, value):
        """(kind, digits or TMSI) by which the phone calls itself."""
        kind, who = l3.identity(value)
        self._named_by = kind
        return kind, who

    def _find(self, kind, who):
        subscribers = self._cell.subscribers
        if kind == l3.TMSI:
            return subscribers.find(tmsi=who)
        return subscribers.find(imsi=who) if kind == l3.IMSI else None

    def _take_classmark(self, value):
        """Classmark 2, TS 24.008 10.5.1.6: its first octet is classmark 1."""
        self._classmark_1 = value[0]
        if len(value) >= 3:
            self._classmark_2 = bytes(value[:3])

    # -- one thing after another --------------------------------------------------------------------------------------

    def _know(self, imsi, now):
        """The phone has told its IMSI."""
        self._named_by = l3.IMSI
        if self._purpose == _UPDATE:
            self.subscriber = self._cell.subscribers.admit(imsi)
            if self.subscriber is None:
                self._decline(self._cell.settings["reject_cause"], now)
        else:
            self.subscriber = self._cell.subscribers.find(imsi=imsi)

    def _advance(self, now):
        """Begin what is still missing, or conclude."""
        if self.over:
            return
        if self.subscriber is None:
            self._ask_identity(l3.IMSI, now)
        elif self._purpose == _UPDATE and not (self.subscriber.imei or self._asked_imei):
            self._asked_imei = True
            self._ask_identity(l3.IMEISV, now)
        elif not self._authenticated:
            self._authenticate(now)
        elif not self._ciphered:
            self._cipher(now)
        else:
            self._conclude(now)

    def _ask_identity(self, kind, now):
        self._wait(IDENTIFYING, _WAIT_MS, now)
        self.radio.send(l3.identity_request(kind), now)

    def _authenticate(self, now):
        """TS 24.008 4.3.2; who has no triplets passes, unless they are required."""
        mode, subscriber = self._cell.settings["authentication"], self.subscriber
        self._triplet = None if mode == "off" else self._cell.triplets.take(subscriber.imsi)
        if self._triplet:
            subscriber.key_number = (subscriber.key_number + 1) % l3.NO_KEY
            self._wait(AUTHENTICATING, _WAIT_MS, now)
            self.radio.send(l3.authentication_request(subscriber.key_number, self._triplet.rand), now)
        elif mode == "required":
            self._decline(l3.NETWORK_FAILURE, now)
        else:
            self._authenticated = True
            self._advance(now)

    def _cipher(self, now):
        """TS 44.018 3.4.7: with what the phone and the cell both have; a phone without goes in clear."""
        wanted = self._cell.settings["cipher"] if self._triplet else 0
        if wanted == 3 and self._classmark_2 is None and self.state != CLASSMARK:
            self._wait(CLASSMARK, _CIPHERING_MS, now)
            self.radio.send(l3.classmark_enquiry(), now)
            return
        algorithm = self._algorithm(wanted)
        if algorithm:
            self._wait(CIPHERING, _CIPHERING_MS, now)
            self.radio.cipher(algorithm, self._triplet.key, True, now)
        else:
            self._ciphered = True
            self._advance(now)

    def _algorithm(self, wanted):
        if wanted == 3 and self._classmark_2 and self._classmark_2[2] & 0x02:
            return 3
        return 1 if wanted and not self._classmark_1 & 0x08 else 0  # the bit says that A5/1 is not there

    def _wait(self, state, ms, now):
        self._fsm.go(state)
        self._timer.start(now, ms)

    def _decline(self, cause, now):
        """Refuse what the phone wants, and let it go."""
        if self._purpose == _UPDATE:
            self.radio.send(l3.location_updating_reject(cause), now)
        elif self._purpose == _SERVICE:
            self.radio.send(l3.cm_service_reject(cause), now)
        self.close(now)

    # -- conclusions --------------------------------------------------------------------------------------------------

    def _conclude(self, now):
        """The phone is known: what the session is for."""
        self._cell.alone(self, now)
        if self._purpose == _UPDATE:
            self._accept_update(now)
        elif self._purpose == _SERVICE:
            self._accept_service(now)
        else:
            self._serve(now)

    def _accept_update(self, now):
        subscriber, subscribers = self.subscriber, self._cell.subscribers
        if subscribers.admit(subscriber.imsi) is None:
            self._decline(self._cell.settings["reject_cause"], now)
            return
        self._register(now)
        self._wait(REALLOCATING, _WAIT_MS, now)
        tmsi = subscribers.allocate_tmsi(subscriber)
        self.radio.send(l3.location_updating_accept(self._cell.lai, tmsi), now)

    def _register(self, now):
        self.subscriber.registered = True
        self.subscriber.seen = now
        self._cell.subscribers.save(self.subscriber)

    def _accept_service(self, now):
        if self.subscriber.index >= 0 and self._named_by == l3.IMSI and self._service != l3.SERVICE_EMERGENCY:
            self._named_by = l3.TMSI
            self._reallocate(now)
            return
        # Where there is ciphering, its command was the acceptance: TS 24.008 4.5.1.1.
        self._serve(now, self._service, self.radio.clear)

    def _reallocate(self, now):
        """TS 24.008 4.3.1, for a phone that had no TMSI to name itself by."""
        self._wait(REALLOCATING, _WAIT_MS, now)
        tmsi = self._cell.subscribers.allocate_tmsi(self.subscriber)
        self.radio.send(l3.tmsi_reallocation_command(self._cell.lai, tmsi), now)

    def _serve(self, now, service=0, accept=False):
        """MM connections may be: the one that the phone asked for, those that the network has wanted."""
        self.subscriber.seen = now
        self._timer.stop()
        self._fsm.go(READY)
        self.served = True
        if service:
            self._open(service, accept, now)
        self._cell.deliver(self, now)
        self.close_unused(now)

    def _open(self, service, accept, now):
        """A CM service: accept or refuse it."""
        user = self._cell.users.get(_SERVICES.get(service))
        if user is None:
            self.radio.send(l3.cm_service_reject(l3.SERVICE_NOT_SUPPORTED), now)
        elif self.connections.full:
            self.radio.send(l3.cm_service_reject(l3.CONGESTION), now)
        else:
            if accept:
                self.radio.send(l3.cm_service_accept(), now)
            self._timer.start(now, _SILENCE_MS)
            self.connections.open(Connection(self._cell, self.subscriber, user, service), now)

    def _detach(self, message, now):
        kind, who = l3.identity(l3.lv(message, 3))
        gone = self._find(kind, who)
        if gone and (self.subscriber is None or gone is self.subscriber):
            gone.registered = False
            self._cell.subscribers.save(gone)
        self.abort(PHONE_DETACHED, now)

    # -- states -------------------------------------------------------------------------------------------------------

    def _in_identifying(self, event, message, now):
        if event == "identity":
            self._timer.stop()
            kind, who = l3.identity(l3.lv(message, 2))
            if self.subscriber is None:
                self._identified(kind, who, now)
                return
            if kind in (l3.IMEI, l3.IMEISV):
                self.subscriber.imei = who
            self._advance(now)
        else:
            self._interrupted(event, message, now)

    def _identified(self, kind, imsi, now):
        """The answer to our question for the IMSI."""
        if kind != l3.IMSI:
            self._decline(l3.INVALID_MANDATORY, now)
            return
        self._know(imsi, now)
        if self.over:
            return
        if self.subscriber is None:
            self._decline(l3.IMSI_UNKNOWN_IN_VLR, now)
        else:
            self._advance(now)

    def _in_authenticating(self, event, message, now):
        if event == "answer":
            self._timer.stop()
            if message[2:6] == self._triplet.sres:
                self._authenticated = True
                self._advance(now)
            elif self._named_by == l3.TMSI:  # the TMSI may be another's, TS 24.008 4.3.2.5
                self.subscriber = None
                self._advance(now)
            else:
                self._reject_authentication(now)
        elif event == "failure":
            self._timer.stop()
            self._reject_authentication(now)
        else:
            self._interrupted(event, message, now)

    def _reject_authentication(self, now):
        self.radio.send(l3.authentication_reject(), now)
        self.close(now)

    def _in_classmark(self, event, value, now):
        if event == "classmark":
            if value:
                self._take_classmark(value)
            self._cipher(now)
        elif event == "timeout":
            self._cipher(now)
        else:
            self._interrupted(event, value, now)

    def _in_ciphering(self, event, message, now):
        if event == "ciphered":
            self._timer.stop()
            self._ciphered = True
            kind, digits = l3.identity(l3.find(message, 2, 0x17))
            if kind == l3.IMEISV:
                self.subscriber.imei = digits
            self._advance(now)
        else:
            self._interrupted(event, message, now)

    def _in_reallocating(self, event, message, now):
        if event == "reallocated":
            self._timer.stop()
            self._cell.subscribers.confirm_tmsi(self.subscriber)
            if self._purpose == _UPDATE:
                self.close(now)
                self._cell.registered(self.subscriber, now)
            else:
                self._conclude(now)
        else:
            self._interrupted(event, message, now)

    def _in_ready(self, event, message, now):
        if event == "service":
            self._open(message[2] & 15 if len(message) > 2 else 0, True, now)
        elif event == "message":
            self._deliver(message, now)
        elif event == "timeout" or event == "abort":
            self._silent(now)
        elif event == "detach":
            self._detach(message, now)

    def _interrupted(self, event, message, now):
        """What may come in the middle of everything."""
        if event == "timeout":
            self.close(now, l3.RR_TIMER_EXPIRED)
        elif event == "detach":
            self._detach(message, now)

    def _deliver(self, message, now):
        """A message of a user's protocol."""
        user = self._cell.users.get(l3.pd(message))
        if user and self.connections.deliver(user, message, now):
            if not self.connections.silent:
                self._timer.stop()
        else:
            self.radio.send(l3.mm_status(l3.NOT_COMPATIBLE), now)

    def _silent(self, now):
        """The phone asked for a service and then said nothing, or takes it back."""
        self.connections.lose_silent(now)
        self.close_unused(now)


_FIRST = {
    l3.LOCATION_UPDATING_REQUEST: Session._begin_updating,
    l3.CM_SERVICE_REQUEST: Session._begin_service,
    l3.IMSI_DETACH_INDICATION: Session._begin_detach,
    l3.CM_REESTABLISHMENT_REQUEST: Session._begin_reestablishment,
}
_EVENTS = {
    l3.IDENTITY_RESPONSE: "identity",
    l3.AUTHENTICATION_RESPONSE: "answer",
    l3.AUTHENTICATION_FAILURE: "failure",
    l3.TMSI_REALLOCATION_COMPLETE: "reallocated",
    l3.CM_SERVICE_REQUEST: "service",
    l3.CM_SERVICE_ABORT: "abort",
    l3.IMSI_DETACH_INDICATION: "detach",
    l3.MM_STATUS: "status",
}
_NEXT = (IDENTIFYING, AUTHENTICATING, CLASSMARK, CIPHERING, REALLOCATING, READY, OVER)
_TABLE = {
    STARTING: ((), _NEXT, Session._in_ready),
    IDENTIFYING: (("identity", "timeout", "detach"), _NEXT, Session._in_identifying),
    AUTHENTICATING: (("answer", "failure", "timeout", "detach"), _NEXT, Session._in_authenticating),
    CLASSMARK: (("classmark", "timeout", "detach"), _NEXT, Session._in_classmark),
    CIPHERING: (("ciphered", "timeout", "detach"), _NEXT, Session._in_ciphering),
    REALLOCATING: (("reallocated", "timeout", "detach"), _NEXT, Session._in_reallocating),
    READY: (("service", "message", "timeout", "abort", "detach"), (OVER,), Session._in_ready),
    OVER: ((), (), Session._in_ready),
}
