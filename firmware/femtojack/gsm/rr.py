"""The radio connection of one phone, network side (TS 44.018): the channel it has, and the way to another.

Its session (femtojack.gsm.mm) hears of it:
    session.received(message, now)               a message that is not the radio's own: a view valid during the call
    session.ciphered(message, now)               CIPHERING MODE COMPLETE, whole
    session.classmark(value, now)                classmark 2 of a CLASSMARK CHANGE
    session.assigned(now), session.assignment_failed(cause, now)
    session.lost(cause, now)                     there is no connection any more
"""

from micropython import const

from femtojack.fsm import SharedFsm
from femtojack.gsm import l3
from femtojack.ticks import Timer

T3107 = const(5000)  # ms, TS 44.018 11.1.2: the phone does not come to the channel it was sent to

PAGING_TIMED_OUT = const(1)  # why a connection or a channel could not be had
REFUSED = const(2)
NO_CHANNEL = const(3)
RADIO_LOST = const(4)
PHONE_DETACHED = const(5)
ABORTED = const(6)

OPEN = "OPEN"
ACTIVATING = "ACTIVATING"  # of the new channel
ASSIGNING = "ASSIGNING"  # the phone was sent there
MODIFYING = "MODIFYING"  # the channel is to carry speech
CLOSED = "CLOSED"

_SPEECH = const(1)  # channel mode, TS 44.018 10.5.2.6
_MOST_HELD = const(8)  # messages that wait for the new channel


