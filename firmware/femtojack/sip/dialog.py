"""Dialogs (RFC 3261 12): who, in which order, and by which way."""

from femtojack.sip.address import decimal, param, parse_address, parse_uri
from femtojack.sip.message import Message


class Dialog:
    """The state two ends share. Without `remote_tag` it is what a first request, or a REGISTER, has of it.

    `local`, `remote` are values of From and To without their tags, `target` and `routes` URIs and route values,
    all bytes; `addr` is six octets, where requests go if neither names an IPv4 address.
    """

    def __init__(self, call_id, local, local_tag, remote, target, addr):
        self.call_id = call_id
        self.local = local
        self.local_tag = local_tag
        self.remote = remote
        self.remote_tag: bytes | None = None
        self.target = target
        self.routes = []
        self.addr = addr
        self.cseq = 0
        self.remote_cseq = -1

    def matches(self, request):
        """Whether a request that came belongs to it."""
        return (
            request.call_id == self.call_id
            and request.to.tag == self.local_tag
            and (request.sender.tag or b"") == self.remote_tag
        )

    def answered(self, response):
        """The dialog that a response to our INVITE makes (RFC 3261 12.1.2): a copy, confirmed or early."""
        dialog = Dialog(self.call_id, self.local, self.local_tag, self.remote, self.target, self.addr)
        dialog.cseq = response.cseq
        dialog.remote_tag = response.to.tag or b""
        dialog.routes = response.get_all(b"Record-Route")
        dialog.routes.reverse()
        dialog.retarget(response)
        return dialog

    def retarget(self, message):
        """Take the remote target from the Contact, if it has one."""
        contact = parse_address(message.get(b"Contact") or b"")
        if contact and parse_uri(contact.uri).host:
            self.target = contact.uri

    def request(self, method, via):
        """A request within the dialog (RFC 3261 12.2.1.1). All but ACK and CANCEL count CSeq up."""
        if method != b"ACK":
            self.cseq += 1
        uri, routes = self._way()
        message = Message(method, uri)
        message.via = via
        message.add(b"Via", via.encode())
        message.add(b"Max-Forwards", b"70")
        message.add(b"From", _tagged(self.local, self.local_tag))
        message.add(b"To", _tagged(self.remote, self.remote_tag))
        message.add(b"Call-ID", self.call_id)
        message.add(b"CSeq", decimal(self.cseq) + b" " + method)
        for route in routes:
            message.add(b"Route", route)
        return message

    def _way(self):
        """(Request-URI, routes): a first hop without `lr` is a strict router and becomes the Request-URI."""
        first = parse_address(self.routes[0]) if self.routes else None
        if first is None or param(parse_uri(first.uri).params, b"lr") is not None:
            return self.target, self.routes
        routes = self.routes[1:]
        routes.append(b"<" + self.target + b">")
        return first.uri, routes

    def next_hop(self):
        """Six octets."""
        first = parse_address(self.routes[0]) if self.routes else None
        uri = parse_uri(first.uri if first else self.target)
        return (uri and uri.address()) or self.addr


def dialog_of(request, tag, addr):
    """The dialog that an INVITE from `addr` makes at its receiver (RFC 3261 12.1.1)."""
    dialog = Dialog(request.call_id, request.get(b"To"), tag, untagged(request.sender), request.sender.uri, addr)
    dialog.remote_tag = request.sender.tag or b""
    dialog.remote_cseq = request.cseq
    dialog.routes = request.get_all(b"Record-Route")
    dialog.retarget(request)
    return dialog


def untagged(address):
    """`address` as a From or To value without its tag."""
    value = b"<" + address.uri + b">"
    if address.display:
        value = b'"' + address.display.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'" ' + value
    for name, text in address.params:
        if name != b"tag":
            value += b";" + name + (b"=" + text if text else b"")
    return value


def _tagged(value, tag):
    return value + b";tag=" + tag if tag else value
