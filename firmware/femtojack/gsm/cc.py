"""Call control of phones, network side: TS 24.008 clause 5.

States (5.1.2.2)
    N0    null                    N7   call received: the phone rings
    N0.1  MM connection pending   N8   connect request: the phone answered and has no channel yet
    N1    call initiated          N10  active
    N3    MO call proceeding      N12  disconnect indication: DISCONNECT sent
    N4    call delivered          N19  release request: RELEASE sent
    N6    call present            N28  connect indication: CONNECT sent
    N9    MT call confirmed

Timers (table 11.4); that of the state runs
    T303  N6  SETUP sent              T305  N12  DISCONNECT sent
    T310  N9  CALL CONFIRMED came     T308  N19  RELEASE sent; once more, then it is over
    T301  N7  ALERTING came           T313  N28  CONNECT sent
An emergency call that finds no traffic channel waits in N3 for that of an ordinary call, which makes way for it
(TS 22.101 10.1): WAY is how long.
Nothing here starts T306 (tones after DISCONNECT), T323 (modification by the network), T331, T333, T334 and T338
(completion of calls to busy subscribers). The assignment has T3107 (femtojack.gsm.rr).
"""

from micropython import const

from femtojack.fsm import SharedFsm
from femtojack.gsm import causes
from femtojack.gsm import cc_messages as messages
from femtojack.gsm.full_rate import FullRateLeg
from femtojack.gsm.l3 import PD_CC, message_type
from femtojack.gsm.rr import NO_CHANNEL
from femtojack.gsm.ss import refusal
from femtojack.ticks import Timer, earlier

MAX_CALLS = const(14)
CALLS_OF_A_PHONE = const(2)  # one of them on hold or waiting

T301 = const(180000)  # ms; at least 180 s
T303 = const(30000)
T305 = const(30000)
T308 = const(30000)
T310 = const(30000)
T313 = const(30000)
WAY = const(8000)  # a call is cleared and its channel let go in 3 s; a phone that is not there takes longer

_FLAG = const(8)  # of a TI: it is the other side's (TS 24.007 11.2.3.1.3)
_TIS = const(7)
_CALL_TYPES = (messages.SETUP, messages.EMERGENCY_SETUP)

# What the phone may send that moves the call (5.2, 5.4)
_EVENTS = {
    messages.CALL_CONFIRMED: "confirmed",
    messages.ALERTING: "alerting",
    messages.CONNECT: "connect",
    messages.CONNECT_ACKNOWLEDGE: "acknowledge",
    messages.DISCONNECT: "disconnect",
    messages.RELEASE: "release",
    messages.RELEASE_COMPLETE: "release complete",
}
_IGNORED = (messages.STATUS, messages.NOTIFY, messages.CONGESTION_CONTROL)


