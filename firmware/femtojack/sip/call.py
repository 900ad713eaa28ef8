"""One call: an INVITE's life from either end (RFC 3261 13, 14, 15).

States
    calling     INVITE sent, nothing heard           incoming    INVITE came, not yet answered
    proceeding  a provisional response came          answering   200 sent, no ACK yet (first or re-INVITE)
    abandoned   hung up before anything was heard    leaving     hung up before the ACK
    cancelling  CANCEL sent                          up          the dialog stands
    ended                                            changing    it stands, and we have sent a re-INVITE
"""

from micropython import const

from femtojack.fsm import SharedFsm
from femtojack.sip import sdp
from femtojack.sip.address import parse_uri, printable
from femtojack.sip.transaction import T1, T2, TIMEOUT, same_transaction
from femtojack.ticks import Timer, earlier

_UNANSWERED = const(200000)  # ms: longer than any caller's proxy waits (timer C, RFC 3261 16.6)
_GONE = (408, 481)  # to a request in a dialog: there is none any more (RFC 3261 12.2.1.2)
_PENDING = const(491)  # re-INVITEs have met
# ms from a 491 until another attempt, in steps of 10 (RFC 3261 14.1)
_CALLER_WAITS = const(2100)  # and up to 1900 more; the callee none and up to 2000 more
_CALLER_STEPS = const(191)
_CALLEE_STEPS = const(201)


