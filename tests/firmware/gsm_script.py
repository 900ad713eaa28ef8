"""Runs in any interpreter: eight phones register and call, octet for octet; all that the cell sends is printed.

Under a real MicroPython the traffic of speech and of opportunities to send runs with the heap locked, and the heap that
the cell takes is told on stderr: "heap CODE CELL BUSY" in octets: modules, a cell of eight dedicated channels at
rest, and what eight phones on them add.
"""

import gc
import sys
from binascii import hexlify, unhexlify

try:
    from micropython import heap_lock, heap_unlock

    measured = True
except ImportError:
    measured = False

    def heap_lock():
        pass

    heap_unlock = heap_lock


def used():
    gc.collect()
    return gc.mem_alloc() if measured else 0


begin = used()
from femtojack.config import validate  # noqa: E402
from femtojack.gsm.cell import Cell  # noqa: E402

code = used() - begin


class Baseband:
    """board.l1; nothing of it allocates in `recv_into` and `send` while it is `quiet`."""

    def __init__(self):
        self.irq = self
        self.queue = []
        self.quiet = False
        self.count = 0

    def value(self):
        return 1

    def read(self, register):
        return 0x4731

    def write(self, register, value):
        if not self.quiet:
            print("w", register, value)

    def up(self, kind, chan, payload=b"", link=0, fn=0):
        head = bytes((kind, chan, link, len(payload), 0, fn >> 16, fn >> 8 & 255, fn & 255))
        self.queue.append(head + payload)

    def recv_into(self, buf):
        if self.quiet:
            return self.recv_quiet(buf)
        if not self.queue:
            return 0
        message = self.queue.pop(0)
        buf[: len(message)] = message
        return len(message)

    def recv_quiet(self, buf):
        """RTS.ind and TCH.ind in turn, four to a step."""
        self.count += 1
        kind = self.count % 5
        if kind == 0:
            return 0
        buf[0] = 1 if kind < 4 else 4
        buf[1] = 0x41 if kind < 3 else 0x0A
        buf[2] = 0x40 if kind == 2 else 0
        buf[3] = 0 if kind < 4 else 34
        if kind == 4:
            buf[8], buf[9] = 1, 0xD0
        return 8 + buf[3]

    def send(self, buf, n):
        if self.quiet:
            return True
        print(hexlify(bytes(buf[:n])).decode())
        if buf[0] in (0x43, 0x44):
            self.up(7 if buf[0] == 0x43 else 8, buf[1], b"\0" if buf[0] == 0x43 else b"")
        return True


class Board:
    def __init__(self):
        self.l1 = Baseband()
        self.store = None
        self.octet = 0

    def trace(self, point, data):
        if not self.l1.quiet:
            print(point, data)

    def entropy(self, buf):
        for i in range(len(buf)):
            self.octet = self.octet * 5 + 7 & 255
            buf[i] = self.octet


class User:
    """Takes every call and asks for a traffic channel."""

    def __init__(self):
        self.connections = []
        self.frames = 0

    def opened(self, connection, now):
        self.connections.append(connection)

    def received(self, connection, message, now):
        print("received", hexlify(bytes(message)).decode())
        connection.send(b"\x83\x02", now)
        connection.assign(now)

    def assigned(self, connection, now):
        print("assigned")
        if not connection.speech.attached:
            connection.speech.attach(self.hear, self.wanted)
            self.speech = connection.speech

    def assignment_failed(self, connection, cause, now):
        print("failed", cause)

    def lost(self, connection, cause, now):
        print("lost", cause)

    def hear(self, frame):
        self.frames += 1
        self.speech.send(frame)

    def wanted(self):
        pass


class Script:
    def __init__(self, settings):
        self.board = Board()
        self.l1 = self.board.l1
        self.now = (1 << 30) - 300
        config = validate({"gsm": settings})["gsm"]
        before = used()
        self.cell = Cell(self.board, config)
        self.user = self.cell.users[3] = User()
        self.step(0)
        self.cell_heap = used() - before

    def step(self, ms):
        self.now = (self.now + ms) & (1 << 30) - 1
        deadline = self.cell.step(self.now)
        print(self.now, deadline)
        while self.l1.queue:
            self.cell.step(self.now)

    def block(self, chan, octets, link=0):
        """A block up, then three opportunities to answer."""
        frame = (unhexlify(octets) + b"\x2b" * 23)[:23]
        self.l1.up(2, chan, frame, link)
        self.step(10)
        for i in range(3):
            self.l1.up(1, chan, fn=i)
        self.step(10)

    def access(self, ra, fn):
        """A burst; the number of the channel that it got."""
        free = [channel.free for channel in self.cell.channels]
        self.l1.up(3, 0x88, bytes((ra, 1)), fn=fn)
        self.step(10)
        for i in range(len(free)):
            if free[i] and not self.cell.channels[i].free:
                return self.cell.channels[i].chan_nr

    def register(self, i):
        chan = self.access(i, 1000 + 51 * i)
        self.block(chan, f"013f4905087000f110fffe3308091010000000001{i}")
        self.block(chan, "032101")
        self.block(chan, "0120310559090300000000000001f0")
        self.block(chan, "032101")
        self.block(chan, "014209051b")
        self.block(chan, "016101")

    def call(self, subscriber, i):
        chan = self.access(0xE0 + i, 5000 + 51 * i)
        tmsi = hexlify(subscriber.tmsi).decode()
        self.block(chan, "013f35052471" + "03331f0005f4" + tmsi)
        self.block(chan, "032101")
        self.block(chan, "01203d0345040260805e03810120a11501" + "01")
        self.block(chan, "034101")

    def assigned(self, tch):
        self.block(tch, "013f01")
        self.block(tch, "01000d062900")
        self.block(tch, "016101")

    def run(self, at_once, assigned):
        """Eight phones register, so many at once, and call; the first get their traffic channels."""
        for i in range(8):
            self.register(i)
            if i % at_once == at_once - 1:
                self.step(25000)  # T3111, T3109
                self.step(1000)
        subscribers = sorted(self.cell.subscribers, key=lambda s: s.imsi)
        print([(s.number, s.imsi, s.imei, hexlify(s.tmsi)) for s in subscribers])
        for i in range(8):
            self.call(subscribers[i], i)
            if i < len(assigned):
                self.assigned(assigned[i])
        print([channel.state for channel in self.cell.channels])
        self.busy_heap = used() - begin - code - self.cell_heap

    def quiet(self):
        """Speech and opportunities, without the heap."""
        self.l1.quiet = True
        self.cell.step(self.now)
        heap_lock()
        for _ in range(50):
            self.now += 1
            self.cell.step(self.now)
        heap_unlock()
        self.l1.quiet = False
        print("frames", self.user.frames)


# Eight dedicated channels: four phones talk, four are on an SDCCH, and wait in vain for more.
script = Script({"combined": True, "traffic_channels": 4})
script.run(4, (0x09, 0x0A, 0x0B, 0x0C))
if measured:
    print("heap", code, script.cell_heap, script.busy_heap, file=sys.stderr)
del script
script = Script({})
script.run(8, (0x0A, 0x0B))
script.quiet()
print("done")