class Call:
    """One call of one phone, a party of a conversation (femtojack.call.exchange), which it tells what the phone does:
    alerting(call, now), answered(call, now), held(call, on, now), ended(call, cause, now). What the state does not
    allow is ignored.

    `subscriber`  whose it is                       `number`    the called one
    `emergency`   it is an emergency call           `withheld`  its caller does not want to be known
    `held`        the phone has put it on hold      `audio`     the leg of the bridge; None until there is a channel
    """

    def __init__(self, control, subscriber, ti, state, conversation=None):
        self._control = control
        self.subscriber = subscriber
        self.ti = ti  # as we send it
        self.connection = None
        self.conversation = conversation
        self.number = ""
        self.emergency = self.withheld = self.held = False
        self.audio = None
        self._elements = b""  # of the SETUP to send
        self._again = False  # RELEASE was sent twice
        self._waits = False  # for a channel
        self._cause = causes.NORMAL_CLEARING
        self._timer = Timer()
        self._fsm = SharedFsm("gsm.cc", _TABLE, state, control.trace, self)

    @property
    def state(self):
        return self._fsm.state

    @property
    def over(self):
        return self.state == "N0"

    @property
    def own_number(self):
        return self.subscriber.number

    @property
    def talking(self):
        """Whether the radio channel is this call's."""
        return self.audio is not None and self.audio.attached

    @property
    def makes_way(self):
        """Whether it has a channel that an emergency call may have."""
        return not self.emergency and self.connection is not None and self.connection.speech is not None

    # -- what the other party does ------------------------------------------------------------------------------------

    def alert(self, now):
        """It rings at the called party."""
        self._fsm.dispatch("alert", None, now)

    def progress(self, now):
        """The called party's network has something to say."""
        self._fsm.dispatch("progress", None, now)

    def connect(self, answered_by, now):
        """The called party, a number or "", answered."""
        self._fsm.dispatch("answer", answered_by, now)

    def rest(self, on, now):
        """The other party holds the call, or has taken it back: its user hears that nothing is said."""

    def end(self, cause, now):
        """The other party is gone. This call is nobody's from now on."""
        self.conversation = None
        self._fsm.dispatch("end", cause, now)

    # -- what comes from the phone and its connection -----------------------------------------------------------------

    def event(self, name, arg, now):
        """False if the state does not take it."""
        return self._fsm.dispatch(name, arg, now)

    def step(self, now):
        """Run what is due. Returns the next deadline or None."""
        if self._waits and self._control.has_channels:
            self._waits = False
            self._timer.stop()
            self.connection.assign(now)
        if self._timer.due(now):
            self._control.trace("gsm.timer", _TIMERS[self.state].encode())
            self._fsm.dispatch("timeout", causes.TIMER_EXPIRED, now)
        return self._timer.deadline

    def send(self, kind, elements, now):
        if self.connection:
            self.connection.send(bytes((self.ti << 4 | PD_CC, kind)) + elements, now)

    def status(self, cause, now):
        """STATUS (8.8)."""
        self.send(messages.STATUS, messages.status(cause, int(self.state[1:].split(".")[0])), now)

    def begin(self, connection, data, now):
        """The phone's SETUP or EMERGENCY SETUP (5.2.1.1)."""
        self.connection = connection
        self.emergency = data[1] & 0x3F == messages.EMERGENCY_SETUP
        self.withheld = messages.withholds_number(data)
        self.number = messages.called_number(data)
        if not messages.is_speech(data):
            self.refuse(causes.BEARER_NOT_IMPLEMENTED, now)
        elif not self.number and not self.emergency:
            self.refuse(causes.INVALID_MANDATORY, now)
        else:
            self.send(messages.CALL_PROCEEDING, b"", now)
            self._fsm.go("N3")
            connection.assign(now)

    def preempt(self, now):
        """An emergency call needs its channel."""
        self._tell(causes.NO_CHANNEL, now)
        self.end(causes.PREEMPTION, now)

    def refuse(self, cause, now):
        """RELEASE COMPLETE: there never was a call."""
        self.send(messages.RELEASE_COMPLETE, messages.cause_element(cause), now)
        self._finish(now)

    def offer(self, elements):
        """What the SETUP to the phone says, once there is a connection."""
        self._elements = elements

    # -- states -------------------------------------------------------------------------------------------------------

    def _pending(self, event, arg, now):
        if event == "connected":
            self.send(messages.SETUP, self._elements, now)
            self._go("N6", T303, now)
        else:
            self._close(event, arg, now)

    def _proceeding(self, event, arg, now):
        """N3, N4."""
        if event == "assigned":
            self.audio = self._control.leg()
            self._control.outgoing(self, now)
        elif event == "alert":
            self.send(messages.ALERTING, b"", now)
            self._fsm.go("N4")
        elif event == "progress":
            self.send(messages.PROGRESS, messages.progress(), now)
            self._talk()
        elif event == "answer":
            self.send(messages.CONNECT, messages.connect(arg), now)
            self._go("N28", T313, now)
            self._talk()
        elif event in ("no channel", "timeout") and self._finds_way(event, now):
            self._waits = True
            self._timer.start(now, WAY)
        else:
            self._close(event, causes.NO_CHANNEL if event == "timeout" else arg, now)

    def _finds_way(self, event, now):
        """Whether to wait for a channel: of a call that makes way, or, at first, one that is just let go."""
        return self._control.make_way(self.subscriber, now) or event == "no channel"

    def _connected(self, event, arg, now):
        """N28."""
        if event == "acknowledge":
            self._go("N10", 0, now)
        else:
            self._close(event, arg, now)

    def _offered(self, event, arg, now):
        """N6, N9, N7, N8: the way of a call to the phone."""
        if event == "confirmed":
            self._go("N9", T310, now)
            self.connection.assign(now)
        elif event == "alerting":
            self._go("N7", T301, now)
            self.conversation.alerting(self, now)
        elif event == "assigned":
            self.audio = self._control.leg()
            if self.state == "N8":
                self._answered(now)
        elif event == "connect" and self.audio is None:
            self._go("N8", 0, now)
        elif event == "connect":
            self._answered(now)
        else:
            self._close(event, causes.NO_ANSWER if self.state == "N7" and event == "timeout" else arg, now)

    def _answered(self, now):
        self.send(messages.CONNECT_ACKNOWLEDGE, b"", now)
        self._go("N10", 0, now)
        self._talk()
        self.conversation.answered(self, now)

    def _active(self, event, arg, now):
        self._close(event, arg, now)

    def _disconnecting(self, event, cause, now):
        """N12."""
        if event == "timeout" or event == "disconnect":
            self._release(self._cause, now)
        else:
            self._over(event, now)

    def _releasing(self, event, cause, now):
        """N19."""
        if event == "timeout" and not self._again:
            self._again = True
            self._release(self._cause, now)
        else:
            self._over("", now)  # RELEASE that meets ours is as good as its completion (5.4.5)

    # -- what the states do -------------------------------------------------------------------------------------------

    def _go(self, state, ms, now):
        """Change state; its timer is `ms`, 0 for none."""
        self._fsm.go(state)
        self._timer.stop()
        if ms:
            self._timer.start(now, ms)

    def _close(self, event, cause, now):
        """The end begins, from either side (5.4.3, 5.4.4)."""
        self._cause = cause
        self._waits = False
        if event == "disconnect":
            self._release(cause, now)
        elif event in ("release", "release complete", "lost") or self.state == "N0.1":
            self._over(event, now)
        else:
            self._silence()
            self.send(messages.DISCONNECT, messages.disconnect(cause), now)
            self._go("N12", T305, now)
        self._tell(cause, now)

    def _release(self, cause, now):
        self._silence()
        self.send(messages.RELEASE, messages.cause_element(cause), now)
        if self.state == "N19":
            self._timer.start(now, T308)
        else:
            self._go("N19", T308, now)

    def _over(self, event, now):
        if event == "release":
            self.send(messages.RELEASE_COMPLETE, b"", now)
        self._finish(now)

    def _finish(self, now):
        self._silence()
        self._go("N0", 0, now)
        connection, self.connection = self.connection, None
        if connection:
            connection.release(now)

    def _tell(self, cause, now):
        conversation, self.conversation = self.conversation, None
        if conversation:
            conversation.ended(self, cause, now)

    def _talk(self):
        """The radio channel is this call's."""
        self._control.quieten(self.subscriber)
        self.audio.attach(self.connection.speech)

    def _silence(self):
        if self.audio:
            self.audio.detach()

    # -- during a call: hold (TS 24.083 2.1), keys (5.5.7), and what is not had ---------------------------------------

    def hold(self, now):
        if self.state != "N10" or self.held:
            self.send(messages.HOLD_REJECT, messages.disconnect(causes.NOT_IN_THIS_STATE), now)
            return
        self.held = True
        self._silence()
        self.send(messages.HOLD_ACKNOWLEDGE, b"", now)
        self._tell_held(now)

    def retrieve(self, now):
        if self.state != "N10" or not self.held or self._control.talks(self.subscriber):
            self.send(messages.RETRIEVE_REJECT, messages.disconnect(causes.NOT_IN_THIS_STATE), now)
            return
        self.held = False
        self._talk()
        self.send(messages.RETRIEVE_ACKNOWLEDGE, b"", now)
        self._tell_held(now)

    def _tell_held(self, now):
        if self.conversation:
            self.conversation.held(self, self.held, now)

    def press(self, key, now):
        """START DTMF."""
        if not key or not self.talking:
            cause = causes.NOT_IN_THIS_STATE if key else causes.INVALID_MANDATORY
            self.send(messages.START_DTMF_REJECT, messages.disconnect(cause), now)
            return
        self._control.trace("gsm.key", key.encode())
        self.audio.press(key)
        self.send(messages.START_DTMF_ACKNOWLEDGE, messages.start_dtmf_acknowledge(key), now)

    def let_go(self, now):
        """STOP DTMF."""
        if self.audio:
            self.audio.let_go()
        self.send(messages.STOP_DTMF_ACKNOWLEDGE, b"", now)


