"""The user agent: every datagram and every request of the gateway's SIP side passes here (RFC 3261 8, 11, 15)."""

from binascii import hexlify

from micropython import const

from femtojack.sip import sdp
from femtojack.sip.address import Via, decimal, dotted, escape_user, parse_uri
from femtojack.sip.call import Call
from femtojack.sip.dialog import Dialog, dialog_of
from femtojack.sip.digest import authorization, parse_challenge
from femtojack.sip.message import MAGIC, MAX_SIZE, parse, reply
from femtojack.sip.registration import Registration
from femtojack.sip.transaction import (
    InviteClient,
    InviteServer,
    NonInviteClient,
    NonInviteServer,
    client_key,
    server_key,
)
from femtojack.ticks import earlier

MAX_CALLS = const(4)
MAX_TRANSACTIONS = const(16)

_ALLOW = b"INVITE, ACK, CANCEL, BYE, OPTIONS, INFO"
_METHODS = _ALLOW.split(b", ")
_REGISTERED = (b"REGISTER", b"MESSAGE", b"SUBSCRIBE", b"NOTIFY", b"REFER", b"UPDATE", b"PRACK", b"PUBLISH")
_ANY_SDP = (b"application/sdp", b"application/*", b"*/*")


class UserAgent:
    """The SIP end of the gateway: calls, the registration, and an answer to whatever else comes.

    config   dict: user, password, domain (str), server (six octets or None), local_ip (four octets), port, expires (s)
    send     send(data, n, addr): one datagram, the first n octets of data to six octets of address
    entropy  entropy(buf): fill with random octets
    events   incoming(call, now), ringing(call, now), answered(call, now), ended(call, status, now),
             progress(call, now): call.remote_sdp is new (183, re-INVITE, the ACK of a call that came without offer),
             registered(ok, status, now): after each attempt. They may call back into the call and the agent.
    trace    trace(point, data)

    Bad input is answered as the RFC says or counted in `dropped`; none raises. No input makes it hold more than
    `most_calls` calls and MAX_TRANSACTIONS transactions. After a call from outside (receive, call, answer ...) `step`
    tells the new deadline.
    """

    def __init__(self, config, send, entropy, events, trace):
        self._datagram = send
        self._entropy = entropy
        self.events = events
        self.trace = trace
        self.dropped = 0
        self.most_calls = MAX_CALLS
        self.pager = None  # without one, MESSAGE is no method of ours
        self._calls = []
        self._transactions = []
        self._octet = bytearray(1)
        self._nonce = b""
        self._nonce_count = 0
        self._user = config["user"].encode()
        self._password = config["password"].encode()
        self._server = config["server"] and bytes(config["server"])
        self._host = dotted(config["local_ip"])
        self._port = config["port"]
        self._elsewhere = config["domain"] != ""  # a domain that is an address is a way without a server
        self._domain = config["domain"].encode() or dotted(self._server or config["local_ip"])
        self._tag = self._token(8)
        name = escape_user(config["user"])
        self.contact = b"sip:" + (name + b"@" if name else b"") + self._host + b":" + decimal(self._port)
        self._identity = b"<sip:" + (name or b"anonymous") + b"@" + self._domain + b">"
        self._registration = None
        if self._server and name:
            dialog = self._dialog(self._identity, b"sip:" + self._domain)
            self._registration = Registration(self, dialog, config["expires"])

    # ---- the board's side

    def receive(self, data, addr, now):
        """One datagram (bytes-like) from `addr` (six octets)."""
        self._sweep()
        message = parse(data)
        if message is None:
            self._drop(b"unreadable")
        elif message.status:
            self._response(message, now)
        elif not message.get(b"Via"):
            self._drop(b"no way back")
        else:
            if message.via:
                message.via.stamp(addr)
            self._request(message, bytes(addr), now)

    def step(self, now):
        """Run what is due. Returns the next deadline or None."""
        self._step_all(now)
        self._sweep()
        # Once more for the deadlines: what was due may have started timers of those that were asked before it.
        return self._step_all(now)

    def _step_all(self, now):
        deadline = self._registration.step(now) if self._registration else None
        for stepping in (self._calls, self._transactions):
            i = 0
            while i < len(stepping):  # what is due may add more
                deadline = earlier(deadline, stepping[i].step(now))
                i += 1
        return deadline

    # ---- the gateway's side

    def call(self, number, body, now, caller=""):
        """Call sip:`number`@domain with the SDP offer `body`. Returns a Call; None without a free place or a way.

        `caller`: a number that the far end is shown beside our own, "" for none.
        """
        dialog, addr = self.dialog_to(number, caller)
        if not addr or len(_alive(self._calls)) >= self.most_calls:
            return None
        call = Call(self, dialog, "calling")
        call.number = number
        call.local_sdp = body
        request = call.dialog.request(b"INVITE", self.via())
        self.describe(request, body)
        if not call.start(request, addr, now):
            return None
        self._calls.append(call)
        return call

    def dialog_to(self, number, caller):
        """(Dialog, six octets) for a first request to sip:`number`@domain; no octets: there is no way to it."""
        uri = b"sip:" + escape_user(number) + b"@" + self._domain
        addr = self._server or (parse_uri(uri).address() if self._elsewhere else None)
        dialog = self._dialog(b"<" + uri + b">", uri, addr)
        if caller:
            dialog.local = b'"' + caller.encode() + b'" ' + dialog.local
        return dialog, addr if number else None

    def register(self, now):
        """Keep a binding at the server from now on. Nothing happens without a server and a user."""
        if self._registration:
            self._registration.want(True, now)

    def take_texts(self, pager):
        """Give every MESSAGE to `pager` (femtojack.sip.pager)."""
        self.pager = pager

    def unregister(self, now):
        """Take the binding back."""
        if self._registration:
            self._registration.want(False, now)

    @property
    def registered(self):
        return self._registration is not None and self._registration.registered

    @property
    def idle(self):
        """Whether no call and no transaction is left."""
        return not _alive(self._calls) and not _alive(self._transactions)

    # ---- services to calls and registration

    def transmit(self, data, addr):
        """One datagram; an impossible one is dropped as the wire would."""
        if len(data) <= MAX_SIZE:
            self._datagram(data, len(data), addr)

    def start(self, request, addr, owner, now):
        """A client transaction for `request`, or None if there is no room."""
        if not self._room():
            return None
        kind = InviteClient if request.method == b"INVITE" else NonInviteClient
        transaction = kind(request, addr, owner, self.transmit, self.trace, now)
        self._transactions.append(transaction)
        return transaction

    def retry(self, transaction, response, now):
        """The same request with credentials for the challenge in `response`: its transaction; None if that is no use.

        Once, and once more if only the nonce had grown stale (RFC 3261 22.2, RFC 2617 3.2.1).
        """
        asks, answers = b"WWW-Authenticate", b"Authorization"
        if response.status == 407:
            asks, answers = b"Proxy-Authenticate", b"Proxy-Authorization"
        challenge = self._challenge(response.get_all(asks))
        request = transaction.request.copy()
        tried = request.get(answers)
        if challenge is None or not self._user or (tried and (not challenge.stale or challenge.nonce in tried)):
            return None
        number = int(request.get(b"CSeq").partition(b" ")[0]) + 1
        transaction.owner.dialog.cseq = number
        request.via = self.via()
        request.replace(b"Via", request.via.encode())
        request.replace(b"CSeq", decimal(number) + b" " + request.method)
        request.replace(answers, self._credentials(challenge, request))
        return self.start(request, transaction.addr, transaction.owner, now)

    def acknowledge(self, dialog, invite):
        """Send the ACK of a 2xx; returns its octets. Credentials are those of the INVITE (RFC 3261 13.2.2.4)."""
        request = dialog.request(b"ACK", self.via())
        for name in (b"Authorization", b"Proxy-Authorization"):
            if invite.get(name):
                request.add(name, invite.get(name))
        data = request.encode()
        self.transmit(data, dialog.next_hop())
        return data

    def respond(self, transaction, status, now, tag=b"", body=b""):
        """Answer through a server transaction."""
        transaction.respond(self._reply(transaction.request, status, tag or self._tag, body), now)

    def register_request(self, dialog, expires):
        """A REGISTER Message."""
        request = dialog.request(b"REGISTER", self.via())
        request.add(b"Contact", b"<" + self.contact + b">")
        request.add(b"Expires", decimal(expires))
        return request

    def describe(self, request, body):
        """Give an INVITE its SDP, and what goes with it."""
        request.add(b"Contact", b"<" + self.contact + b">")
        request.add(b"Allow", self._allow())
        request.add(b"Content-Type", sdp.TYPE)
        request.body = body

    def via(self):
        """A Via with a branch of its own; it asks for rport (RFC 3581 3)."""
        params = [(b"branch", MAGIC + self._token(8)), (b"rport", b"")]
        return Via(b"UDP", self._host, self._port, params)

    def octet(self):
        """A random 0..255."""
        self._entropy(self._octet)
        return self._octet[0]

    # ---- requests that came

    def _request(self, request, source, now):
        if request.error:
            self._refuse(request, source, request.error[0])
            return
        known = self._find(server_key(request, b"INVITE" if request.method == b"ACK" else request.method))
        if known is None:
            self._new_request(request, source, now)
        elif known.receive(request, now):
            self._acknowledged(request, now)

    def _new_request(self, request, source, now):
        method = request.method
        if method == b"ACK":
            self._acknowledged(request, now)
        elif method == b"CANCEL":
            self._cancel(request, source, now)
        elif method not in _METHODS and (method != b"MESSAGE" or self.pager is None):
            self._refuse(request, source, 405 if method in _REGISTERED else 501)
        elif request.get(b"Require") is not None:
            self._refuse(request, source, 420)
        elif method == b"MESSAGE":
            self._text(request, source, now)
        elif request.to.tag is not None:
            self._within_dialog(request, source, now)
        elif method == b"INVITE":
            self._invite(request, source, now)
        else:
            self._refuse(request, source, 200 if method == b"OPTIONS" else 481)

    def _refuse(self, request, source, status, tag=None):
        """Answer without a transaction (RFC 3261 8.2.7): a repeat gets the same answer, nothing is kept."""
        addr = source if request.via is None else request.via.reply_address(source)
        self.transmit(self._reply(request, status, tag or self._tag, b"").encode(), addr)

    def _within_dialog(self, request, source, now):
        call = self._call_of(request)
        if call is None:
            self._refuse(request, source, 481)
            return
        transaction = self._serve(request, source)
        if transaction is None:
            self._refuse(request, source, 503)
        else:
            call.request(transaction, now)

    def _text(self, request, source, now):
        """A text for the pager (RFC 3428 7). Its transaction absorbs repeats."""
        transaction = self._serve(request, source)
        if transaction is None:
            self._refuse(request, source, 503)
        else:
            self.respond(transaction, self.pager.request(request), now)

    def _acknowledged(self, request, now):
        call = self._call_of(request)
        if call:
            call.acknowledged(request, now)

    def _cancel(self, request, source, now):
        """RFC 3261 9.2: the tag is that of the answers to the INVITE."""
        invite = self._find(server_key(request, b"INVITE"))
        calls = [call for call in self._calls if invite and call.began_with(invite)]
        self._refuse(request, source, 200 if invite else 481, calls[0].dialog.local_tag if calls else None)
        for call in calls:
            call.cancelled(now)

    def _invite(self, request, source, now):
        status, session = self._judge(request)
        transaction = None
        if not status and len(_alive(self._calls)) < self.most_calls:
            transaction = self._serve(request, source)
        if transaction is None:
            self._refuse(request, source, status or 503)
            return
        call = Call(self, dialog_of(request, self._token(8), transaction.addr), "incoming")
        call.come(transaction, session, now)
        self._calls.append(call)
        self.respond(transaction, 100, now)
        self.events.incoming(call, now)

    def _judge(self, request):
        """(status to refuse an INVITE with or 0, Session or None), RFC 3261 8.2.2.2, 8.2.3."""
        for other in self._transactions:
            if other.merges(request):
                return 482, None
        if request.get(b"Content-Encoding") or (request.body and request.content_type() != sdp.TYPE):
            return 415, None
        accept = [kind.partition(b";")[0].strip().lower() for kind in (request.get(b"Accept") or b"*/*").split(b",")]
        if not any(kind in _ANY_SDP for kind in accept):
            return 406, None
        session = sdp.parse(request.body)
        if request.body and not (session and session.usable):
            return 488, None
        return 0, session

    def _reply(self, request, status, tag, body):
        """A response with the headers its status wants."""
        response = reply(request, status, tag)
        if 100 < status < 300 and request.method in (b"INVITE", b"OPTIONS"):
            response.add(b"Contact", b"<" + self.contact + b">")
        if status in (200, 405):
            response.add(b"Allow", self._allow())
        if status == 415 or (status == 200 and request.method == b"OPTIONS"):
            response.add(b"Accept", b"text/plain" if request.method == b"MESSAGE" else sdp.TYPE)
        if status == 420:
            response.add(b"Unsupported", b", ".join(request.get_all(b"Require")))
        if body:
            response.add(b"Content-Type", sdp.TYPE)
            response.body = body
        return response

    # ---- responses that came

    def _response(self, message, now):
        """RFC 3261 8.1.3.3, 18.1.2: one Via, ours."""
        known = self._find(client_key(message)) if len(message.get_all(b"Via")) == 1 else None
        if known is None:
            self._drop(b"stray response")
        elif known.receive(message, now):
            known.owner.response(known, message, now)

    def _challenge(self, values):
        for value in values:
            challenge = parse_challenge(value)
            if challenge and challenge.usable:
                return challenge
        return None

    def _credentials(self, challenge, request):
        self._nonce_count = self._nonce_count + 1 if challenge.nonce == self._nonce else 1
        self._nonce = challenge.nonce
        cnonce = self._token(8)
        return authorization(
            challenge, request.method, request.uri, self._user, self._password, cnonce, self._nonce_count
        )

    # ---- tables

    def _find(self, key):
        for transaction in self._transactions:
            if transaction.key == key and not transaction.ended:
                return transaction
        return None

    def _call_of(self, request):
        for call in self._calls:
            if call.dialog.matches(request):
                return call
        return None

    def _serve(self, request, source):
        """A server transaction for `request`, or None if there is no room."""
        if not self._room():
            return None
        kind = InviteServer if request.method == b"INVITE" else NonInviteServer
        transaction = kind(request, source, self.transmit, self.trace)
        self._transactions.append(transaction)
        return transaction

    def _room(self):
        """Make room for one more transaction: the oldest that only waits for repeats goes first."""
        alive = _alive(self._transactions)
        if len(alive) < MAX_TRANSACTIONS:
            return True
        for transaction in alive:
            if transaction.lingering:
                transaction.terminate()
                return True
        return False

    def _sweep(self):
        """Forget what has ended; only where nobody walks the tables."""
        _remove_ended(self._calls)
        _remove_ended(self._transactions)

    # ---- parts of messages

    def _dialog(self, remote, target, addr=None):
        """Ours, not yet shared with anybody."""
        call_id = self._token(12) + b"@" + self._host
        return Dialog(call_id, self._identity, self._token(8), remote, target, addr or self._server)

    def _allow(self):
        return _ALLOW + b", MESSAGE" if self.pager else _ALLOW

    def _token(self, octets):
        """Random hexadecimal, twice as many characters."""
        buf = bytearray(octets)
        self._entropy(buf)
        return hexlify(buf)

    def _drop(self, why):
        self.dropped += 1
        self.trace("sip.drop", why)


def _alive(items):
    return [item for item in items if not item.ended]


def _remove_ended(items):
    i = len(items)
    while i:
        i -= 1
        if items[i].ended:
            items.pop(i)
