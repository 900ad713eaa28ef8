"""The emulated board: the Board contract of femtojack.board, made of models.

Every access is written into the trace before a model sees it.
"""

import zlib

import numpy as np

from femtohost import crypto
from femtohost.clock import MS
from femtohost.models.usb_audio import UsbAudio
from femtohost.models.usb_controller import UsbController
from femtohost.voice import Voice

BLOCK = 80
BLOCK_NS = 10 * MS
TICKS_MASK = (1 << 30) - 1


class Pin:
    """One pin as machine.Pin has it; `drive(level)` for an output, `sense() -> level` for an input."""

    def __init__(self, name, trace, drive=None, sense=None):
        self._name, self._trace, self._drive, self._sense = name, trace, drive, sense

    def value(self, level=None):
        if level is None:
            return self._sense()
        if self._name:
            self._trace.add(self._name, bytes((level,)))
        self._drive(level)
        return None


class Spi:
    """The SLIC's bus. A record holds what went out and what came back."""

    def __init__(self, trace, slic):
        self._trace, self._slic = trace, slic

    def write_readinto(self, tx, rx):
        self._slic.transfer(tx, rx)
        self._trace.add("spi", bytes(tx) + bytes(rx))


NOR_HEAD = 5  # octets of a flash command: itself, an address, a dummy


class NorPort:
    """The flash chip: its bus and pins. A record holds the head of a frame, its length, and a CRC of all octets both
    ways: a boot reads a megabyte."""

    def __init__(self, trace, chip, slot_size):
        self._trace, self._chip, self.slot_size = trace, chip, slot_size
        self._head, self._length, self._crc = b"", 0, 0
        self.spi = self
        self.cs = Pin(None, trace, drive=self._select)
        self.wp = Pin("nor.wp", trace, drive=chip.wp)

    def write_readinto(self, tx, rx):
        if self._length < NOR_HEAD:
            self._head += bytes(tx[: NOR_HEAD - self._length])
        self._length += len(tx)
        self._crc = zlib.crc32(tx, self._crc)
        self._chip.transfer(tx, rx)
        self._crc = zlib.crc32(rx, self._crc)

    def _select(self, level):
        if level and self._length:
            self._trace.add("nor", self._head + self._length.to_bytes(3, "big") + self._crc.to_bytes(4, "big"))
        self._head, self._length, self._crc = b"", 0, 0
        self._chip.cs(level)


class PcmPort:
    """Double-buffered audio between the SLIC and the firmware, a block of 80 samples every 10 ms.

    At each block boundary the line has just played one block and captured another; the block given at the last
    exchange begins to play. `missed` counts blocks that the firmware did not fetch, `late` those it had not given.
    `on_block(played, captured)` observes each boundary with int16 arrays that are valid during the call.
    """

    def __init__(self, clock, slic, trace, wake):
        self._clock, self._slic, self._trace, self._wake = clock, slic, trace, wake
        self._playing = np.zeros(BLOCK, np.int16)
        self._next = np.zeros(BLOCK, np.int16)
        self._given = False
        self._captured = None
        self._ref = None
        self.missed = self.late = 0
        self.on_block = []
        clock.after(BLOCK_NS, self._boundary)

    def _boundary(self):
        played = self._playing
        captured = self._slic.pcm_block(played)
        self.missed += self._captured is not None
        self._captured, self._ref = captured, played
        self.late += not self._given
        self._playing = self._next if self._given else np.zeros(BLOCK, np.int16)
        self._given = False
        for observer in self.on_block:
            observer(played, captured)
        self._clock.after(BLOCK_NS, self._boundary)
        self._wake()

    def due(self):
        """(captured, ref) of the block that is due, int16 arrays; None when none is. For a firmware far away."""
        return None if self._captured is None else (self._captured, self._ref)

    def exchange(self, play, captured, ref):
        if self._captured is None:
            return False
        self._next = np.frombuffer(play, np.int16).copy()
        self._given = True
        self._trace.add("pcm.play", self._next.tobytes())
        memoryview(captured).cast("B")[:] = self._captured.tobytes()
        memoryview(ref).cast("B")[:] = self._ref.tobytes()
        self._captured = None
        return True


