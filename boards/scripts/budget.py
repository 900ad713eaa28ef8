"""Runs on a board: the heap that the firmware takes, with every part that a Pico can have, and the voice path of a call
with the heap locked. What the board lacks stands in: a network with a SIP peer on it, a USB port, a disc.

Prints (booted, talking, steps): octets taken after boot and in the call, and the blocks of the call in which nothing
was allocated. The stand-ins are made first, and are not counted; but each name here takes its place in the
interpreter's table of names, whose last part is 8 KB: there are few, and most are the firmware's too.
"""

import gc
import sys

import micropython


class Board:
    """Stands in for every part, and for the SIP peer on a socket: it answers each request with 200, and gives back
    every RTP packet."""

    address = bytes((10, 0, 0, 1))
    builtin_driver = None
    mute, volume, count = False, 0, 4000

    def __init__(self):
        self.buf = bytearray(1500)
        self.n = -1

    def open(self, port):
        return self if port == 5060 else type(self)()

    def send(self, buf, n, addr):
        if buf[0] == 0x80:
            self.n = n
            for i in range(n):
                self.buf[i] = buf[i]
        elif buf[:3] != b"ACK":
            self.answer(bytes(buf[:n]))

    def answer(self, request):
        body = (
            b"v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
            b"a=rtpmap:0 PCMU/8000\r\n"
        )
        text = b"SIP/2.0 200 OK\r\n"
        for line in request.split(b"\r\n"):
            if line.startswith((b"Via:", b"From:", b"Call-ID:", b"CSeq:")):
                text += line + b"\r\n"
            elif line.startswith(b"To:"):
                text += line + b";tag=peer\r\n"
        text += b"Contact: <sip:10.0.0.2:5060>\r\nExpires: 300\r\n"
        if request.startswith(b"INVITE"):
            text += b"Content-Type: application/sdp\r\n"
        text += b"Content-Length: %d\r\n\r\n" % len(body) + body
        self.n = len(text)
        self.buf[: self.n] = text

    def recv_into(self, buf, addr):
        n, self.n = self.n, -1
        for i in range(n):
            buf[i] = self.buf[i]
        for i in range(6):
            addr[i] = (10, 0, 0, 2, 19, 196)[i]
        return n

    def close(self):
        pass

    def config(self, *arguments):
        pass

    def active(self, on=None):
        return False

    def submit_xfer(self, ep, buf):
        return True

    def stall(self, ep, on=None):
        return False

    def alt(self, itf):
        return 0

    def read(self, buf, start=0):
        return 0

    def write(self, buf):
        return 0

    def space(self):
        return 0


def used():
    gc.collect()
    return free - gc.mem_free()


def step(app, pcm, now):
    """100 blocks of a call through the voice path with the heap locked, and between them steps of all the rest."""
    n = 0
    while n < 100:
        while not pcm.due():
            pass
        micropython.heap_lock()
        try:
            app.media.step()
            app.voice.step()
        finally:
            micropython.heap_unlock()
        n += 1
        now += 10
        app.step(now)
    return n


port = Board()
sys.path.insert(0, globals()["PARAMETERS"]["path"])
gc.collect()
free = gc.mem_free()

from board import Board  # noqa: E402 (from here on it counts)

from femtojack.app import App  # noqa: E402

board = Board()
board.udp = board.udp or port
board.usb = board.usb_audio = port  # to join the real one takes the serial port away for a moment
board.blocks, board.store = port, None
board.config["sip"] = {"server": "10.0.0.2:5060", "user": "100", "password": "secret"}
app = App(board)
app.step(0)
booted = used()
app.control.off_hook(1)
app.control.digit("5", 2)
app.control.digit("#", 3)
now = 4
while not app.media.running and now < 2000:
    app.step(now)
    now += 1
talking = used()
n = step(app, board.pcm, now) if app.media.running else 0
print((booted, max(talking, used()), n))
