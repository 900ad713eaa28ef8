"""The Board of a MicroPython interpreter on the host: the hardware is at the other end of a pipe.

The same models as everywhere serve it, in virtual time (femtohost.targets.pipe).
"""

import gc
import json
import struct

from pipe import Pipe
from usb_port import UsbAudio, UsbDevice

PINS = ("cs_slic", "reset_slic", "nor.cs", "nor.wp")
_BLOCK = 160


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


class Lamp:
    def __init__(self, pipe):
        self._pipe = pipe

    def value(self, level):
        self._pipe.post("h", bytes((level,)))


class Nor:
    """The flash chip: `spi` is this object itself."""

    def __init__(self, pipe, cs, wp, slot_size):
        self._pipe, self.cs, self.wp, self.slot_size = pipe, cs, wp, slot_size
        self.spi = self

    def write_readinto(self, tx, rx):
        rx[:] = self._pipe.ask("f", tx)


class Crypto:
    def __init__(self, pipe):
        self._pipe = pipe

    def ed25519_verify(self, public, message, signature):
        return self._pipe.ask("q", public, signature, message) == b"\1"


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
    p number, rin, sin -> sout; M m (mu-law encode, decode), A a (A-law) and h (half the rate): input -> output.
    Full rate codec: S -> size u32; N number; E number, samples -> frame; D number, frame -> good u8, samples;
    R number, frame or nothing -> kind u8, samples.
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

    def pcm_halve(self, pcm, out):
        _copy(self._pipe.ask("v", b"h", bytes(pcm)), 0, out)

    def gsm_fr_size(self):
        return struct.unpack("<I", self._pipe.ask("v", b"S"))[0]

    def gsm_fr_init(self, state):
        struct.pack_into("<I", state, 0, self._states)
        self._states += 1
        self._pipe.ask("v", b"N", state[:4])

    def gsm_fr_encode(self, state, pcm, frame):
        frame[:] = self._pipe.ask("v", b"E", state[:4], bytes(pcm))

    def gsm_fr_decode(self, state, frame, pcm):
        answer = self._pipe.ask("v", b"D", state[:4], frame)
        if answer[0]:
            _copy(answer, 1, pcm)
        return bool(answer[0])

    def gsm_fr_receive(self, state, frame, pcm):
        answer = self._pipe.ask("v", b"R", state[:4], frame or b"")
        _copy(answer, 1, pcm)
        return answer[0]


class Mailbox:
    """The GSM baseband. Messages up come with each step; every answer begins with the level of the interrupt.

    Calls: r register u8 -> value u16; w register u8, value u16; s message -> accepted u8.
    """

    def __init__(self, pipe):
        self._pipe = pipe
        self._waiting = []
        self.irq = InterruptPin()
        self.irq.level = 0  # asserted is 1

    def take(self, payload):
        self._waiting.append(payload)

    def take_irq(self, payload):
        self.irq.level = payload[0]

    def read(self, register):
        return struct.unpack("<H", self._ask(b"r", bytes((register,))))[0]

    def write(self, register, value):
        self._ask(b"w", struct.pack("<BH", register, value))

    def send(self, buf, n):
        return bool(self._ask(b"s", memoryview(buf)[:n])[0])

    def recv_into(self, buf):
        if not self._waiting:
            return 0
        message = self._waiting.pop(0)
        self._pipe.post("j")
        buf[: len(message)] = message
        return len(message)

    def _ask(self, *parts):
        answer = self._pipe.ask("l", *parts)
        self.irq.level = answer[0]
        return answer[1:]


class Blocks:
    """The disc's blocks of 2048 octets."""

    def __init__(self, pipe):
        self._pipe = pipe

    @property
    def count(self):
        return struct.unpack("<I", self._pipe.ask("b", b"c"))[0]

    def read(self, lba, buf):
        buf[:] = self._pipe.ask("b", b"r", struct.pack("<II", lba, len(buf)))


class Store:
    def __init__(self, pipe):
        self._pipe = pipe

    def get(self, key):
        answer = self._pipe.ask("m", b"g", key.encode())
        return bytes(answer[1:]) if answer else None

    def put(self, key, data):
        key = key.encode()
        self._pipe.ask("m", b"p", bytes((len(key),)), key, data)


class Board:
    """The contract of femtojack.board over one Pipe."""

    def __init__(self):
        pipe = self._pipe = Pipe()
        about = json.loads(pipe.ask("g"))
        self.config = about["config"]
        self.cs_slic, self.reset_slic, nor_cs, nor_wp = (Pin(pipe, i) for i in range(len(PINS)))
        self.int_slic = InterruptPin()
        self.spi_slic = Spi(pipe, self.int_slic)
        self.pcm = Pcm(pipe)
        self.udp = Udp(pipe, bytes(about["address"]))
        self.voice = Voice(pipe)
        self.l1 = Mailbox(pipe) if about["l1"] else None
        self.usb = UsbDevice(pipe) if about["usb"] else None
        self.usb_audio = UsbAudio(pipe) if about["usb"] else None
        self.blocks = Blocks(pipe)
        self.store = Store(pipe)
        self.nor = Nor(pipe, nor_cs, nor_wp, about["nor"]) if about["nor"] else None
        self.keys = tuple(bytes.fromhex(key) for key in about["keys"])
        self.hardware = about["hardware"] and tuple(about["hardware"])
        self.crypto = Crypto(pipe)
        self.led = Lamp(pipe)
        pipe.inputs[b"P"] = self.pcm.take
        pipe.inputs[b"U"] = self.udp.take
        pipe.inputs[b"I"] = self._interrupt
        if self.l1:
            pipe.inputs[b"J"] = self.l1.take
            pipe.inputs[b"Y"] = self.l1.take_irq

    def _interrupt(self, payload):
        self.int_slic.level = payload[0]

    def trace(self, point, data):
        point = point.encode()
        self._pipe.post("t", bytes((len(point),)), point, data)

    def entropy(self, buf):
        buf[:] = self._pipe.ask("e", struct.pack("<H", len(buf)))

    def reset(self):
        self._pipe.post("y")

    def wait_ms(self, n):
        self._pipe.ask("w", struct.pack("<I", n))

    def run(self, app):
        """Serve the host for ever."""
        self._app = app
        self._pipe.commands.update(
            {
                b"S": self._step,
                b"H": self._shut_down,
                b"Q": self._status,
                b"L": self._loopback,
                b"F": self._load,
                b"G": self._gsm,
            }
        )
        self._pipe.post("r")
        self._pipe.flush()
        while True:
            self._pipe.take(*self._pipe.read())

    def _step(self, payload):
        deadline = self._app.step(struct.unpack("<I", payload)[0])
        return b"" if deadline is None else struct.pack("<I", deadline)

    def _shut_down(self, payload):
        self._app.shut_down(struct.unpack("<I", payload)[0])
        return b""

    def _load(self, payload):
        done = self._app.load(payload[4:], struct.unpack_from("<I", payload)[0])
        return b"" if done is None else bytes((done,))

    def _loopback(self, payload):
        return bytes((self._app.loopback(bool(payload[0])),))

    def _gsm(self, payload):
        return json.dumps(self._app.gsm(*json.loads(payload))).encode()

    def _status(self, payload):
        gc.collect()
        status = self._app.status()
        status["heap_used"], status["heap_free"] = gc.mem_alloc(), gc.mem_free()
        return json.dumps(status).encode()