class RadioConnection:
    """A phone on `channel`. `access` (femtojack.gsm.access) has the other channels."""

    def __init__(self, channel, access, session, trace):
        self.channel = channel
        self._access = access
        self._session = session
        self._trace = trace
        self._fsm = SharedFsm("rr", _TABLE, OPEN, trace, self)
        self._target = None
        self._held = []
        self._algorithm, self._key = 0, b""
        self._t3107 = Timer()
        self._last = b""  # head of the last message with a sequence number
        self._moved = False  # the next one may be its repetition
        self._outcome = None  # of an assignment that needed no message
        channel.serve(self)

    # -- what the session asks for ------------------------------------------------------------------------------------

    @property
    def state(self):
        return self._fsm.state

    def send(self, message, now, sapi=0):
        """Send a layer 3 message; one that comes while the phone changes its channel waits. False: it cannot be."""
        if self.state == ASSIGNING:
            if len(self._held) >= _MOST_HELD:
                return False
            self._held.append((message, sapi))
            return True
        return self.channel.send(message, now, sapi)

    def assign(self, now):
        """Get a traffic channel in speech mode."""
        if self.state == OPEN and self._outcome is None:
            self._fsm.dispatch("assign", None, now)

    def cipher(self, algorithm, key, ask_imeisv, now):
        """Begin to cipher: `algorithm` n is A5/n, `key` its eight octets."""
        self._algorithm, self._key = algorithm, key
        self.channel.cipher(algorithm, key)
        self.channel.send(l3.ciphering_mode_command(algorithm, ask_imeisv), now)

    def release(self, now, cause=l3.RR_NORMAL):
        """Send the phone away; the session hears no more."""
        if self.state == CLOSED:
            return
        self._close()
        self._drop_target(now)
        self.channel.release(now, cause)

    # -- from its channels --------------------------------------------------------------------------------------------

    def active(self, channel, now):
        self._fsm.dispatch("active", channel, now)

    def established(self, channel, info, now):
        """The phone is on the new channel, or back on the old: what it says there decides."""

    def received(self, channel, message, now):
        if l3.pd(message) == l3.PD_RR:
            self._radio_message(channel, message, now)
        elif not self._is_repeated(message):
            self._session.received(message, now)

    def gone(self, channel, now):
        self._fsm.dispatch("gone", channel, now)

    def step(self, now):
        """Run what is due, and tell what needed no message."""
        if self._t3107.due(now):
            self._trace("gsm.timer", b"T3107")
            self._fsm.dispatch("t3107", None, now)
        outcome, self._outcome = self._outcome, None
        if outcome == 0:
            self._session.assigned(now)
        elif outcome is not None:
            self._session.assignment_failed(outcome, now)

    def deadline(self, now):
        """The next one or None."""
        return self._t3107.deadline if self._outcome is None else now

    @property
    def clear(self):
        """Nothing is ciphered."""
        return not self._algorithm

    def _radio_message(self, channel, message, now):
        kind = l3.message_type(message)
        if kind == l3.ASSIGNMENT_COMPLETE:
            self._fsm.dispatch("complete", channel, now)
        elif kind == l3.ASSIGNMENT_FAILURE:
            self._fsm.dispatch("failure", channel, now)
        elif kind == l3.CHANNEL_MODE_MODIFY_ACKNOWLEDGE:
            self._fsm.dispatch("modified", message, now)
        elif kind == l3.CIPHERING_MODE_COMPLETE:
            self._session.ciphered(message, now)
        elif kind == l3.CLASSMARK_CHANGE:
            self._session.classmark(l3.lv(message, 2), now)
        elif kind not in (l3.RR_STATUS, l3.GPRS_SUSPENSION_REQUEST, l3.MEASUREMENT_REPORT):
            self.send(l3.rr_status(l3.UNKNOWN_TYPE), now)

    def _is_repeated(self, message):
        """The first message on a new channel may be one that we have: the phone repeats what it has no
        acknowledgement of, with the same sequence number (TS 24.007 11.2.3.2)."""
        if l3.pd(message) == l3.PD_SMS or len(message) < 2:
            return False
        head = bytes(message[:2])
        repeated = self._moved and head == self._last
        self._moved, self._last = False, head
        return repeated

    # -- states -------------------------------------------------------------------------------------------------------

    def _in_open(self, event, channel, now):
        if event == "gone":
            self._lose(RADIO_LOST, now)
        elif event == "assign":
            self._begin(now)

    def _begin(self, now):
        if self.channel.is_traffic:
            if self.channel.speaks:
                self._outcome = 0
                return
            self._fsm.go(MODIFYING)
            self._t3107.start(now, T3107)
            self.channel.speak(True)
            self.channel.send(l3.channel_mode_modify(self._access.description(self.channel), _SPEECH), now)
            return
        self._target = self._access.take(True)
        if self._target is None:
            self._outcome = NO_CHANNEL
            return
        self._fsm.go(ACTIVATING)
        self._target.activate(self, self.channel.advance, self.channel.power, now)

    def _in_activating(self, event, channel, now):
        if event == "active" and channel is self._target:
            self._fsm.go(ASSIGNING)
            channel.speak(True)
            if self._algorithm:
                channel.cipher(self._algorithm, self._key)
            description = self._access.description(channel)
            self.channel.send(l3.assignment_command(description, channel.power, _SPEECH), now)
            self._t3107.start(now, T3107)
        elif event == "gone":
            self._gone_meanwhile(channel, now)

    def _in_assigning(self, event, channel, now):
        if event == "complete" and channel is self._target:
            old, self.channel, self._target = self.channel, channel, None
            old.drop(now)
            self._moved = True
            self._settle(now)
            self._session.assigned(now)
        elif event == "failure" and channel is self.channel:
            self._drop_target(now)
            self._settle(now)
            self._session.assignment_failed(REFUSED, now)
        elif event == "t3107":
            self.channel.drop(now)
            self._lose(RADIO_LOST, now)
        elif event == "gone" and channel is self._target:
            self._gone_meanwhile(channel, now)

    def _in_modifying(self, event, arg, now):
        if event == "modified" and len(arg) >= 6 and arg[5] == _SPEECH:
            self._settle(now)
            self._session.assigned(now)
        elif event in ("modified", "t3107"):
            self.channel.speak(False)
            self._settle(now)
            self._session.assignment_failed(REFUSED, now)
        elif event == "gone":
            self._lose(RADIO_LOST, now)

    # -- what the states do -------------------------------------------------------------------------------------------

    def _gone_meanwhile(self, channel, now):
        """One of the two channels failed."""
        if channel is self._target:
            self._target = None
            self._settle(now)
            self._session.assignment_failed(NO_CHANNEL, now)
        else:
            self._lose(RADIO_LOST, now)

    def _settle(self, now):
        """The phone is where it is: what was held may go."""
        self._fsm.go(OPEN)
        self._t3107.stop()
        held, self._held = self._held, []
        for message, sapi in held:
            self.channel.send(message, now, sapi)

    def _lose(self, cause, now):
        self._close()
        self._drop_target(now)
        self._session.lost(cause, now)

    def _close(self):
        self._fsm.go(CLOSED)
        self._t3107.stop()
        self._outcome = None
        self._held.clear()

    def _drop_target(self, now):
        target, self._target = self._target, None
        if target:
            target.drop(now)


_TABLE = {
    OPEN: (("assign", "gone"), (ACTIVATING, MODIFYING, CLOSED), RadioConnection._in_open),
    ACTIVATING: (("active", "gone"), (ASSIGNING, OPEN, CLOSED), RadioConnection._in_activating),
    ASSIGNING: (("complete", "failure", "t3107", "gone"), (OPEN, CLOSED), RadioConnection._in_assigning),
    MODIFYING: (("modified", "t3107", "gone"), (OPEN, CLOSED), RadioConnection._in_modifying),
    CLOSED: ((), (), RadioConnection._in_open),
}
