"""What the far end's SIP messages are made of: reading, answering, and the dialog they belong to (RFC 3261)."""

import ipaddress
from dataclasses import dataclass, field

from sipmessage import URI, Address, CSeq, Message, Parameters, Request, Response, Via

from femtohost.network import endpoint

COOKIE = "z9hG4bK"  # RFC 3261 8.1.1.7
PORT = 5060
ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, MESSAGE, REGISTER"
REASONS = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    503: "Service Unavailable",
    603: "Decline",
}


READ = ("from_address", "to_address", "call_id", "cseq", "record_route")  # what is read later must be readable


def parse(data):
    """The sipmessage Request or Response of a datagram, its body cut to Content-Length; None if it is malformed."""
    try:
        message = Message.parse(bytes(data))
        for name in READ:
            getattr(message, name)
        if (message.headers.get("Contact"), message.cseq.method) != ("*", "REGISTER"):
            _ = message.contact
        length = message.content_length
        top = message.via[0]
    except (ValueError, LookupError, TypeError):  # what sipmessage raises for odd lines, absent ones, odd parameters
        return None
    if (top.port or PORT) > 65535:
        return None
    if length is not None:
        if not 0 <= length <= len(message.body):  # RFC 3261 18.3
            return None
        message.body = message.body[:length]
    return message


def new_request(method, uri, sequence, local, remote, call_id, via):
    """A Request with the header fields every request has (RFC 3261 8.1.1)."""
    request = Request(method, uri)
    request.via = [via]
    request.max_forwards = 70
    request.from_address, request.to_address = local, remote
    request.call_id = call_id
    request.cseq = CSeq(sequence, method)
    request.content_length = 0
    return request


def with_body(message, body):
    """The message, with a session description (bytes) as its body."""
    message.body = body
    message.headers.set("Content-Type", "application/sdp")
    message.content_length = len(body)
    return message


def response_to(request, code, tag=None):
    """A Response; `tag` goes to a To that has none yet (RFC 3261 8.2.6)."""
    response = Response(code, REASONS.get(code, "Refused"))
    for name in ("Via", "Record-Route", "From", "To", "Call-ID", "CSeq"):
        for value in request.headers.getlist(name):
            response.headers.add(name, value)
    to = request.to_address
    if tag and "tag" not in to.parameters:
        response.to_address = tagged(to, tag)
    response.content_length = 0
    return response


def ack_of(request, response):
    """The ACK to a final response other than 2xx: part of the INVITE's transaction (RFC 3261 17.1.1.3)."""
    ack = new_request(
        "ACK",
        request.uri,
        request.cseq.sequence,
        request.from_address,
        response.to_address,
        request.call_id,
        request.via[0],
    )
    ack.route = request.route
    return ack


def cancel_of(request):
    """The CANCEL of an INVITE (RFC 3261 9.1)."""
    cancel = new_request(
        "CANCEL",
        request.uri,
        request.cseq.sequence,
        request.from_address,
        request.to_address,
        request.call_id,
        request.via[0],
    )
    cancel.route = request.route
    return cancel


def tagged(address, tag):
    """The address with a tag parameter."""
    return Address(address.uri, address.name, address.parameters.replace(tag=tag))


def host_uri(addr, user=None):
    """sip:user@host:port of an endpoint (6 octets)."""
    return URI("sip", str(ipaddress.IPv4Address(addr[:4])), user, port=int.from_bytes(addr[4:], "big"))


def new_via(addr, rng):
    """A Via for a new transaction, from the endpoint `addr`."""
    uri = host_uri(addr)
    return Via("UDP", uri.host, uri.port, Parameters(branch=COOKIE + rng.bytes(8).hex(), rport=None))


def note_source(request, source):
    """Write into the top Via where the request came from (RFC 3261 18.2.1, RFC 3581 4)."""
    top, *rest = request.via
    came = host_uri(source)
    changes = {"received": came.host} if "rport" in top.parameters or came.host != top.host else {}
    if "rport" in top.parameters:
        changes["rport"] = str(came.port)
    request.via = [Via(top.transport, top.host, top.port, top.parameters.replace(**changes)), *rest]


def reply_address(request, source):
    """The endpoint where responses go (RFC 3261 18.2.2, RFC 3581 4); the request has passed note_source."""
    top = request.via[0]
    return source if "rport" in top.parameters else endpoint(source[:4], top.port or PORT)


def uri_endpoint(uri, otherwise):
    """The endpoint of a URI with an IPv4 address, else `otherwise`: nothing here resolves names."""
    try:
        return endpoint(ipaddress.IPv4Address(uri.host).packed, uri.port or PORT)
    except (ValueError, OverflowError):
        return otherwise


@dataclass
class Dialog:
    """One dialog as this end sees it (RFC 3261 12): addresses carry the tags, `sequence` is our last CSeq."""

    call_id: str
    local: Address
    remote: Address
    target: URI
    peer: bytes
    sequence: int
    routes: list = field(default_factory=list)

    def owns(self, request):
        """Does an incoming request belong to this dialog?"""
        return (
            request.call_id == self.call_id
            and request.from_address.parameters.get("tag") == self.remote.parameters.get("tag")
            and request.to_address.parameters.get("tag") == self.local.parameters.get("tag")
        )

    def request(self, method, via, sequence=None):
        """A new request within the dialog; ACK takes the INVITE's sequence number."""
        if sequence is None:
            self.sequence = sequence = self.sequence + 1
        request = new_request(method, self.target, sequence, self.local, self.remote, self.call_id, via)
        request.route = self.routes
        return request

    @property
    def next_hop(self):
        """The endpoint for requests: first route, else the remote target, else where the peer was met."""
        return uri_endpoint(self.routes[0].uri if self.routes else self.target, self.peer)
