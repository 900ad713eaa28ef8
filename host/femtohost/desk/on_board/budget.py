"""Runs on a board: the heap that the firmware takes, with every part that a Pico can have, and the step of a call with
the heap locked. What the board lacks stands in: a network with a SIP peer on it, a USB port, a disc.

Prints (booted, talking, steps): octets taken after boot and in the call, and the blocks of
the call during whose steps nothing was allocated. The stand-ins are made first, and are not counted.
"""

import gc
import sys

import micropython

BLOCKS = 100  # of the call, 10 ms each: 50 packets each way
SDP = (
    b"v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    b"a=rtpmap:0 PCMU/8000\r\n"
)
COPIED = (b"Via:", b"From:", b"To:", b"Call-ID:", b"CSeq:")


class Socket:
    """A SIP peer that answers every request with 200, and gives back every RTP packet."""

    def __init__(self):
        self.buf = bytearray(1500)
        self.n = -1
        self.from_peer = bytes((10, 0, 0, 2, 19, 196))

    def send(self, buf, n, addr):
        if buf[0] == 0x80:
            self.n = n
            for i in range(n):
                self.buf[i] = buf[i]
        elif buf[:3] != b"ACK":
            self.answer(bytes(buf[:n]))

    def answer(self, request):
        lines = [line for line in request.split(b"\r\n") if line.startswith(COPIED)]
        lines = [line + b";tag=peer" if line.startswith(b"To:") else line for line in lines]
        lines += [b"Contact: <sip:10.0.0.2:5060>", b"Expires: 300", b"Content-Length: %d" % len(SDP)]
        if b"INVITE" in request[:6]:
            lines.append(b"Content-Type: application/sdp")
        text = b"SIP/2.0 200 OK\r\n" + b"\r\n".join(lines) + b"\r\n\r\n" + SDP
        self.n = len(text)
        self.buf[: self.n] = text

    def recv_into(self, buf, addr):
        n, self.n = self.n, -1
        for i in range(n):
            buf[i] = self.buf[i]
        if n > 0:
            for i in range(6):
                addr[i] = self.from_peer[i]
        return n

    def close(self):
        pass


class Udp:
    address = bytes((10, 0, 0, 1))

    def __init__(self):
        self.sockets = [Socket(), Socket()]

    def open(self, port):
        return self.sockets[port != 5060]


class Usb:
    builtin_driver = None

    def config(self, *arguments):
        pass

    def active(self, on=None):
        return False

    def submit_xfer(self, endpoint, buf):
        return True

    def stall(self, endpoint, on=None):
        return False


class UsbAudio:
    mute, volume = False, 0

    def alt(self, itf):
        return 0

    def read(self, buf, start=0):
        return 0

    def write(self, buf):
        return 0

    def space(self):
        return 0


class Blocks:
    count = 4000

    def read(self, block, buf):
        pass


def used():
    gc.collect()
    return FREE - gc.mem_free()


def talk(app, pcm, now):
    """A call's blocks through the voice path with the heap locked, and between them steps of all the rest."""
    for _ in range(BLOCKS):
        while not pcm.due():
            pass
        micropython.heap_lock()
        try:
            app.media.step()
            app.voice.step()
        finally:
            micropython.heap_unlock()
        now += 10
        app.step(now)
    return BLOCKS


UDP, USB, USB_AUDIO, BLOCKS_OF_DISC = Udp(), Usb(), UsbAudio(), Blocks()
sys.path.insert(0, globals()["PARAMETERS"]["path"])
gc.collect()
FREE = gc.mem_free()

from board import Board  # noqa: E402 (from here on it counts)

from femtojack.app import App  # noqa: E402

board = Board()
board.udp = board.udp or UDP
board.usb, board.usb_audio = USB, USB_AUDIO  # to join the real one takes the serial port away for a moment
board.blocks = BLOCKS_OF_DISC
board.store = None
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
steps = talk(app, board.pcm, now) if app.media.running else 0
print((booted, max(talking, used()), steps))
