"""Transfer of texts, network side: TS 24.011, connection (CP) and relay (RP) sublayers.

A text from a phone                        A text to a phone
    <- CP-DATA(RP-DATA)                        -> CP-DATA(RP-DATA)         TC1*, then TR1N
    -> CP-ACK                TR2N              <- CP-ACK
    -> CP-DATA(RP-ACK)       TC1*              <- CP-DATA(RP-ACK or ERROR)
    <- CP-ACK                                  -> CP-ACK

TC1* (10): CP-DATA sent, no CP-ACK; it is sent again twice. TR1N (10): RP-DATA sent, no answer. TR2N (10): RP-DATA came,
and where it goes to has not said whether it takes it.
"""

from micropython import const

from femtojack.fsm import SharedFsm
from femtojack.gsm.l3 import PD_SMS, lv
from femtojack.ticks import Timer, earlier

TC1 = const(10000)  # ms, TC1*
TR1N = const(40000)  # 35..45 s
TR2N = const(15000)  # 12..20 s
RETRANSMISSIONS = const(2)  # of CP-DATA, 1..3 (5.3.2.1)
MAX_TRANSFERS = const(8)

SAPI = const(3)  # TS 24.011 2.2

CP_DATA = const(0x01)  # 8.1.3
CP_ACK = const(0x04)
CP_ERROR = const(0x10)

# 8.2.2; the odd ones come from the network
RP_DATA = const(0)
RP_ACK = const(2)
RP_ERROR = const(4)
RP_SMMA = const(6)
_FROM_NETWORK = const(1)
_RP_TYPE = const(7)

# CP causes, 8.1.4.2
CP_NETWORK_FAILURE = const(17)
CP_INVALID_TI = const(81)
CP_INVALID_MANDATORY = const(96)
CP_UNKNOWN_TYPE = const(97)
CP_NOT_COMPATIBLE = const(98)

# RP causes, 8.2.5.4
UNASSIGNED = const(1)
MEMORY_EXCEEDED = const(22)
OUT_OF_ORDER = const(38)
TEMPORARY_FAILURE = const(41)
CONGESTION = const(42)
RP_INVALID_MANDATORY = const(96)
RP_UNKNOWN_TYPE = const(97)

_FLAG = const(8)  # of a TI: it is the other side's
_TIS = const(7)