class Call:
    """Made by UserAgent.call, or given to events.incoming.

    `number`, `name`  far end's user part and display name, printable ASCII str
    `called`          user part that an incoming call is for, the same
    `state`           above; "ended" comes with exactly one events.ended
    `setup`           last status of the INVITE, 0 before any
    `remote_sdp`      sdp.Session or None; each change comes with events.progress or events.answered
    `media`           None: its audio comes by RTP (femtojack.call.exchange has calls that bring their own)
    """

    media = None

    def __init__(self, agent, dialog, state):
        self._agent = agent
        self.dialog = dialog
        self.number = self.name = self.called = ""
        self.setup = 0
        self.remote_sdp = None
        self.local_sdp = b""
        self._invite = None  # transaction of the last INVITE
        self._ack = b""
        self._acked = -1  # CSeq of the INVITE that it is for
        self._repeat = Timer()  # of our 2xx, RFC 3261 13.3.1.4
        self._interval = T1
        self._limit = Timer()  # of waiting for an answer, an ACK, the end of what was cancelled (9.1), or our turn
        self._is_caller = True
        self._holds = self._told = False  # whether we hold it, and what the far end knows of that
        self._telling = False
        self._fsm = SharedFsm("sip.call", _TABLE, state, agent.trace, self)

    @property
    def state(self):
        return self._fsm.state

    @property
    def ended(self):
        return self.state == "ended"

    # ---- what the owner of the call asks; what the state does not allow is ignored

    def ring(self, now):
        """180 for an incoming call."""
        self._fsm.dispatch("ring", None, now)

    def answer(self, body, now):
        """200 for an incoming call, with our SDP: an answer, or an offer if `remote_sdp` is None."""
        self._fsm.dispatch("answer", body, now)

    def reject(self, status, now):
        """Refuse an incoming call: 300..699."""
        self._fsm.dispatch("reject", status, now)

    def hang_up(self, now):
        """End it from any state: CANCEL, 480 or BYE. events.ended comes when the far end cannot take it up any more."""
        self._fsm.dispatch("reject" if self.state == "incoming" else "hang up", 480, now)

    def hold(self, on, now):
        """Want nothing to be heard either way, or take that back; the far end is told as soon as can be."""
        self._holds = on
        if self.state == "up":
            self._offer(now)

    # ---- what the agent hands in

    def start(self, request, addr, now):
        """Send the INVITE. False if there is no room for its transaction."""
        self._invite = self._agent.start(request, addr, self, now)
        return self._invite is not None

    def come(self, transaction, session, now):
        """Take over an INVITE that came. Where its sender is lost, it ends some day."""
        self._limit.start(now, _UNANSWERED)
        self._is_caller = False
        self._invite = transaction
        self.remote_sdp = session
        sender = transaction.request.sender
        self.number = printable(parse_uri(sender.uri).user)
        self.name = printable(sender.display)
        self.called = printable(parse_uri(transaction.request.uri).user)

    def began_with(self, transaction):
        """Whether its last INVITE is the one of `transaction`."""
        return self._invite is transaction

    def response(self, transaction, message, now):
        """A response to a request of this call."""
        method = transaction.request.method
        if message.status in (401, 407) and method != b"CANCEL" and self._retry(transaction, message, now):
            return
        if method == b"INVITE":
            event = "provisional" if message.status < 200 else "success" if message.status < 300 else "failure"
            self._fsm.dispatch(event, message, now)

    def _retry(self, transaction, message, now):
        """Answer a challenge. An INVITE that nobody wants any more is let go."""
        invite = transaction.request.method == b"INVITE"
        if invite and self.state not in ("calling", "proceeding", "changing"):
            return False
        again = self._agent.retry(transaction, message, now)
        if again and invite:
            self._invite = again
            if self.state == "proceeding":
                self._fsm.go("calling")
        return again is not None

    def request(self, transaction, now):
        """A request within the dialog, but ACK (RFC 3261 12.2.2)."""
        message = transaction.request
        if message.cseq <= self.dialog.remote_cseq:
            self._agent.respond(transaction, 500, now)
            return
        self.dialog.remote_cseq = message.cseq
        if message.method != b"INVITE":
            self._agent.respond(transaction, 200, now)
            if message.method == b"BYE":
                self._fsm.dispatch("bye", None, now)
        elif not self._fsm.dispatch("invite", transaction, now):
            self._agent.respond(transaction, 491, now)

    def acknowledged(self, message, now):
        """The ACK of our 2xx."""
        if message.cseq == self._invite.request.cseq:
            self._fsm.dispatch("ack", message, now)

    def cancelled(self, now):
        """A CANCEL for the INVITE that came."""
        self._fsm.dispatch("cancel", None, now)

    def step(self, now):
        """Run what is due. Returns the next deadline or None."""
        if self._limit.due(now):
            self._repeat.stop()
            self._fsm.dispatch("limit", None, now)
        elif self._repeat.due(now):
            self._invite.transmit()
            self._interval = min(2 * self._interval, T2)
            self._repeat.start(now, self._interval)
        return earlier(self._repeat.deadline, self._limit.deadline)

    # ---- states

    def _outgoing(self, event, message, now):
        if event == "provisional":
            self._provisional(message, now)
        elif event == "success":
            self._accepted(message, now)
        elif event == "failure":
            self.setup = message.status
            self._end(message.status, now)
        elif self.state == "calling":  # RFC 3261 9.1: no CANCEL before a provisional response
            self._fsm.go("abandoned")
        else:
            self._cancel(now)

    def _dropped(self, event, message, now):
        if event == "provisional":
            if self.state == "abandoned":
                self._cancel(now)
            return
        if event == "success":
            self._acknowledge(message)
            self._bye(self.dialog, now)
        elif event == "limit":
            self._invite.terminate()
        self._end(487, now)

    def _incoming(self, event, arg, now):
        if event == "ring":
            self._respond(180, now)
        elif event == "answer":
            self._fsm.go("answering")
            self._success(self._invite, arg, now)
        else:
            status = _refusal(event, arg)
            self._respond(status, now)
            self._end(status, now)

    def _answering(self, event, message, now):
        if event == "ack":
            self._settled(message, now)
        elif event == "hang up":
            self._fsm.go("leaving")
        else:
            self._leaving(event, message, now)

    def _leaving(self, event, message, now):
        if event != "bye":
            self._bye(self.dialog, now)
        self._end(408 if event == "limit" else 200, now)

    def _up(self, event, arg, now):
        if event == "success":
            self._again(arg, now)
        elif event == "invite":
            self._reinvite(arg, now)
        elif event == "limit":
            self._offer(now)
        else:
            if event == "hang up":
                self._bye(self.dialog, now)
            self._end(200, now)

    def _changing(self, event, message, now):
        if event == "provisional":
            self._invite.give_up.start(now, TIMEOUT)
        elif event == "success" and message.cseq != self.dialog.cseq:
            self._again(message, now)
        elif event == "success":
            self._changed(message, now)
        elif event == "failure" and message.status not in _GONE:
            self._fsm.go("up")
            if message.status == _PENDING:
                self._limit.start(now, self._turn())
        else:
            if event != "bye":
                self._bye(self.dialog, now)
            self._end(message.status if event == "failure" else 200, now)

    def _ended(self, event, message, now):
        self._again(message, now)

    # ---- outgoing

    def _provisional(self, message, now):
        if self.state == "calling":
            self._fsm.go("proceeding")
        again = message.status == self.setup
        self.setup = message.status
        if message.status == 180 and not again:
            self._agent.events.ringing(self, now)
        session = _session(message)
        if session and session.usable and self.state == "proceeding":
            self.remote_sdp = session
            self._agent.events.progress(self, now)

    def _accepted(self, message, now):
        self._fsm.go("up")
        self.setup = message.status
        self._acknowledge(message)
        self.remote_sdp = _session(message) or self.remote_sdp
        if self.remote_sdp and self.remote_sdp.usable:
            self._agent.events.answered(self, now)
        else:
            self._bye(self.dialog, now)
            self._end(488, now)

    def _acknowledge(self, message):
        """Confirm the dialog that a 2xx makes."""
        self.dialog = self.dialog.answered(message)
        self._confirm()

    def _confirm(self):
        self._acked = self.dialog.cseq
        self._ack = self._agent.acknowledge(self.dialog, self._invite.request)

    def _again(self, message, now):
        """A 2xx once more: of this dialog, or of another branch of a forked INVITE (RFC 3261 13.2.2.4)."""
        if (message.to.tag or b"") == self.dialog.remote_tag:
            if message.cseq == self._acked:
                self._agent.transmit(self._ack, self.dialog.next_hop())
            else:  # of a re-INVITE: we have left in the meantime
                self.dialog.cseq = message.cseq
                self._confirm()
        else:
            other = self.dialog.answered(message)
            self._agent.acknowledge(other, self._invite.request)
            self._bye(other, now)

    def _cancel(self, now):
        self._fsm.go("cancelling")
        invite = self._invite
        request = same_transaction(invite.request, b"CANCEL", invite.request.get(b"To"))
        self._agent.start(request, invite.addr, self, now)
        self._limit.start(now, TIMEOUT)

    def _bye(self, dialog, now):
        self._agent.start(dialog.request(b"BYE", self._agent.via()), dialog.next_hop(), self, now)

    # ---- re-INVITE, from here

    def _offer(self, now):
        """Tell the far end whether we hold the call, if it does not know (RFC 3264 8.4)."""
        self._limit.stop()
        if self._told == self._holds:
            return
        self._telling = self._holds
        request = self.dialog.request(b"INVITE", self._agent.via())
        self._agent.describe(request, sdp.reoffer(self.local_sdp, self._holds, self.remote_sdp.holds))
        if self.start(request, self.dialog.next_hop(), now):
            self._fsm.go("changing")
        else:
            self._limit.start(now, T2)

    def _changed(self, message, now):
        self._fsm.go("up")
        self._told = self._telling
        self.local_sdp = self._invite.request.body
        self.dialog.retarget(message)
        self._confirm()
        self.remote_sdp = _session(message) or self.remote_sdp
        self._agent.events.progress(self, now)
        if self.state == "up":
            self._offer(now)

    def _turn(self):
        """How long to wait after a 491: both ends must not try at the same time again."""
        if self._is_caller:
            return _CALLER_WAITS + self._agent.octet() % _CALLER_STEPS * 10
        return self._agent.octet() % _CALLEE_STEPS * 10

    # ---- incoming

    def _respond(self, status, now, body=b""):
        self.setup = status
        self._agent.respond(self._invite, status, now, self.dialog.local_tag, body)

    def _success(self, transaction, body, now):
        """200, repeated until the ACK."""
        self._invite = transaction
        self.local_sdp = body
        self._respond(200, now, body)
        self._interval = T1
        self._repeat.start(now, T1)
        self._limit.start(now, TIMEOUT)

    def _settled(self, message, now):
        """The ACK came; where we made the offer it holds the answer."""
        self._repeat.stop()
        self._limit.stop()
        self._fsm.go("up")
        session = None if self._invite.request.body else _session(message)
        if session and session.usable:
            self.remote_sdp = session
            self._agent.events.progress(self, now)
        elif self.remote_sdp is None:
            self._bye(self.dialog, now)
            self._end(488, now)
        if self.state == "up":
            self._offer(now)

    def _reinvite(self, transaction, now):
        """RFC 3261 14.2. Without an offer in it, we make a new one."""
        request = transaction.request
        session = _session(request)
        if session:
            body = sdp.reoffer_answer(self.local_sdp, session, self._holds)
        else:
            body = None if request.body else sdp.reoffer(self.local_sdp, self._holds)
        if body is None:
            self._agent.respond(transaction, 488, now)
            return
        if self._holds or session is None or session.direction != b"inactive":
            self._told = self._holds  # the answer to "inactive" cannot say that we would hear
        self.dialog.retarget(request)
        self._fsm.go("answering")
        self._success(transaction, body, now)
        if session:
            self.remote_sdp = session
            self._agent.events.progress(self, now)

    def _end(self, status, now):
        self._repeat.stop()
        self._limit.stop()
        self._fsm.go("ended")
        self._agent.events.ended(self, status, now)


