"""The Board of a MicroPython interpreter on the host: the hardware is at the other end of a pipe.

The same models as everywhere serve it (femtohost.targets.pipe). The command line ends with two descriptors: the first
brings frames from the host, the second takes frames to it; stdout and stderr stay the interpreter's own.

A frame: operation u8, length u16, payload; all numbers little-endian.

 to the host, no answer       payload
  t  trace                    length of point u8, point, data
  p  pin                      index in PINS u8, level u8
  x  PCM exchange             the block to play, 160 octets
  u  send a datagram          socket u8, endpoint (6 octets), data
  c  close a socket           socket u8
 to the host, answered by R (the answer) or E (an errno, u16: OSError)
  g  configuration            -                                  -> JSON: config, address
  s  SPI transfer             octets                             -> level of the interrupt pin u8, octets
  o  open a UDP port          port u16                           -> socket u8
  e  entropy                  count u16                          -> octets
  w  wait                     ms u32                             -> -
  v  native voice             function (a letter), arguments     -> see Voice
 from the host
  P  a PCM block is there     captured, ref: 160 octets each
  U  a datagram is there      socket u8, endpoint, data
  I  the interrupt pin        level u8
  S  step                     now u32                            answered by d: the deadline, u32, or nothing
  H  shut down                now u32                            answered by d
  Q  how are you              -                                  answered by d: JSON, App.status and the heap

`S`, `H` and `Q` come only while the App waits, from `run` on (told by an r).
"""

import gc
import json
import struct
import sys

PINS = ("cs_slic", "reset_slic")
_BLOCK = 160
_BUFFER = 4096  # of frames not yet written; a larger frame goes alone


class Pipe:
    """Frames to and from the host. Frames that need no answer wait for one that does."""

    def __init__(self, inputs):
        self._in = open(int(sys.argv[-2]), "rb")  # noqa: SIM115 (open for ever)
        self._out = open(int(sys.argv[-1]), "wb")  # noqa: SIM115
        self._inputs = inputs
        self._head = bytearray(3)
        self._buffer = bytearray(_BUFFER)
        self._view = memoryview(self._buffer)
        self._used = 0

    def post(self, op, *parts):
        """Send a frame some time before the next answer is asked for."""
        length = 0
        for part in parts:
            length += len(part)
        if self._used + 3 + length > _BUFFER:
            self.flush()
        if 3 + length > _BUFFER:
            self._write(struct.pack("<BH", ord(op), length))
            for part in parts:
                self._write(part)
            return
        struct.pack_into("<BH", self._buffer, self._used, ord(op), length)
        self._used += 3
        for part in parts:
            self._view[self._used : self._used + len(part)] = part
            self._used += len(part)

    def flush(self):
        self._write(self._view[: self._used])
        self._used = 0

    def _write(self, data):
        sent = 0
        while sent < len(data):
            sent += self._out.write(data[sent:] if sent else data)

    def ask(self, op, *parts):
        """Send a frame and return the payload of its answer; OSError where the host says so."""
        self.post(op, *parts)
        self.flush()
        while True:
            op, payload = self.read()
            if op == b"R":
                return payload
            if op == b"E":
                raise OSError(struct.unpack("<H", payload)[0])
            self._inputs[op](payload)

    def read(self):
        """The next frame: (operation, payload)."""
        self._fill(self._head)
        op, length = struct.unpack("<BH", self._head)
        payload = bytearray(length)
        self._fill(payload)
        return bytes((op,)), payload

    def _fill(self, buffer):
        view, got = memoryview(buffer), 0
        while got < len(buffer):
            n = self._in.readinto(view[got:])
            if not n:
                print("the pipe to the host is closed")
                sys.exit(1)
            got += n


class Pin:
    """An output; the host knows it by its index."""

    def __init__(self, pipe, index):
        self._pipe, self._index = pipe, index

    def value(self, level):
        self._pipe.post("p", bytes((self._index, level)))


class InterruptPin:
    """An input whose level comes with each step and each SPI transfer."""

    def __init__(self):
        self.level = 1

    def value(self):
        return self.level


class Spi:
    def __init__(self, pipe, interrupt):
        self._pipe, self._interrupt = pipe, interrupt

    def write_readinto(self, tx, rx):
        answer = self._pipe.ask("s", tx)
        self._interrupt.level = answer[0]
        rx[:] = answer[1:]


class Pcm:
    def __init__(self, pipe):
        self._pipe = pipe
        self._due = None

    def take(self, payload):
        self._due = payload

    def exchange(self, play, captured, ref):
        due = self._due
        if due is None:
            return False
        self._due = None
        self._pipe.post("x", bytes(play))
        _copy(due, 0, captured)
        _copy(due, _BLOCK, ref)
        return True