class Transfer:
    """One text, from a phone (`tpdu` is an SMS-SUBMIT) or to it (an SMS-DELIVER).

    States: "opening" no connection yet, "sent" CP-DATA waits for its CP-ACK, "answer" the other side's RP is to come,
    "submitted" the answer to the phone is to come, "over".
    """

    def __init__(self, service, subscriber, ti, state, tpdu=b"", about=None):
        self._service = service
        self.subscriber = subscriber
        self.ti = ti
        self.connection = None
        self.tpdu = tpdu
        self.about = about  # of the service: what it delivers
        self.reference = 0
        self._rp = b""  # in the CP-DATA that waits for its CP-ACK
        self._left = 0
        self._last = state == "idle"  # nothing comes after the CP-ACK
        self._cp_timer = Timer()
        self._rp_timer = Timer()
        self._fsm = SharedFsm("gsm.sms", _TABLE, state, service.trace, self)

    @property
    def over(self):
        return self._fsm.state == "over"

    @property
    def state(self):
        return self._fsm.state

    def event(self, name, arg, now):
        return self._fsm.dispatch(name, arg, now)

    def step(self, now):
        """Run what is due. Returns the next deadline or None."""
        if self._cp_timer.due(now):
            self._service.trace("gsm.timer", b"TC1*")
            self._fsm.dispatch("TC1*", None, now)
        if self._rp_timer.due(now):
            self._service.trace("gsm.timer", b"TR2N" if self.state == "submitted" else b"TR1N")
            self._fsm.dispatch("TRN", None, now)
        return earlier(self._cp_timer.deadline, self._rp_timer.deadline)

    # -- a text to the phone ------------------------------------------------------------------------------------------

    def _opening(self, event, arg, now):
        if event == "connected":
            head = bytes((RP_DATA | _FROM_NETWORK, self.reference))
            rp = head + self._service.centre + b"\0" + bytes((len(self.tpdu),)) + self.tpdu
            self._rp_timer.start(now, TR1N)
            self._data("sent", rp, now)
        else:
            self._end(now, None)

    def _answering(self, event, rp, now):
        """The phone is to say what became of the text."""
        if event == "data":
            self._cp(CP_ACK, b"", now)
            kind = rp[0] & _RP_TYPE
            if len(rp) < 2 or rp[1] != self.reference or kind not in (RP_ACK, RP_ERROR):
                return
            cause = lv(rp, 2) if kind == RP_ERROR else None
            self._end(now, 0 if kind == RP_ACK else (cause[0] & 0x7F if cause else TEMPORARY_FAILURE))
        elif event != "ack":
            self._end(now, None)

    # -- a text from the phone ----------------------------------------------------------------------------------------

    def begin(self, connection, rp, now):
        """RP-DATA or RP-SMMA of a phone came in CP-DATA."""
        self.connection = connection
        self._cp(CP_ACK, b"", now)
        kind = rp[0] & _RP_TYPE
        self.reference = rp[1] if len(rp) > 1 else 0
        self._fsm.go("submitted")
        self._rp_timer.start(now, TR2N)
        if kind == RP_SMMA and len(rp) > 1:
            self._service.user.room_at(self.subscriber, now)
            self.event("result", 0, now)
        elif kind != RP_DATA:
            self.event("result", RP_UNKNOWN_TYPE, now)
        else:
            self.tpdu = _user_data(rp)
            if self.tpdu:
                self._service.user.submitted(self, now)
            else:
                self.event("result", RP_INVALID_MANDATORY, now)

    def _submitted(self, event, cause, now):
        """`cause` 0: the text was taken."""
        if event in ("result", "TRN"):
            self._rp_timer.stop()
            cause = TEMPORARY_FAILURE if event == "TRN" else cause
            kind = RP_ERROR if cause else RP_ACK
            rp = bytes((kind | _FROM_NETWORK, self.reference)) + (bytes((1, cause)) if cause else b"")
            self._last = True
            self._data("sent", rp, now)
        elif event != "ack":
            self._end(now, None)

    # -- both ---------------------------------------------------------------------------------------------------------

    def _sent(self, event, arg, now):
        if event == "TC1*" and self._left:
            self._left -= 1
            self._cp(CP_DATA, bytes((len(self._rp),)) + self._rp, now)
            self._cp_timer.start(now, TC1)
        elif event == "ack" and not self._last:
            self._cp_timer.stop()
            self._fsm.go("answer")
        elif event == "data" and not self._last:  # its CP-ACK was lost; what comes after it says as much
            self._cp_timer.stop()
            self._fsm.go("answer")
            self._answering(event, arg, now)
        elif event == "data":  # the phone's own once more
            self._cp(CP_ACK, b"", now)
        else:
            self._end(now, None)

    def _data(self, state, rp, now):
        """CP-DATA, until it is acknowledged."""
        self._fsm.go(state)
        self._rp = rp
        self._left = RETRANSMISSIONS
        self._cp(CP_DATA, bytes((len(rp),)) + rp, now)
        self._cp_timer.start(now, TC1)

    def _cp(self, kind, rest, now):
        if self.connection:
            self.connection.send(bytes((self.ti << 4 | PD_SMS, kind)) + rest, now, SAPI)

    def _end(self, now, cause):
        """Over; a text to the phone arrived (0), was refused (an RP cause), or got lost (None)."""
        self._cp_timer.stop()
        self._rp_timer.stop()
        self._fsm.go("over")
        if self.about is not None:  # the next text goes over the same radio connection
            self._service.user.delivered(self, cause, now)
        connection, self.connection = self.connection, None
        if connection:
            connection.release(now)


_TABLE = {
    "opening": (("connected", "lost"), ("sent", "over"), Transfer._opening),
    "idle": ((), ("submitted",), Transfer._opening),
    "submitted": (("result", "TRN", "ack", "error", "lost"), ("sent", "over"), Transfer._submitted),
    "sent": (("ack", "data", "error", "TC1*", "TRN", "lost"), ("answer", "over"), Transfer._sent),
    "answer": (("data", "ack", "error", "TRN", "lost"), ("over",), Transfer._answering),
    "over": ((), (), Transfer._opening),
}


def _user_data(rp):
    """The TPDU of an RP-DATA from a phone (7.3.1.2), after originator and destination; b"" if it is cut off."""
    at = 2
    for _ in range(2):
        if at >= len(rp):
            return b""
        at += 1 + rp[at]
    tpdu = lv(rp, at)
    return bytes(tpdu) if tpdu else b""


