"""What the tests of the far end share: virtual time, two far ends, and a hand on the wire."""

import numpy as np
from aiosipua.message import SipMessage

from femtohost.clock import SECOND, Clock
from femtohost.network import Network
from femtohost.peers.far_end import FarEnd

HERE, THERE = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
SDP = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\n"


class Rig:
    """Clock and network; `until(t)` runs to t seconds."""

    def __init__(self, seed=1, **network):
        self.clock = Clock()
        self.network = Network(self.clock, np.random.default_rng(seed), **network)
        self.seed = seed

    def far_end(self, address):
        return FarEnd(self.clock, self.network, np.random.default_rng([self.seed, address[3]]), address)

    def pair(self):
        return self.far_end(HERE), self.far_end(THERE)

    def until(self, seconds):
        end = round(seconds * SECOND)
        while (following := self.clock.next_time()) is not None and following <= end:
            self.clock.run_next()
        self.clock.advance(end)

    def run(self, seconds):
        self.until(self.clock.now / SECOND + seconds)


class Wire(Rig):
    """A far end at 10.0.0.2 and, at 10.0.0.1:5060, a socket whose messages are written by hand."""

    def __init__(self, **network):
        super().__init__(delay_ms=1, **network)
        self.far = self.far_end(THERE)
        self.socket = self.network.open(HERE, 5060)

    def send(self, method, *lines, body="", branch="z9hG4bK1", cseq=1, to_tag="", call="c1", sequence_method=None):
        """A request for sip:555@10.0.0.2 with `lines` as further header fields."""
        tag = f";tag={to_tag}" if to_tag else ""
        head = [
            f"{method} sip:555@10.0.0.2 SIP/2.0",
            f"Via: SIP/2.0/UDP 10.0.0.1:5060;branch={branch};rport",
            'From: "Jack" <sip:100@10.0.0.1>;tag=jack',
            f"To: <sip:555@10.0.0.2>{tag}",
            f"Call-ID: {call}",
            f"CSeq: {cseq} {sequence_method or method}",
            *lines,
            f"Content-Length: {len(body)}",
        ]
        self.socket.send(("\r\n".join(head) + "\r\n\r\n" + body).encode(), self.far.layer.address)

    def invite(self, *lines, **options):
        options.setdefault("body", SDP)
        self.send("INVITE", "Contact: <sip:100@10.0.0.1:5060>", "Content-Type: application/sdp", *lines, **options)

    def answer(self, request, status="200 OK", *lines, body=""):
        """Answer a request of the far end, with `lines` as further header fields."""
        head = [f"SIP/2.0 {status}"]
        head += [
            f"{name}: {value}"
            for name in ("Via", "From", "To", "Call-ID", "CSeq")
            for value in request.headers.get(name)
        ]
        head += [*lines, f"Content-Length: {len(body)}"]
        self.socket.send(("\r\n".join(head) + "\r\n\r\n" + body).encode(), self.far.layer.address)

    def replies(self, seconds=0.01):
        """What arrives within `seconds`, read by aiosipua."""
        self.run(seconds)
        messages = []
        while (datagram := self.socket.receive()) is not None:
            messages.append(SipMessage.parse(datagram[0]))
        return messages

    def codes(self, seconds=0.01):
        """The same as status codes, or methods."""
        return [getattr(m, "status_code", None) or m.method for m in self.replies(seconds)]
