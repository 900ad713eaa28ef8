"""SIP messages: octets to Message and back (RFC 3261 7, 8.2.6, 18.3, 20)."""

from micropython import const

from femtojack.sip.address import decimal, is_number, parse_address, parse_uri, parse_via, split_outside

MAX_SIZE = const(4096)  # octets of a datagram that is read
MAX_HEADERS = const(96)  # lines; what has more is not from a telephone

MAGIC = b"z9hG4bK"  # RFC 3261 8.1.1.7

_KNOWN = (
    b"Via", b"From", b"To", b"Call-ID", b"CSeq", b"Contact", b"Max-Forwards", b"Route", b"Record-Route",
    b"Content-Length", b"Content-Type", b"Content-Encoding", b"Accept", b"Allow", b"Require", b"Supported",
    b"Unsupported", b"Expires", b"Min-Expires", b"Retry-After", b"WWW-Authenticate", b"Proxy-Authenticate",
    b"Authorization", b"Proxy-Authorization", b"User-Agent", b"Subject", b"Warning",
)  # fmt: skip
_NAMES = {name.lower(): name for name in _KNOWN}
_COMPACT = {  # RFC 3261 7.3.3
    b"v": b"Via", b"f": b"From", b"t": b"To", b"i": b"Call-ID", b"m": b"Contact", b"l": b"Content-Length",
    b"c": b"Content-Type", b"e": b"Content-Encoding", b"k": b"Supported", b"s": b"Subject",
}  # fmt: skip
_LISTS = (b"Via", b"Contact", b"Route", b"Record-Route")  # read one value a header (RFC 3261 7.3.1)
_ONCE = (b"From", b"To", b"Call-ID", b"CSeq")
_AT_MOST_ONCE = (b"Max-Forwards", b"Content-Length", b"Content-Type")

REASONS = {
    100: b"Trying", 180: b"Ringing", 183: b"Session Progress", 200: b"OK", 202: b"Accepted", 400: b"Bad Request",
    403: b"Forbidden", 404: b"Not Found", 405: b"Method Not Allowed", 406: b"Not Acceptable",
    408: b"Request Timeout", 410: b"Gone", 415: b"Unsupported Media Type", 416: b"Unsupported URI Scheme",
    420: b"Bad Extension", 480: b"Temporarily Unavailable", 481: b"Call/Transaction Does Not Exist",
    482: b"Loop Detected", 484: b"Address Incomplete", 486: b"Busy Here", 487: b"Request Terminated",
    488: b"Not Acceptable Here", 491: b"Request Pending", 500: b"Server Internal Error", 501: b"Not Implemented",
    502: b"Bad Gateway", 503: b"Service Unavailable", 504: b"Server Time-out", 505: b"Version Not Supported",
    513: b"Message Too Large", 603: b"Decline",
}  # fmt: skip


def _canonical(name):
    lower = name.lower()
    return _NAMES.get(lower) or _COMPACT.get(lower) or lower


class Message:
    """A request (`method`, `uri`) or a response (`status`, `reason`; `status` is 0 in a request).

    `headers` is [(name, value)] in order, bytes; names in their long form, unknown ones in lower case.
    `error` is None or the (status, reason) with which a bad request must be refused. Where it is None after
    `parse`, these are read: `via` (Via), `sender` (From), `to` (Address), `call_id`, `cseq` (int), `cseq_method`.
    """

    def __init__(self, method=b"", uri=b"", status=0, reason=b""):
        self.method = method
        self.uri = uri
        self.status = status
        self.reason = reason
        self.headers = []
        self.body = b""
        self.error: tuple | None = None
        self.via = self.sender = self.to = None
        self.call_id = self.cseq_method = b""
        self.cseq = 0

    def add(self, name, value):
        self.headers.append((name, value))

    def get(self, name):
        """First value of the header, any case, or None."""
        name = _canonical(name)
        for key, value in self.headers:
            if key == name:
                return value
        return None

    def get_all(self, name):
        """All its values in order; those of Via, Contact and the routes are one list element each."""
        name = _canonical(name)
        return [value for key, value in self.headers if key == name]

    def replace(self, name, value):
        """Give the first `name` header another value, or add one."""
        for i, (key, _) in enumerate(self.headers):
            if key == name:
                self.headers[i] = (name, value)
                return
        self.add(name, value)

    def content_type(self):
        """Media type in lower case without parameters, b"" if there is none."""
        return (self.get(b"Content-Type") or b"").partition(b";")[0].strip().lower()

    def copy(self):
        """Another Message of the same parts, with a list of headers of its own."""
        message = Message(self.method, self.uri, self.status, self.reason)
        message.headers = list(self.headers)
        message.body = self.body
        return message

    def encode(self):
        """The octets to send. Content-Length is written here."""
        if self.status:
            start = b"SIP/2.0 " + decimal(self.status) + b" " + self.reason
        else:
            start = self.method + b" " + self.uri + b" SIP/2.0"
        lines = [start]
        for name, value in self.headers:
            lines.append(name + b": " + value)
        lines.append(b"Content-Length: " + decimal(len(self.body)))
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body


