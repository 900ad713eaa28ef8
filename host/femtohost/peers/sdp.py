"""Session descriptions of the far end: PCMU in 20 ms frames, one audio stream (RFC 8866, RFC 3264)."""

import ipaddress
from dataclasses import dataclass

from femtohost.network import endpoint

PCMU = "0"  # RFC 3551 6
EVENTS = "telephone-event/8000"  # RFC 4733 7.1.1
# RFC 3264 6.1: direction of the answer by direction of the offer
ANSWERS = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
HELD = {"sendrecv": "sendonly", "recvonly": "inactive"}  # what an end says that wants to hear nothing (8.4)


def answer_to(direction, held):
    """The direction of the answer to an offer of `direction`."""
    answer = ANSWERS[direction]
    return HELD.get(answer, answer) if held else answer


@dataclass(frozen=True)
class Media:
    """The remote audio: its endpoint (6 octets) and its direction as the remote end sees it."""

    endpoint: bytes
    direction: str
    events: int | None = None  # payload type of telephone-event

    @property
    def listens(self):
        """May we send to it? Not on hold, and not to the address of old-style hold (RFC 3264 8.4)."""
        return self.direction in ("sendrecv", "recvonly") and any(self.endpoint[:4])


def describe(address, port, session, version, direction="sendrecv", events=None):
    """An offer or answer as bytes: audio at `address` (4 octets) and `port`; `version` grows with each new one;
    `events`: payload type of telephone-event."""
    ip = ipaddress.IPv4Address(address)
    extra = () if events is None else (f"a=rtpmap:{events} {EVENTS}", f"a=fmtp:{events} 0-15")
    lines = (
        "v=0",
        f"o=far {session} {version} IN IP4 {ip}",
        "s=-",
        f"c=IN IP4 {ip}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {PCMU}{'' if events is None else f' {events}'}",
        "a=rtpmap:0 PCMU/8000",
        *extra,
        "a=ptime:20",
        f"a={direction}",
    )
    return "".join(f"{line}\r\n" for line in lines).encode()


def read(body):
    """The Media of an offer or answer (bytes), or None when it has no usable PCMU audio over IPv4."""
    session, *media = body.decode("utf-8", "replace").replace("\r\n", "\n").split("\nm=")
    for section in media:
        kind, port, profile, *formats = section.split("\n", 1)[0].split()[:32] + [""] * 3
        if kind == "audio" and profile == "RTP/AVP" and PCMU in formats and port != "0":
            return _media(f"{session}\n{section}".split("\n"), port)
    return None


def _media(lines, port):
    connections = [line.split()[-1] for line in lines if line.startswith("c=IN IP4 ")]
    directions = [line[2:].strip() for line in lines if line[2:].strip() in ANSWERS and line.startswith("a=")]
    try:
        address = ipaddress.IPv4Address(connections[-1].split("/")[0]).packed
        return Media(endpoint(address, int(port)), directions[-1] if directions else "sendrecv", _events(lines))
    except (IndexError, ValueError, OverflowError):
        return None


def _events(lines):
    for line in lines:
        payload, _, encoding = line.strip().removeprefix("a=rtpmap:").partition(" ")
        if line.startswith("a=rtpmap:") and encoding.lower() == EVENTS and payload.isdecimal() and int(payload) < 128:
            return int(payload)
    return None
