"""Session descriptions for one audio stream (RFC 4566), offered and answered (RFC 3264)."""

from femtojack.sip.address import decimal, dotted, ipv4, is_number

TYPE = b"application/sdp"

# payload type -> encoding; RFC 3551 table 4, RFC 4733. The order is no preference: the offer's order counts.
ENCODINGS = {0: b"PCMU/8000", 8: b"PCMA/8000", 101: b"telephone-event/8000"}
_SPEECH = (b"PCMU/8000", b"PCMA/8000")
_EVENTS = b"telephone-event/8000"
_ALL = (b"PCMU/8000", b"PCMA/8000", b"telephone-event/8000")

SPEECH = (0, 8)  # payload types of a usual offer
EVENTS = 101  # payload type of ours where we offer them

_MIRROR = {b"sendrecv": b"sendrecv", b"sendonly": b"recvonly", b"recvonly": b"sendonly", b"inactive": b"inactive"}
_HELD = {b"sendrecv": b"sendonly", b"recvonly": b"inactive"}  # what one hears no more of (RFC 3264 8.4)


class Session:
    """What the far end said.

    `address` four octets (None: a name, or IPv6) and `port` where its RTP is to go;
    `formats` [(payload type, encoding)] in its order, of which `codec` and `events` are the payload types of the
    first speech encoding we have and of telephone-event, or None; `ptime` ms; `direction` as it sees it;
    `media` all its m= lines, `audio` the index of ours, `origin` (session id, version) of o=.
    """

    def __init__(self):
        self.address: bytes | None = None
        self.port = 0
        self.formats = []
        self.ptime = 20
        self.direction = b"sendrecv"
        self.media = []
        self.audio = -1
        self.origin = (b"0", b"0")

    def _first(self, encodings):
        for payload, encoding in self.formats:
            if encoding in encodings:
                return payload
        return None

    @property
    def codec(self):
        return self._first(_SPEECH)

    @property
    def events(self):
        return self._first((_EVENTS,))

    @property
    def encoding(self):
        """Encoding of `codec`, such as b"PCMU/8000"."""
        for payload, encoding in self.formats:
            if payload == self.codec:
                return encoding
        return None

    @property
    def usable(self):
        """Whether there is an audio stream that we could take part in."""
        return self.codec is not None and self.port > 0 and self.address is not None

    @property
    def hears(self):
        """Whether it wants our audio now."""
        return self.usable and not self.holds

    @property
    def holds(self):
        """Whether it wants to hear nothing; an address of 0.0.0.0 says the same (RFC 3264 8.4)."""
        return self.direction in (b"sendonly", b"inactive") or self.address == bytes(4)


def parse(body):
    """The Session in `body` (bytes), or None if it has no audio stream. Never raises."""
    session = Session()
    for line in body.replace(b"\r", b"").split(b"\n"):
        kind, value = line[:2], line[2:].strip()
        ours = session.audio == len(session.media) - 1  # session level, or our stream's
        if kind == b"m=":
            _read_media(session, value)
        elif kind == b"o=":
            words = value.split()
            session.origin = (words[1], words[2]) if len(words) == 6 else session.origin
        elif kind == b"c=" and ours:
            words = value.split()
            session.address = ipv4(words[2].partition(b"/")[0]) if len(words) == 3 else None
        elif kind == b"a=" and ours:
            _read_attribute(session, value)
    return session if session.audio >= 0 else None


def _read_media(session, value):
    """An m= line; the first live audio stream over RTP is ours."""
    words = value.split()
    session.media.append(words)
    if session.audio >= 0 or len(words) < 4 or words[0] != b"audio" or words[2] != b"RTP/AVP":
        return
    port = words[1].partition(b"/")[0]
    if is_number(port, 65535) and int(port):
        session.audio = len(session.media) - 1
        session.port = int(port)
        numbers = [int(word) for word in words[3:] if is_number(word, 127)]
        session.formats = [(number, ENCODINGS[number] if number in (0, 8) else b"") for number in numbers]


