"""The small grammars inside SIP header values: lists, parameters, URIs, addresses, Via (RFC 3261 25.1).

All functions take bytes of any content and return None for what the grammar refuses.
"""

from micropython import const

PORT = const(5060)  # RFC 3261 19.1.2

_QUOTE = const(0x22)
_ESCAPE = const(0x5C)
_PLAIN = b"-_.!~*'()&=+$,/"  # with letters and digits: unescaped in a user part


def split_outside(value, separator):
    """Parts of `value` between the octet `separator` where it is outside "..." and <...>; None if one is left open."""
    if b'"' not in value and b"<" not in value:
        return value.split(separator)
    parts = []
    start = 0
    quoted = bracketed = escaped = False
    for i, octet in enumerate(value):
        if escaped:
            escaped = False
        elif quoted:
            escaped = octet == _ESCAPE
            quoted = octet != _QUOTE
        elif octet == _QUOTE:
            quoted = True
        elif octet == 0x3C:  # <
            bracketed = True
        elif octet == 0x3E:  # >
            bracketed = False
        elif octet == separator[0] and not bracketed:
            parts.append(value[start:i])
            start = i + 1
    parts.append(value[start:])
    return None if quoted or bracketed else parts


def parse_params(parts):
    """[(name in lower case, value)] of `name=value` parts; a flag has the value b""."""
    params = []
    for part in parts:
        name, _, value = part.partition(b"=")
        name = name.strip()
        if not name:
            return None
        params.append((name.lower(), value.strip()))
    return params


def param(params, name):
    """Value of the first parameter `name`, b"" for a flag, None when it is absent."""
    for key, value in params:
        if key == name:
            return value
    return None


def unquote(value):
    """What a quoted-string says; any other value as it is."""
    if len(value) < 2 or value[:1] != b'"' or value[-1:] != b'"':
        return value
    parts = value[1:-1].split(b"\\\\")
    return b"\\".join([part.replace(b"\\", b"") for part in parts])


def is_number(text, most):
    """Whether `text` is all digits and says 0..`most`; `most` has at most 9 digits."""
    return text.isdigit() and len(text.lstrip(b"0")) < 10 and int(text) <= most


def decimal(number):
    return str(number).encode()


def dotted(address):
    """b"192.0.2.1" of the first four octets."""
    return b".".join([decimal(octet) for octet in address[:4]])


def ipv4(host):
    """Four octets of b"192.0.2.1"."""
    parts = host.split(b".")
    if len(parts) != 4 or not all(is_number(part, 255) and len(part) < 4 for part in parts):
        return None
    return bytes([int(part) for part in parts])


def socket_address(host, port):
    """Six octets, address and port in network order; None if `host` is a name."""
    address = ipv4(host)
    return address and address + bytes([port >> 8, port & 0xFF])


def _host_port(text):
    """(host, port); port 0 when none is given."""
    host, colon, port = text.strip().partition(b":")
    if text.strip()[:1] == b"[":  # an IPv6 reference has colons of its own
        host, bracket, port = text.strip().partition(b"]")
        host += bracket
        colon, port = port[:1], port[1:]
    host, port = host.strip(), port.strip()
    if not host or (colon and not (is_number(port, 65535) and int(port))):
        return None
    return host, int(port) if colon else 0


class Uri:
    """`scheme:user@host:port;params?headers`. For schemes other than sip and sips only `scheme` is read."""

    def __init__(self, scheme):
        self.scheme = scheme
        self.user = self.host = b""
        self.port = 0
        self.params = []
        self.headers = b""

    def address(self):
        """Where a request to this URI goes: six octets, or None if only a name server could tell."""
        host = param(self.params, b"maddr") or self.host
        return socket_address(host, self.port or PORT)


def parse_uri(text):
    """A Uri."""
    scheme, colon, rest = text.partition(b":")
    if not colon or not scheme or any(octet in text for octet in (b"<", b">", b'"', b" ", b"\t")):
        return None
    uri = Uri(scheme.lower())
    if uri.scheme not in (b"sip", b"sips"):
        return uri
    user, at, rest = rest.rpartition(b"@")
    uri.user = user.partition(b":")[0]
    rest, _, uri.headers = rest.partition(b"?")
    parts = rest.split(b";")
    where = _host_port(parts[0])
    params = parse_params(parts[1:])
    if where is None or params is None or (at and not user):
        return None
    uri.params = params
    uri.host, uri.port = where
    return uri