_LEAVING = ("end", "disconnect", "release", "release complete", "lost")
_LEFT = ("N12", "N19", "N0")


def _live(events, states, handler):
    """A row of a state from which a call may also end."""
    return events + _LEAVING, states + _LEFT, handler


_TABLE = {
    "N0.1": (("connected", "end", "lost"), ("N6", "N0"), Call._pending),
    "N1": ((), ("N3", "N0"), Call._proceeding),
    "N3": _live(
        ("assigned", "assignment failed", "no channel", "timeout", "alert", "progress", "answer"),
        ("N4", "N28"),
        Call._proceeding,
    ),
    "N4": _live(("progress", "answer"), ("N28",), Call._proceeding),
    "N6": _live(("confirmed", "timeout"), ("N9",), Call._offered),
    "N9": _live(
        ("alerting", "connect", "assigned", "assignment failed", "timeout"), ("N7", "N8", "N10"), Call._offered
    ),
    "N7": _live(("connect", "assigned", "assignment failed", "timeout"), ("N8", "N10"), Call._offered),
    "N8": _live(("assigned", "assignment failed"), ("N10",), Call._offered),
    "N28": _live(("acknowledge", "timeout"), ("N10",), Call._connected),
    "N10": _live((), (), Call._active),
    "N12": (("disconnect", "release", "release complete", "timeout", "lost"), ("N19", "N0"), Call._disconnecting),
    "N19": (("release", "release complete", "timeout", "lost"), ("N0",), Call._releasing),
    "N0": ((), (), Call._active),
}
_TIMERS = {"N3": "WAY", "N6": "T303", "N9": "T310", "N7": "T301", "N28": "T313", "N12": "T305", "N19": "T308"}