def _read_attribute(session, value):
    name, _, text = value.partition(b":")
    text = text.strip()
    if name in _MIRROR:
        session.direction = name
    elif name == b"ptime" and is_number(text, 200):
        session.ptime = int(text) or 20
    elif name == b"rtpmap":
        payload, _, encoding = text.partition(b" ")
        name, _, rate = encoding.strip().partition(b"/")
        if is_number(payload, 127):
            mapped = (int(payload), _spelt(name + b"/" + rate.partition(b"/")[0]))
            session.formats = [mapped if mapped[0] == pair[0] else pair for pair in session.formats]


def _spelt(encoding):
    """As in ENCODINGS: names there have no case (RFC 4566 6)."""
    for known in _ALL:
        if known.lower() == encoding.lower():
            return known
    return encoding


def offer(address, port, session_id=1, version=1, formats=SPEECH, direction=b"sendrecv", events=None):
    """Octets of an offer: RTP at `address` (four octets) and `port`, payload types `formats` of ENCODINGS, 20 ms;
    `events`: payload type of telephone-event, None without."""
    pairs = [(payload, ENCODINGS[payload]) for payload in formats]
    if events is not None:
        pairs.append((events, _EVENTS))
    return _head(address, session_id, version) + _audio(port, pairs, direction)


def answer(remote, address, port, session_id=1, version=1, holds=False, events=False):
    """Octets of the answer to the Session `remote`: its first speech encoding that we have; None if there is none.

    `holds`: we want to hear nothing. `events`: take telephone-event too, if it is offered.
    """
    if not remote.usable:
        return None
    direction = _MIRROR[remote.direction]
    if holds:
        direction = _HELD.get(direction, direction)
    pairs = [(remote.codec, remote.encoding)]
    if events and remote.events is not None:
        pairs.append((remote.events, _EVENTS))
    body = _head(address, session_id, version)
    for i, words in enumerate(remote.media):
        if i == remote.audio:
            body += _audio(port, pairs, direction)
        elif len(words) >= 4:  # refused, but each keeps its place (RFC 3264 6)
            body += b"m=" + b" ".join([words[0], b"0", words[2], words[3]]) + b"\r\n"
    return body


def reoffer_answer(local, remote, holds=False):
    """Octets of the answer to `remote` in a session where we said `local` (octets); None if it cannot be."""
    said = parse(local)
    if said is None:
        return None
    return answer(remote, said.address, said.port, *_next_version(said), holds, said.events is not None)


def reoffer(local, holds=False, held=False):
    """Octets of a new offer in a session where we said `local`: all that we can (RFC 3261 14.2), in both directions
    unless we hold it; `held`: so does the far end."""
    said = parse(local)
    if said is None:
        return None
    direction = b"sendrecv" if not holds else b"inactive" if held else b"sendonly"
    return offer(said.address, said.port, *_next_version(said), SPEECH, direction, said.events)


def _next_version(said):
    """Session id and the version after that of what was said (RFC 3264 8)."""
    session_id, version = [int(word) if is_number(word, 99999999) else 0 for word in said.origin]
    return session_id, version + 1


def _head(address, session_id, version):
    host = b"IN IP4 " + dotted(address)
    origin = b"o=- " + decimal(session_id) + b" " + decimal(version) + b" " + host
    return b"v=0\r\n" + origin + b"\r\ns=-\r\nc=" + host + b"\r\nt=0 0\r\n"


def _audio(port, formats, direction):
    numbers = b" ".join([decimal(payload) for payload, _ in formats])
    lines = [b"m=audio " + decimal(port) + b" RTP/AVP " + numbers]
    for payload, encoding in formats:
        lines.append(b"a=rtpmap:" + decimal(payload) + b" " + encoding)
        if encoding == _EVENTS:
            lines.append(b"a=fmtp:" + decimal(payload) + b" 0-15")
    lines += [b"a=ptime:20", b"a=" + direction]
    return b"\r\n".join(lines) + b"\r\n"