class Address:
    """`"display" <uri>;params`, the value of From, To, Contact and the routes."""

    def __init__(self, display, uri, params):
        self.display = display
        self.uri = uri
        self.params = params

    @property
    def tag(self):
        return param(self.params, b"tag")


def parse_address(value):
    """An Address; the scheme of its URI is not judged."""
    parts = split_outside(value, b";")
    if parts is None:
        return None
    params = parse_params(parts[1:])
    head = parts[0].strip()
    display = b""
    uri = head
    if head[-1:] == b">":
        at = head.rfind(b"<")
        display = head[:at].strip()
        uri = head[at + 1 : -1].strip()
        if at < 0 or not _is_display(display):
            return None
    elif b"?" in head or b"," in head:  # RFC 3261 20: such a URI needs brackets
        return None
    if params is None or parse_uri(uri) is None:
        return None
    return Address(unquote(display), uri, params)


def _is_display(text):
    if text[:1] == b'"':
        return len(text) > 1 and text[-1:] == b'"'
    return b'"' not in text and b"," not in text and b"<" not in text


class Via:
    """`SIP/2.0/transport host:port;params`; port 0 when none is given."""

    def __init__(self, transport, host, port, params):
        self.transport = transport
        self.host = host
        self.port = port
        self.params = params

    @property
    def branch(self):
        return param(self.params, b"branch")

    @property
    def sent_by(self):
        return self.host + b":" + decimal(self.port) if self.port else self.host

    def reply_address(self, source):
        """Where the response goes, six octets, for a request from `source` (RFC 3261 18.2.2, RFC 3581 4)."""
        if param(self.params, b"rport") is not None:
            return bytes(source)
        port = self.port or PORT
        return bytes(source[:4]) + bytes([port >> 8, port & 0xFF])

    def encode(self):
        """The header value."""
        value = b"SIP/2.0/" + self.transport + b" " + self.sent_by
        for name, text in self.params:
            value += b";" + name + (b"=" + text if text else b"")
        return value

    def stamp(self, source):
        """Note where the request came from: `received` and, if it was asked for, `rport`."""
        asked = param(self.params, b"rport") is not None
        self.params = [pair for pair in self.params if pair[0] not in (b"received", b"rport")]
        if asked:
            self.params.append((b"rport", decimal(source[4] << 8 | source[5])))
        if asked or self.host != dotted(source):
            self.params.append((b"received", dotted(source)))


def parse_via(value):
    """A Via; white space may stand between all of its tokens."""
    parts = split_outside(value, b";")
    if parts is None:
        return None
    params = parse_params(parts[1:])
    protocol = parts[0].split(b"/", 2)
    if params is None or len(protocol) != 3:
        return None
    words = protocol[2].split(None, 1)
    where = _host_port(words[1]) if len(words) == 2 else None
    if where is None or protocol[0].strip().upper() != b"SIP" or protocol[1].strip() != b"2.0":
        return None
    return Via(words[0].upper(), where[0], where[1], params)


def escape_user(text):
    """`text` (str) as the user part of a URI (RFC 3261 25.1)."""
    return b"".join([_escaped(octet) for octet in text.encode()])


def _escaped(octet):
    one = bytes([octet])
    if one.isdigit() or one.isalpha() or one in _PLAIN:
        return one
    return f"%{octet:02X}".encode()


def printable(text):
    """`text` (bytes, %-escapes undone) as str; what is not printable ASCII becomes "?"."""
    parts = text.split(b"%")
    octets = parts[0]
    for part in parts[1:]:
        try:
            octets += bytes([int(part[:2], 16)]) + part[2:]
        except ValueError:
            octets += b"%" + part
    return "".join([chr(octet) if 32 <= octet < 127 else "?" for octet in octets])