def parse(data):
    """The Message in the datagram `data` (bytes-like).

    None for what cannot be answered: no SIP, too long, or a response or ACK that is wrong. Never raises.
    """
    if len(data) > MAX_SIZE:
        return None
    head, blank, body = bytes(data).lstrip(b"\r\n").partition(b"\r\n\r\n")  # leading CRLF: RFC 3261 7.5
    lines = head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").split(b"\r\n")
    message = _start_line(lines[0])
    if message is None:
        return None
    message.body = body
    error = _read_headers(message, lines) or (None if blank else b"No Empty Line") or _check(message)
    if error and not message.error:
        message.error = (400, error)
    return None if message.error and (message.status or message.method == b"ACK") else message


def _start_line(line):
    if line[:8].upper() == b"SIP/2.0 ":
        code = line[8:11]
        if not code.isdigit() or not b"100" <= code < b"700" or line[11:12] not in (b"", b" "):
            return None
        return Message(status=int(code), reason=line[12:])
    words = line.split(b" ")
    if b" SIP/" not in line.upper():
        return None
    message = Message(words[0], words[1])
    if len(words) != 3 or not words[0]:
        message.error = (400, b"Bad Request Line")
    elif words[2].upper() != b"SIP/2.0":
        message.error = (505, REASONS[505])
    else:
        message.error = _judge_uri(words[1])
    return message


def _judge_uri(text):
    """Why a Request-URI is refused, or None (RFC 3261 8.2.2.1, 19.1.1)."""
    uri = parse_uri(text)
    if uri is None or uri.headers:
        return 400, b"Bad Request-URI"
    return None if uri.scheme in (b"sip", b"sips", b"tel") else (416, REASONS[416])


def _read_headers(message, lines):
    """Fill `headers`; returns what is wrong, or None."""
    if len(lines) > MAX_HEADERS:
        message.error = (513, REASONS[513])
    for line in lines[1:MAX_HEADERS]:
        name, colon, value = line.partition(b":")
        name = name.strip()
        if not colon or not name or b" " in name or b"\n" in line or b"\r" in line:
            return b"Bad Header Line"
        name = _canonical(name)
        values = split_outside(value, b",") if name in _LISTS else (value,)
        if values is None:
            return b"Bad " + name
        for part in values:
            message.add(name, part.strip())
    return None


def _check(message):
    """Read the headers that every message needs; returns what is wrong, or None."""
    for name in _ONCE:
        if len(message.get_all(name)) != 1:
            return b"One " + name + b" Needed"
    for name in _AT_MOST_ONCE:
        if len(message.get_all(name)) > 1:
            return b"More Than One " + name
    vias = [parse_via(value) for value in message.get_all(b"Via")]
    if not vias or None in vias:
        return b"Bad Via"
    message.via = vias[0]
    message.sender = parse_address(message.get(b"From"))
    message.to = parse_address(message.get(b"To"))
    if message.sender is None or message.to is None:
        return b"Bad From or To"
    for contact in message.get_all(b"Contact"):
        if contact != b"*" and parse_address(contact) is None:
            return b"Bad Contact"
    message.call_id = message.get(b"Call-ID")
    return _check_cseq(message) or _check_length(message)


def _check_cseq(message):
    words = message.get(b"CSeq").split()
    if len(words) != 2 or not words[0].isdigit() or len(words[0].lstrip(b"0")) > 10:
        return b"Bad CSeq"
    message.cseq = int(words[0])
    message.cseq_method = words[1]
    if message.cseq >= 1 << 31 or (message.method and message.method != words[1]):  # RFC 3261 8.1.1.5
        return b"Bad CSeq"
    return None


def _check_length(message):
    """Content-Length against what came (RFC 3261 18.3): more is cut off, less is an error."""
    length = message.get(b"Content-Length")
    if length is None:
        return None
    if not is_number(length, len(message.body)):
        return b"Bad Content-Length"
    message.body = message.body[: int(length)]
    return None


def reply(request, status, tag):
    """The response Message to `request` (RFC 3261 8.2.6). `tag` goes into To if that has none."""
    response = Message(status=status, reason=REASONS.get(status, b"Refused"))
    if request.error and status == request.error[0]:
        response.reason = request.error[1]
    vias = request.get_all(b"Via")
    if request.via:
        vias[0] = request.via.encode()
    for via in vias:
        response.add(b"Via", via)
    for name in _ONCE:
        for value in request.get_all(name):
            response.add(name, value)
    if status > 100 and request.to and request.to.tag is None:
        response.replace(b"To", request.get(b"To") + b";tag=" + tag)
    if 100 < status < 300:
        for route in request.get_all(b"Record-Route"):  # RFC 3261 12.1.1
            response.add(b"Record-Route", route)
    return response