def _copy(source, start, samples):
    """Octets from `start` on into an array('h')."""
    for i, value in enumerate(struct.unpack_from(f"<{len(samples)}h", source, start)):
        samples[i] = value


class Udp:
    def __init__(self, pipe, address):
        self._pipe = pipe
        self.address = address
        self._sockets = {}

    def open(self, port):
        number = self._pipe.ask("o", struct.pack("<H", port))[0]
        socket = self._sockets[number] = UdpSocket(self._pipe, number)
        return socket

    def take(self, payload):
        self._sockets[payload[0]].waiting.append(payload)


class UdpSocket:
    def __init__(self, pipe, number):
        self._pipe, self._number = pipe, bytes((number,))
        self.waiting = []

    def recv_into(self, buf, addr):
        if not self.waiting:
            return -1
        datagram = self.waiting.pop(0)
        addr[:] = datagram[1:7]
        n = min(len(datagram) - 7, len(buf))
        buf[:n] = datagram[7 : 7 + n]
        return n

    def send(self, buf, n, addr):
        self._pipe.post("u", self._number, addr, memoryview(buf)[:n])

    def close(self):
        self._pipe.post("c", self._number)


class Voice:
    """The host's native code. A state holds nothing but the number by which the host knows it, u32.

    Functions: z taps u16 -> size u32; n number u32, taps u16, flags u8; r number; f number, on u8;
    p number, rin, sin -> sout; M m (mu-law encode, decode) and A a (A-law): input -> output.
    """

    def __init__(self, pipe):
        self._pipe = pipe
        self._states = 0

    def ec_size(self, taps):
        return struct.unpack("<I", self._pipe.ask("v", b"z", struct.pack("<H", taps)))[0]

    def ec_init(self, state, taps, flags):
        struct.pack_into("<I", state, 0, self._states)
        self._states += 1
        self._pipe.ask("v", b"n", state[:4], struct.pack("<HB", taps, flags))

    def ec_reset(self, state):
        self._pipe.ask("v", b"r", state[:4])

    def ec_freeze(self, state, on):
        self._pipe.ask("v", b"f", state[:4], bytes((bool(on),)))

    def ec_process(self, state, rin, sin, sout):
        _copy(self._pipe.ask("v", b"p", state[:4], bytes(rin), bytes(sin)), 0, sout)

    def ulaw_encode(self, pcm, out):
        out[:] = self._pipe.ask("v", b"M", bytes(pcm))

    def ulaw_decode(self, octets, out):
        _copy(self._pipe.ask("v", b"m", octets), 0, out)

    def alaw_encode(self, pcm, out):
        out[:] = self._pipe.ask("v", b"A", bytes(pcm))

    def alaw_decode(self, octets, out):
        _copy(self._pipe.ask("v", b"a", octets), 0, out)


class Board:
    """The contract of femtojack.board over one Pipe, which has no USB port and no storage yet."""

    usb = usb_audio = blocks = store = None

    def __init__(self):
        inputs = {}
        pipe = self._pipe = Pipe(inputs)
        about = json.loads(pipe.ask("g"))
        self.config = about["config"]
        self.cs_slic, self.reset_slic = (Pin(pipe, i) for i in range(len(PINS)))
        self.int_slic = InterruptPin()
        self.spi_slic = Spi(pipe, self.int_slic)
        self.pcm = Pcm(pipe)
        self.udp = Udp(pipe, bytes(about["address"]))
        self.voice = Voice(pipe)
        inputs[b"P"] = self.pcm.take
        inputs[b"U"] = self.udp.take
        inputs[b"I"] = self._interrupt
        self._inputs = inputs

    def _interrupt(self, payload):
        self.int_slic.level = payload[0]

    def trace(self, point, data):
        point = point.encode()
        self._pipe.post("t", bytes((len(point),)), point, data)

    def entropy(self, buf):
        buf[:] = self._pipe.ask("e", struct.pack("<H", len(buf)))

    def wait_ms(self, n):
        self._pipe.ask("w", struct.pack("<I", n))

    def run(self, app):
        """Serve the host for ever."""
        commands = {b"S": self._step, b"H": self._shut_down, b"Q": self._status}
        self._pipe.post("r")
        self._pipe.flush()
        while True:
            op, payload = self._pipe.read()
            if op in commands:
                self._pipe.post("d", commands[op](app, payload))
                self._pipe.flush()
            else:
                self._inputs[op](payload)

    def _step(self, app, payload):
        deadline = app.step(struct.unpack("<I", payload)[0])
        return b"" if deadline is None else struct.pack("<I", deadline)

    def _shut_down(self, app, payload):
        app.shut_down(struct.unpack("<I", payload)[0])
        return b""

    def _status(self, app, payload):
        gc.collect()
        status = app.status()
        status["heap_used"], status["heap_free"] = gc.mem_alloc(), gc.mem_free()
        return json.dumps(status).encode()