class CallControl:
    """The calls of all phones: what the cell has for protocol discriminator 3.

    `cell` is femtojack.gsm.cell.Cell, `voice` the board's. `user.outgoing(call, now)` is told of each call that a phone
    makes, once it has a channel: it may call `call.end` or take it into a conversation.
    """

    def __init__(self, cell, voice, trace):
        self._cell = cell
        self._voice = voice
        self.trace = trace
        self.user = None
        self.calls = []
        self.refused = 0  # messages without a call
        cell.users[PD_CC] = self

    def bind(self, user):
        self.user = user

    # -- what the exchange asks for -----------------------------------------------------------------------------------

    def call(self, subscriber, caller, now):
        """Ring a phone: (Call, 0), or (None, the cause why not). `caller` as femtojack.gsm.cc_messages.setup has it."""
        others = self._calls_of(subscriber)
        if not subscriber.registered:
            return None, causes.SUBSCRIBER_ABSENT
        if len(others) >= CALLS_OF_A_PHONE or any(other.state != "N10" for other in others):
            return None, causes.USER_BUSY
        connection = self._cell.connect(subscriber, self, now) if len(self._alive()) < MAX_CALLS else None
        if connection is None:
            return None, causes.NO_CHANNEL
        call = Call(self, subscriber, self._free_ti(others), "N0.1")
        call.connection = connection
        call.number = subscriber.number
        call.offer(messages.setup(caller, subscriber.number, len(others) > 0))
        self.calls.append(call)
        return call, 0

    def leg(self):
        """A leg of the bridge for one call."""
        return FullRateLeg(self._voice)

    @property
    def has_channels(self):
        return self._cell.has_channels

    def make_way(self, subscriber, now):
        """End the calls of the phone that was the last to get a channel, but not of `subscriber`. False: there is none
        but emergency calls."""
        for call in reversed(self.calls):
            if call.makes_way and call.subscriber is not subscriber and call.state not in _LEFT:
                for other in self._calls_of(call.subscriber):
                    other.preempt(now)
                return True
        return any(call.state in _LEFT and not call.over for call in self.calls)

    def outgoing(self, call, now):
        self.user.outgoing(call, now)

    def quieten(self, subscriber):
        """No call of this phone has the channel."""
        for call in self._calls_of(subscriber):
            if call.audio:
                call.audio.detach()

    def talks(self, subscriber):
        """Whether a call of this phone has the channel."""
        return any(call.talking for call in self._calls_of(subscriber))

    def step(self, now):
        """Run what is due, forget what is over. Returns the next deadline or None."""
        deadline = None
        i = 0
        while i < len(self.calls):
            deadline = earlier(deadline, self.calls[i].step(now))
            i += 1
        while i:
            i -= 1
            if self.calls[i].over:
                self.calls.pop(i)
        return deadline

    # -- what the cell tells ------------------------------------------------------------------------------------------

    def opened(self, connection, now):
        """A phone has a connection for call control: its SETUP comes next."""

    def connected(self, connection, now):
        for call in self.calls:
            if call.connection is connection:
                call.event("connected", None, now)

    def assigned(self, connection, now):
        for call in self.calls:
            if call.connection is connection:
                call.event("assigned", None, now)

    def assignment_failed(self, connection, cause, now):
        for call in list(self.calls):
            if call.connection is connection:
                wants = call.emergency and cause == NO_CHANNEL
                call.event("no channel" if wants else "assignment failed", causes.NO_CHANNEL, now)

    def lost(self, connection, cause, now):
        """The radio link is gone, or the phone was not to be found."""
        for call in self.calls:
            if call.connection is connection:
                call.connection = None
                why = causes.SUBSCRIBER_ABSENT if call.state == "N0.1" else causes.OUT_OF_ORDER
                call.event("lost", why, now)

    def received(self, connection, data, now):
        """A message of a phone."""
        kind = message_type(data)
        ti = data[0] >> 4 ^ _FLAG
        if kind < 0 or ti & _TIS == _TIS:  # 8.2: too short to be one; a TI with an extension, which nobody has
            return
        call = self._find(connection, ti)
        if call is None:
            self._without_call(connection, ti, kind, data, now)
        elif kind in _EVENTS:
            missing = causes.INVALID_MANDATORY if kind == messages.DISCONNECT else causes.NORMAL_UNSPECIFIED
            if not call.event(_EVENTS[kind], messages.cause(data, missing), now):
                call.status(causes.NOT_IN_THIS_STATE, now)
        elif kind not in _IGNORED:
            self._in_call(call, kind, data, now)

    def _in_call(self, call, kind, data, now):
        if kind == messages.HOLD:
            call.hold(now)
        elif kind == messages.RETRIEVE:
            call.retrieve(now)
        elif kind == messages.START_DTMF:
            call.press(messages.key(data), now)
        elif kind == messages.STOP_DTMF:
            call.let_go(now)
        elif kind == messages.STATUS_ENQUIRY:
            call.status(causes.RESPONSE_TO_STATUS_ENQUIRY, now)
        elif kind == messages.MODIFY:
            call.send(messages.MODIFY_REJECT, messages.modify_reject(data), now)
        elif kind == messages.FACILITY:
            answer = refusal(messages.facility(data))
            if answer:
                call.send(messages.FACILITY, messages.facility_of(answer), now)
        elif kind not in _CALL_TYPES:  # a SETUP once more is ignored (8.3.1)
            call.status(causes.MESSAGE_UNKNOWN, now)

    def _without_call(self, connection, ti, kind, data, now):
        """8.3.1: only a SETUP begins one."""
        self.refused += kind not in _CALL_TYPES
        if kind in (messages.RELEASE_COMPLETE, messages.STATUS):
            return
        if kind not in _CALL_TYPES or not ti & _FLAG:
            self._reply(connection, ti, causes.INVALID_TI, now)
        elif self._in_use(connection):  # each call has an MM connection of its own
            self._reply(connection, ti, causes.PROTOCOL_ERROR, now)
        elif self._full(connection.subscriber) and not connection.emergency:
            self._reply(connection, ti, causes.CONGESTION, now)
        else:
            call = Call(self, connection.subscriber, ti, "N1")
            self.calls.append(call)
            call.begin(connection, data, now)

    def _reply(self, connection, ti, cause, now):
        head = bytes((ti << 4 | PD_CC, messages.RELEASE_COMPLETE))
        connection.send(head + messages.cause_element(cause), now)
        if not self._in_use(connection):
            connection.release(now)

    # -- tables -------------------------------------------------------------------------------------------------------

    def _alive(self):
        return [call for call in self.calls if not call.over]

    def _in_use(self, connection):
        return any(call.connection is connection for call in self.calls)

    def _calls_of(self, subscriber):
        return [call for call in self.calls if call.subscriber is subscriber and not call.over]

    def _full(self, subscriber):
        return len(self._alive()) >= MAX_CALLS or len(self._calls_of(subscriber)) >= CALLS_OF_A_PHONE

    def _find(self, connection, ti):
        for call in self._calls_of(connection.subscriber):
            if call.ti == ti and call.state != "N0.1":
                return call
        return None

    def _free_ti(self, others):
        taken = [call.ti for call in others]
        return next(ti for ti in range(_TIS) if ti not in taken)
