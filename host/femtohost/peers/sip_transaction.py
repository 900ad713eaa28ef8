"""SIP transactions over UDP (RFC 3261 17), both sides, for the far end."""

from sipmessage import Request

from femtohost.clock import MS, SECOND
from femtohost.peers import sip_message

T1 = 500 * MS  # RFC 3261 17.1.1.1: round-trip estimate
T2 = 4 * SECOND  # RFC 3261 17.1.2.2: longest interval of non-INVITE requests and of INVITE responses
LIFETIME = 64 * T1  # timers B, D, F, H, J


class Repeater:
    """Sends now, and again after T1, 2 T1, 4 T1 ... up to `longest`; after 64 T1 it gives up.

    Timers A and B, E and F, G and H of RFC 3261 17 are all this, and so is the 2xx of its 13.3.1.4.
    """

    def __init__(self, clock, send, on_timeout, longest=LIFETIME):
        self._clock, self._send, self._longest = clock, send, longest
        self._interval = T1
        self._end = clock.after(LIFETIME, lambda: (self.stop(), on_timeout()))
        self._next = clock.after(T1, self._again)
        send()

    def _again(self):
        self._interval = min(2 * self._interval, self._longest)
        self._next = self._clock.after(self._interval, self._again)
        self._send()

    def slow_down(self):
        """A provisional response came to a non-INVITE: on at T2 (RFC 3261 17.1.2.2)."""
        self._interval = T2

    def stop(self):
        self._end.cancel()
        self._next.cancel()


class ClientTransaction:
    """A request under way; `on_response(response)` hears each new response, None on time-out, every 2xx to INVITE."""

    def __init__(self, layer, request, addr, on_response):
        self._layer, self._addr, self._on_response = layer, addr, on_response
        self.request = request
        self.done = False
        invite = request.method == "INVITE"
        self._repeater = Repeater(
            layer.clock, lambda: layer.send(bytes(request), addr), self._time_out, LIFETIME if invite else T2
        )

    def receive(self, response):
        invite = self.request.method == "INVITE"
        if response.code < 200:
            if not self.done:
                self._repeater.stop() if invite else self._repeater.slow_down()
                self._on_response(response)
            return
        if invite and response.code >= 300:
            self._layer.send(bytes(sip_message.ack_of(self.request, response)), self._addr)
        if not self.done or (invite and response.code < 300):
            self._finish(response)

    def _time_out(self):
        self._finish(None)

    def _finish(self, response):
        if not self.done:
            self.done = True
            self._repeater.stop()
            self._layer.forget_later(self)
        self._on_response(response)


class ServerTransaction:
    """A request received, and what was answered; `respond` may be called several times, finally with a final one."""

    def __init__(self, layer, request, source):
        self._layer, self._addr = layer, sip_message.reply_address(request, source)
        self._repeater = None
        self._last = None
        self.request, self.source = request, source
        self.code = 0

    def respond(self, response, on_timeout=lambda: None):
        """Send it; a final one to INVITE is repeated until ACK, `on_timeout()` if none comes within 64 T1."""
        if self.code >= 200:
            raise ValueError(f"{self.request.method} was already answered with {self.code}")
        self._last, self.code = bytes(response), response.code
        if self.code < 200 or self.request.method != "INVITE":
            self.resend()
        else:
            self._repeater = Repeater(self._layer.clock, self.resend, on_timeout, T2)
        if self.code >= 200:
            self._layer.forget_later(self)

    def resend(self):
        """The request came again: so does the last response."""
        if self._last is not None:
            self._layer.send(self._last, self._addr)

    def acknowledged(self):
        """The ACK came: no more repetitions."""
        if self._repeater is not None:
            self._repeater.stop()


class TransactionLayer:
    """All transactions at one socket.

    on_request(transaction) hears every new request; the ACK of a 2xx comes as a transaction too, not to be answered.
    messages: every datagram as (time_ns, "sent" or "received", bytes). malformed: datagrams dropped as no SIP.
    """

    def __init__(self, clock, network, address, port, on_request):
        self.clock = clock
        self.messages = []
        self.malformed = 0
        self._socket = network.open(address, port, self._on_datagram)
        self._on_request = on_request
        self._table = {}

    @property
    def address(self):
        """Own endpoint, 6 octets."""
        return self._socket.address

    def request(self, request, addr, on_response):
        """Send a request to an endpoint as a new transaction."""
        transaction = ClientTransaction(self, request, addr, on_response)
        self._table[_client_key(request)] = transaction
        return transaction

    def cancelled(self, cancel):
        """The INVITE's ServerTransaction that a CANCEL means, or None."""
        return self._table.get(_server_key(cancel, "INVITE"))

    def send(self, data, addr):
        """One datagram, recorded."""
        self.messages.append((self.clock.now, "sent", data))
        self._socket.send(data, addr)

    def forget_later(self, transaction):
        """The final response is out or in: remember the transaction for its repetitions only."""
        self.clock.after(LIFETIME, lambda: self._forget(transaction))

    def _forget(self, transaction):
        for key in [key for key, value in self._table.items() if value is transaction]:
            del self._table[key]

    def _on_datagram(self):
        data, source = self._socket.receive()
        self.messages.append((self.clock.now, "received", data))
        message = sip_message.parse(data)
        if message is None:
            self.malformed += 1
        elif isinstance(message, Request):
            sip_message.note_source(message, source)
            self._receive_request(message, source)
        else:
            transaction = self._table.get(_client_key(message))
            if transaction is not None:
                transaction.receive(message)

    def _receive_request(self, request, source):
        ack = request.method == "ACK"
        key = _server_key(request, "INVITE" if ack else request.method)
        known = self._table.get(key)
        if known is None:
            transaction = ServerTransaction(self, request, source)
            if not ack:
                self._table[key] = transaction
            self._on_request(transaction)
        elif not ack:
            known.resend()
        elif known.code >= 300:
            known.acknowledged()


def _client_key(message):
    """RFC 3261 17.1.3: the branch of the top Via and the method."""
    return message.via[0].parameters.get("branch"), message.cseq.method


def _server_key(request, method):
    """RFC 3261 17.2.3: branch and sent-by of the top Via, and the method; ACK and CANCEL ask for their INVITE's."""
    top = request.via[0]
    return top.parameters.get("branch"), top.host, top.port, method
