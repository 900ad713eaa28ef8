"""Runs in the image: a call's audio with the heap locked, in both directions and with packets lost and late."""

import femtovoice
import micropython

from femtojack.voice.bridge import Bridge
from femtojack.voice.media import Media
from femtojack.voice.path import VoicePath

SPEND = globals()["PARAMETERS"]["spend"]  # allocate on purpose, to show that it would be found
HEADER, FRAME = 12, 160


class Remote:
    address, port, codec, usable, hears = bytes((10, 0, 0, 2)), 4000, 8, True, True


class Pcm:
    def __init__(self):
        self.due = False

    def exchange(self, play, captured, ref):
        due, self.due = self.due, False
        if due and SPEND:
            bytearray(16)
        return due


class Socket:
    """Hands out one packet when it is told to; its sequence number advances in place."""

    def __init__(self):
        self.packet = bytearray(HEADER + FRAME)
        self.packet[0], self.packet[1] = 0x80, Remote.codec
        self.waits = 0
        self.sent = 0

    def arrive(self):
        self.waits = 1
        self.skip()

    def skip(self):
        self.packet[3] = (self.packet[3] + 1) & 255
        if self.packet[3] == 0:
            self.packet[2] = (self.packet[2] + 1) & 255

    def recv_into(self, buf, addr):
        if not self.waits:
            return -1
        self.waits -= 1
        for i in range(HEADER + FRAME):
            buf[i] = self.packet[i]
        return HEADER + FRAME

    def send(self, buf, n, addr):
        self.sent += 1


class Udp:
    address = bytes((10, 0, 0, 1))

    def __init__(self):
        self.socket = Socket()

    def open(self, port):
        return self.socket


class Board:
    voice = femtovoice

    def __init__(self):
        self.pcm, self.udp = Pcm(), Udp()

    def entropy(self, buf):
        pass


def talk(board, media, path, frames):
    """Two blocks a frame. One frame in 50 is lost, one in 70 comes twice, and once there is a pause."""
    socket = board.udp.socket
    for frame in range(frames):
        if frame % 50 == 49:
            socket.skip()
        elif not 200 < frame < 260:
            socket.arrive()
        if frame % 70 == 69:
            socket.waits = 2
        for _ in range(2):
            board.pcm.due = True
            media.step()
            path.step()


board = Board()
bridge = Bridge()
path = VoicePath(board, {"taps": 128, "nlp": True, "comfort_noise": True}, bridge)
media = Media(board, 4000)
media.start(Remote)
bridge.join(path, media)
micropython.heap_lock()
try:
    talk(board, media, path, 600)
finally:
    micropython.heap_unlock()
print("sent", board.udp.socket.sent)
counters = media.counters()
print("received", counters["received"], "lost", counters["lost"], "bad", counters["bad"])
