"""Transactions over UDP (RFC 3261 17, RFC 6026): retransmission, absorption of repeats, time-out.

Timers by their letters, and what they do in each machine:

                     retransmit  give up  absorb repeats
    INVITE client        A          B      D after 300-699, M after 2xx
    non-INVITE client    E          F      K
    INVITE server        G          H      I after ACK, L after 2xx
    non-INVITE server    -          -      J

Retransmission of a 2xx to INVITE is the dialog's matter, not the transaction's (RFC 3261 13.3.1.4).
"""

from micropython import const

from femtojack.sip.message import MAGIC, Message
from femtojack.ticks import Timer, earlier

T1 = const(500)  # ms, RFC 3261 17.1.1.1: round trip
T2 = const(4000)  # ms, longest interval of retransmission
T4 = const(5000)  # ms, longest life of a datagram in the network
TIMEOUT = const(32000)  # ms, 64 * T1


def client_key(message):
    """What a response shares with the request it answers (RFC 3261 17.1.3)."""
    return message.via.branch or b"", message.cseq_method


def server_key(request, method):
    """What a request shares with its repeats, and an ACK or CANCEL with the INVITE `method` (RFC 3261 17.2.3)."""
    via = request.via
    branch = via.branch or b""
    if branch[:7] == MAGIC and len(branch) > 7:
        return branch, via.sent_by.lower(), method
    return request.call_id, request.cseq, request.sender.tag, request.get(b"Via"), method  # RFC 2543


class Transaction:
    """One of the four machines. `send(data, addr)` takes octets; `trace` sees the letter of each timer that fires."""

    letters = b"---"  # of retransmit, give_up, absorb

    def __init__(self, key, addr, state, send, trace):
        self.key = key
        self.addr = addr
        self.state = state
        self.data = b""  # what is retransmitted
        self.retransmit = Timer()
        self.give_up = Timer()
        self.absorb = Timer()
        self._interval = T1
        self._send = send
        self._trace = trace

    @property
    def ended(self):
        return self.state == "terminated"

    @property
    def lingering(self):
        """Whether it only waits for repeats: nothing is lost but neatness if it goes."""
        return self.absorb.running or self.state == "completed"

    def transmit(self):
        self._send(self.data, self.addr)

    def step(self, now):
        """Run what is due. Returns the next deadline or None."""
        if self.give_up.due(now):
            self._fired(1)
            self.terminate()
            self.timed_out(now)
        elif self.absorb.due(now):
            self._fired(2)
            self.terminate()
        elif self.retransmit.due(now):
            self._fired(0)
            self.transmit()
            self._interval = self._longer()
            self.retransmit.start(now, self._interval)
        return earlier(earlier(self.retransmit.deadline, self.give_up.deadline), self.absorb.deadline)

    def terminate(self):
        self._quiet()
        self.absorb.stop()
        self.state = "terminated"

    def timed_out(self, now):
        """Nobody answered."""

    def merges(self, request) -> bool:
        """Whether `request` is the INVITE it serves, come by another way (RFC 3261 8.2.2.2)."""
        return False

    def _longer(self):
        return min(2 * self._interval, T2)

    def _quiet(self):
        self.retransmit.stop()
        self.give_up.stop()

    def _linger(self, state, now, ms):
        self._quiet()
        self.state = state
        self.absorb.start(now, ms)

    def _fired(self, which):
        self._trace("sip.timer", self.letters[which : which + 1])


class Client(Transaction):
    """Sends `request` (a Message) at once. `owner.response(transaction, message, now)` gets what it should see.

    A time-out is a 408 (RFC 3261 8.1.3.1). `first_state` is each kind's own.
    """

    first_state = ""

    def __init__(self, request, addr, owner, send, trace, now):
        super().__init__((request.via.branch, request.method), addr, self.first_state, send, trace)
        self.request = request
        self.owner = owner
        self.data = request.encode()
        self.transmit()
        self.retransmit.start(now, T1)
        self.give_up.start(now, TIMEOUT)

    def timed_out(self, now):
        self.owner.response(self, Message(status=408), now)


