"""Datagrams that nobody should send: noise, and SIP and RTP broken in every way."""

import random
import socket

from programs import PATIENCE

BATCH = 80  # datagrams: a socket's buffer of 208 KiB holds as many of 1500 octets, 2304 with their heads
INVITE = (
    "INVITE sip:200@{host} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK{n}\r\nFrom: <sip:x@{me}>;tag={n}\r\n"
    "To: <sip:200@{host}>\r\nCall-ID: {n}@{me}\r\nCSeq: 1 INVITE\r\nContact: <sip:x@{me}>\r\nMax-Forwards: 70\r\n"
    "Content-Type: application/sdp\r\nContent-Length: 79\r\n\r\n"
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4 RTP/AVP 0\r\n"
)
OPTIONS = (
    "OPTIONS sip:200@{host} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK{n}\r\nFrom: <sip:x@{me}>;tag={n}\r\n"
    "To: <sip:200@{host}>\r\nCall-ID: {n}@{me}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


class Garbage:
    """Throws at the SIP and the RTP socket of a box; what it throws follows from `seed`."""

    def __init__(self, sip, rtp, seed):
        self._sip, self._rtp = sip, rtp
        self._random = random.Random(seed)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(PATIENCE)
        self._count = 0

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._socket.close()

    def throw(self, count):
        """`count` datagrams, in batches that the box has read before the next comes."""
        for _ in range(count // BATCH):
            for _ in range(BATCH):
                self._throw_one()
            self._ping()

    def _throw_one(self):
        kind = self._random.randrange(5)
        if kind == 0:
            self._socket.sendto(self._random.randbytes(self._random.randrange(1, 1400)), self._sip)
        elif kind == 1:
            self._socket.sendto(b"\x80\x00" + self._random.randbytes(self._random.randrange(400)), self._rtp)
        else:
            message = self._message(self._random.choice((INVITE, OPTIONS)))
            self._socket.sendto(self._break(message), self._sip)

    def _break(self, message):
        """Cut it off, turn some octets over, or repeat a piece."""
        way, place = self._random.randrange(3), self._random.randrange(len(message))
        if way == 0:
            return message[:place] or b"\0"
        if way == 1:
            broken = bytearray(message)
            for _ in range(self._random.randrange(1, 9)):
                broken[self._random.randrange(len(broken))] = self._random.randrange(256)
            return bytes(broken)
        piece = message[place : place + self._random.randrange(1, 60)]
        return message[:place] + piece * self._random.randrange(1, 20) + message[place:]

    def _message(self, text):
        self._count += 1
        return text.format(host=_text(self._sip), me=_text(self._socket.getsockname()), n=self._count).encode()

    def _ping(self):
        """A good OPTIONS, and its answer among all the others."""
        message = self._message(OPTIONS)
        self._socket.sendto(message, self._sip)
        mine = f"Call-ID: {self._count}@".encode()
        while True:
            answer = self._socket.recv(65536)
            if answer.startswith(b"SIP/2.0 200") and mine in answer:
                return


def _text(endpoint):
    host, port = endpoint
    return f"{host}:{port}"
