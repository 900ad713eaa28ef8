"""Runs in the image: the App lives through a recording (tests/targets/gsm_scene.py), and what a cell takes of the heap.

PARAMETERS: the board's `config`; `base` and `size` of the recording's place in memory; `channels`, how many dedicated
ones there are; `every`: after one of so many steps with all of them in use, the heap is looked at. Prints octets of
heap: names and tables of the GSM modules, a cell at rest, the most with phones on it; how many such steps there were;
then a digest of all that was sent to the baseband.
"""

import gc
import hashlib
import json
from binascii import hexlify

import femtovoice
import uctypes

PARAMETERS = globals()["PARAMETERS"]
tape = memoryview(uctypes.bytearray_at(PARAMETERS["base"], PARAMETERS["size"]))
_HEAD = 3  # of an entry: kind, length
_SOURCE = 7  # octets before a datagram: its socket and source


class Board:
    """Every part of the box; the SLIC does not answer, and nothing is kept."""

    voice = femtovoice
    nor = usb = usb_audio = blocks = store = led = None
    address = bytes((10, 0, 0, 1))
    level = 1

    def __init__(self, config, l1):
        self.config = config
        self.l1 = self if l1 else None
        self.udp = self.pcm = self.spi_slic = self.irq = self.cs_slic = self.reset_slic = self.int_slic = self
        self.at = self.sockets = 0
        self.random = 1
        self.sent = hashlib.sha256()

    def trace(self, point, data):
        pass

    def entropy(self, buf):
        for i in range(len(buf)):
            self.random = self.random * 75 % 65537
            buf[i] = self.random & 0xFF

    def next(self, kind):
        """The payload of the next entry of the recording, if it is of this kind; None: it is not."""
        head = self.at
        if head >= len(tape) or tape[head] != ord(kind):
            return None
        return tape[head + _HEAD : head + _HEAD + (tape[head + 1] | tape[head + 2] << 8)]

    def taken(self, payload):
        self.at += _HEAD + len(payload)

    # -- pins and the SLIC's bus

    def value(self, level=None):
        return self.level

    def write_readinto(self, tx, rx):
        for i in range(len(rx)):
            rx[i] = 0xFF

    def exchange(self, play, captured, ref):
        return False

    # -- the baseband

    def read(self, register):
        return 0x4731

    def write(self, register, value):
        pass

    def recv_into(self, buf):
        message = self.next("L")
        if message is None:
            return 0
        self.taken(message)
        buf[: len(message)] = message
        return len(message)

    def send(self, buf, n):
        self.sent.update(memoryview(buf)[:n])
        return True

    def open(self, port):
        self.sockets += 1
        return Socket(self, self.sockets - 1)


class Socket:
    def __init__(self, board, number):
        self._board, self._number = board, number

    def recv_into(self, buf, addr):
        datagram = self._board.next("U")
        if datagram is None or datagram[0] != self._number:
            return -1
        self._board.taken(datagram)
        n = len(datagram) - _SOURCE
        addr[:] = datagram[1:_SOURCE]
        buf[:n] = datagram[_SOURCE:]
        return n

    def send(self, buf, n, addr):
        pass


def used():
    gc.collect()
    return gc.mem_alloc()


def live(board, app):
    """Live the recording. (the most heap in use after a step with every channel taken, how many such steps)."""
    channels = app.mobile._cell.channels
    assert len(channels) == PARAMETERS["channels"]
    most = count = 0
    while board.at < len(tape):
        while (command := board.next("G")) is not None:
            board.taken(command)
            app.gsm(*json.loads(bytes(command)))
        now = board.next("S")
        board.taken(now)
        app.step(now[0] | now[1] << 8 | now[2] << 16 | now[3] << 24)
        if all(channel.state != "FREE" for channel in channels):
            count += 1
            if count % PARAMETERS["every"] == 1:
                most = max(most, used())
    return most, count


def without_cell():
    before = used()
    app = App(Board(PARAMETERS["config"], False))
    app.step(0)
    return used() - before


from femtojack.app import App  # noqa: E402

without_cell()  # loads what the App loads at need
others = without_cell()
before = used()
import femtojack.gsm.network  # noqa: E402, F401

modules = used() - before
before = used() + others
board = Board(PARAMETERS["config"], True)
app = App(board)
cell = used() - before
most, count = live(board, app)
print(modules, cell, most - before, count)
print(hexlify(board.sent.digest()).decode())