class InviteClient(Client):
    """RFC 3261 17.1.1. It writes the ACK of a refusal."""

    letters = b"ABD"
    first_state = "calling"

    def receive(self, response, now):
        """A response with this key; True if the owner should see it."""
        if self.state in ("calling", "proceeding"):
            self._first(response, now)
            return True
        if self.state == "accepted":
            return 200 <= response.status < 300
        if response.status >= 300:
            self._acknowledge(response)
        return False

    def _first(self, response, now):
        if response.status < 200:
            self._quiet()
            self.state = "proceeding"
        elif response.status < 300:
            self.letters = b"ABM"
            self._linger("accepted", now, TIMEOUT)
        else:
            self._acknowledge(response)
            self._linger("completed", now, TIMEOUT)

    def _acknowledge(self, response):
        """RFC 3261 17.1.1.3."""
        self._send(same_transaction(self.request, b"ACK", response.get(b"To")).encode(), self.addr)

    def _longer(self):
        return 2 * self._interval


class NonInviteClient(Client):
    """RFC 3261 17.1.2."""

    letters = b"EFK"
    first_state = "trying"

    def receive(self, response, now):
        """A response with this key; True if the owner should see it."""
        if self.state == "completed":
            return False
        if response.status >= 200:
            self._linger("completed", now, T4)
        else:
            self.state = "proceeding"
            self._interval = T2
        return True


def same_transaction(request, method, to):
    """The ACK (of a refusal) or CANCEL that goes with `request` (RFC 3261 9.1, 17.1.1.3)."""
    message = Message(method, request.uri)
    message.via = request.via
    for name in (b"Via", b"Max-Forwards", b"From"):
        message.add(name, request.get(name))
    message.add(b"To", to)
    message.add(b"Call-ID", request.get(b"Call-ID"))
    message.add(b"CSeq", request.get(b"CSeq").partition(b" ")[0] + b" " + method)
    for route in request.get_all(b"Route"):
        message.add(b"Route", route)
    return message


class Server(Transaction):
    """Answers `request`, which came from `source` (six octets)."""

    def __init__(self, request, source, send, trace):
        addr = request.via.reply_address(source)
        super().__init__(server_key(request, request.method), addr, "proceeding", send, trace)
        self.request = request

    def respond(self, response, now):
        """Send `response` (a Message); repeats of the request get it again."""
        self.data = response.encode()
        self.transmit()
        if response.status >= 200:
            self._final(response.status, now)

    def _final(self, status, now):
        """Go where a final response leads; each kind of server has its own way."""


class InviteServer(Server):
    """RFC 3261 17.2.1, RFC 6026 7.1."""

    letters = b"GHI"

    def receive(self, request, now):
        """A repeat of the INVITE, or an ACK with its key; True if it is the ACK of a 2xx, which the dialog needs."""
        if request.method != b"ACK":
            if self.state in ("proceeding", "completed") and self.data:
                self.transmit()
            return False
        if self.state == "completed":
            self._linger("confirmed", now, T4)
        return self.state == "accepted"

    def merges(self, request):
        ours = self.request
        return (ours.call_id, ours.sender.tag, ours.cseq) == (request.call_id, request.sender.tag, request.cseq)

    def _final(self, status, now):
        if status < 300:
            self.letters = b"GHL"
            self._linger("accepted", now, TIMEOUT)
        else:
            self.state = "completed"
            self.retransmit.start(now, T1)
            self.give_up.start(now, TIMEOUT)


class NonInviteServer(Server):
    """RFC 3261 17.2.2."""

    letters = b"--J"

    def receive(self, request, now):
        """A repeat of the request; always False."""
        if self.data:
            self.transmit()
        return False

    def _final(self, status, now):
        self._linger("completed", now, TIMEOUT)