class UdpPort:
    """The uplink: sockets of the emulated network at the box's own address."""

    def __init__(self, network, address, trace, wake):
        self._network, self._trace, self._wake = network, trace, wake
        self.address = address
        self._open = []

    def open(self, port):
        socket = UdpSocket(self._network.open(self.address, port, self._wake), self._trace)
        self._open.append(socket)
        return socket

    def close(self):
        """The power goes: every socket of the box is closed."""
        for socket in self._open:
            socket.close()
        self._open.clear()


class UdpSocket:
    """One socket, as the contract has it: nothing is allocated for the caller."""

    def __init__(self, socket, trace):
        self._socket, self._trace = socket, trace

    def receive(self):
        """(data, source) of the oldest datagram that waits, or None. For a firmware far away."""
        return self._socket.receive()

    def recv_into(self, buf, addr):
        received = self._socket.receive()
        if received is None:
            return -1
        data, source = received
        n = min(len(data), len(buf))
        buf[:n] = data[:n]
        addr[:] = source
        return n

    def send(self, buf, n, addr):
        data = bytes(buf[:n])
        self._trace.add("udp.tx", bytes(addr) + data)
        self._socket.send(data, bytes(addr))

    def close(self):
        self._socket.close()


class Mailbox:
    """The GSM baseband's mailbox; a record holds a message down, or a register and what was written to it."""

    def __init__(self, trace, radio):
        self._trace, self._radio = trace, radio
        self.irq = Pin(None, trace, sense=radio.irq_level)
        self.waiting = radio.waiting

    def read(self, register):
        return self._radio.read(register)

    def write(self, register, value):
        self._trace.add("l1.reg", bytes((register & 0xFF,)) + (value & 0xFFFF).to_bytes(2, "big"))
        self._radio.write(register, value)

    def recv_into(self, buf):
        return self._radio.recv_into(buf)

    def send(self, buf, n):
        self._trace.add("l1.down", buf[:n])
        return self._radio.send(buf, n)


class TappedVoice(Voice):
    """The native voice code; `on_process(rin, sin, sout)` observes the canceller."""

    def __init__(self):
        self.on_process = []
        self.states = []

    def ec_init(self, state, taps, flags):
        super().ec_init(state, taps, flags)
        self.states.append(state)

    def ec_process(self, state, rin, sin, sout):
        super().ec_process(state, rin, sin, sout)
        for observer in self.on_process:
            observer(rin, sin, sout)


class EmulatedBoard:
    """The parts of the contract, each under its name; see femtojack.board for what they are."""

    crypto = crypto

    def __init__(
        self, *, clock, slic, network, address, trace, rng, config, processor, misuse, blocks, store,
        nor=None, flash=None, radio=None,
    ):  # fmt: skip
        self._clock, self._rng, self._processor = clock, rng, processor
        wake = processor.wake
        self.spi_slic = Spi(trace, slic)
        # Chip select frames every byte: tracing it would say nothing that `spi` does not.
        self.cs_slic = Pin(None, trace, drive=slic.cs)
        self.reset_slic = Pin("reset_slic", trace, drive=slic.reset)
        self.int_slic = Pin("int_slic", trace, sense=slic.int_level)
        self.pcm = PcmPort(clock, slic, trace, wake)
        self.voice = TappedVoice()
        self.udp = UdpPort(network, address, trace, wake)
        self.address = address
        self.l1 = Mailbox(trace, radio) if radio else None
        self.usb_audio = UsbAudio(clock, trace, wake)
        self.usb_controller = UsbController(clock, misuse, trace, self.usb_audio, wake)
        self.usb = self.usb_controller.firmware
        self.blocks, self.store = blocks, store
        self.nor = nor and NorPort(trace, nor, flash.slot_size)
        self.lit = False
        self.led = Pin("led", trace, drive=self._light)
        self.on_reset = lambda: None
        self.keys, self.hardware = (flash.keys, flash.hardware) if flash else ((), None)
        self.config = config
        self.trace = trace.add

    def entropy(self, buf):
        buf[:] = self._rng.bytes(len(buf))

    def _light(self, level):
        self.lit = bool(level)

    def reset(self):
        self.on_reset()

    def wait_ms(self, n):
        self._processor.wait(n)

    def run(self, app):
        self._processor.run(app)