_HEARD = ("provisional", "success", "failure")
_CALLING = ("provisional", "success", "failure", "hang up")
_ARRIVED = ("ring", "answer", "reject", "cancel", "bye", "limit")
_TABLE = {
    "calling": (_CALLING, ("proceeding", "abandoned", "up", "ended"), Call._outgoing),
    "proceeding": (_CALLING, ("calling", "cancelling", "up", "ended"), Call._outgoing),
    "abandoned": (_HEARD, ("cancelling", "ended"), Call._dropped),
    "cancelling": (("provisional", "success", "failure", "limit"), ("ended",), Call._dropped),
    "incoming": (_ARRIVED, ("answering", "ended"), Call._incoming),
    "answering": (("ack", "limit", "bye", "hang up"), ("up", "leaving", "ended"), Call._answering),
    "leaving": (("ack", "limit", "bye"), ("ended",), Call._leaving),
    "up": (("success", "invite", "bye", "hang up", "limit"), ("answering", "changing", "ended"), Call._up),
    "changing": (("provisional", "success", "failure", "bye", "hang up"), ("up", "ended"), Call._changing),
    "ended": (("success",), (), Call._ended),
}


def _refusal(event, status):
    """Why an INVITE that came is not answered."""
    if event in ("cancel", "bye"):
        return 487
    return status if event == "reject" and 300 <= status < 700 else 480


def _session(message):
    return sdp.parse(message.body) if message.content_type() == sdp.TYPE else None