class Transfers:
    """All of them: what the cell has for protocol discriminator 9.

    `user` is told: submitted(transfer, now), and answers by transfer.event("result", RP cause or 0, now);
    delivered(transfer, cause, now) with the cause of Transfer._end; room_at(subscriber, now): the phone has memory
    again; registered(subscriber, now): it is there, perhaps again.
    `centre`: the value of an RP address, with its length: who a text comes from.
    """

    def __init__(self, cell, centre, trace):
        self._cell = cell
        self.centre = centre
        self.trace = trace
        self.user = None
        self.transfers = []
        self._reference = 0
        cell.users[PD_SMS] = self

    def bind(self, user):
        self.user = user

    # -- what the centre asks for -------------------------------------------------------------------------------------

    def deliver(self, subscriber, tpdu, about, now):
        """Begin to deliver a text. None if it cannot be now; at most one goes to a phone at a time."""
        if len(self._alive()) >= MAX_TRANSFERS or self.busy(subscriber):
            return None
        transfer = Transfer(self, subscriber, 0, "opening", tpdu, about)
        self._reference = (self._reference + 1) & 0xFF
        transfer.reference = self._reference
        connection = self._cell.connect(subscriber, self, now)
        if connection is None:
            return None
        transfer.connection = connection
        self.transfers.append(transfer)
        return transfer

    def busy(self, subscriber):
        """Whether a text is on its way to this phone."""
        return any(t.subscriber is subscriber and t.about is not None for t in self._alive())

    def step(self, now):
        """Run what is due, forget what is over. Returns the next deadline or None."""
        deadline = None
        i = 0
        while i < len(self.transfers):
            deadline = earlier(deadline, self.transfers[i].step(now))
            i += 1
        while i:
            i -= 1
            if self.transfers[i].over:
                self.transfers.pop(i)
        return deadline

    # -- what the cell tells ------------------------------------------------------------------------------------------

    def opened(self, connection, now):
        pass

    assigned = opened

    def connected(self, connection, now):
        for transfer in self.transfers:
            if transfer.connection is connection:
                transfer.event("connected", None, now)

    def registered(self, subscriber, now):
        """A phone is there, perhaps again."""
        self.user.registered(subscriber, now)

    def lost(self, connection, cause, now):
        for transfer in self.transfers:
            if transfer.connection is connection:
                transfer.connection = None
                transfer.event("lost", None, now)

    assignment_failed = lost

    def received(self, connection, data, now):
        ti = data[0] >> 4 ^ _FLAG
        if len(data) < 2 or ti & _TIS == _TIS:  # too short; a TI with an extension, which nobody has
            return
        kind = data[1]
        transfer = self._find(connection, ti)
        rp = lv(data, 2)
        if kind == CP_DATA and not rp:
            self._error(connection, ti, CP_INVALID_MANDATORY, now)
        elif kind == CP_DATA and transfer:
            transfer.event("data", rp, now)
        elif kind == CP_DATA:
            self._begin(connection, ti, rp, now)
        elif kind in (CP_ACK, CP_ERROR):
            if transfer:
                transfer.event("ack" if kind == CP_ACK else "error", None, now)
            elif kind == CP_ACK:
                self._error(connection, ti, CP_INVALID_TI, now)
        else:
            self._error(connection, ti, CP_UNKNOWN_TYPE, now)

    def _begin(self, connection, ti, rp, now):
        if not ti & _FLAG:  # a transfer of ours that is over
            self._error(connection, ti, CP_INVALID_TI, now)
        elif self._in_use(connection):  # each transfer has an MM connection of its own
            self._error(connection, ti, CP_NOT_COMPATIBLE, now)
        elif len(self._alive()) >= MAX_TRANSFERS:
            self._error(connection, ti, CP_NETWORK_FAILURE, now)
        else:
            transfer = Transfer(self, connection.subscriber, ti, "idle")
            self.transfers.append(transfer)
            transfer.begin(connection, rp, now)

    def _error(self, connection, ti, cause, now):
        connection.send(bytes((ti << 4 | PD_SMS, CP_ERROR, cause)), now, SAPI)
        if not self._in_use(connection):
            connection.release(now)

    def _in_use(self, connection):
        return any(transfer.connection is connection for transfer in self.transfers)

    def _alive(self):
        return [transfer for transfer in self.transfers if not transfer.over]

    def _find(self, connection, ti):
        for transfer in self._alive():
            if transfer.subscriber is connection.subscriber and transfer.ti == ti and transfer.state != "opening":
                return transfer
        return None
