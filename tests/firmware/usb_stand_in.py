"""A stand-in for machine.USBDevice and the host at its other end, for tests of the USB functions alone.

The stack's side keeps TinyUSB's rules as MicroPython 1.25 has them: one transfer an endpoint, a halted endpoint is
busy, views are borrowed for a callback. The host's side moves packets of 64 octets.
"""

import struct
from types import SimpleNamespace

from femtojack.usb.device import Device, serial_number

PACKET = 64
HALT = 0  # the feature ENDPOINT_HALT


class Stall(Exception):
    """The endpoint answered STALL; `data` came before it."""

    def __init__(self, data=b""):
        super().__init__(len(data))
        self.data = bytes(data)


class Nak(Exception):
    """The endpoint has nothing to say, or no place for what it was sent."""


class Usb:
    """The stack, with its host."""

    BUILTIN_NONE = SimpleNamespace(itf_max=0, ep_max=1, str_max=4, desc_cfg=b"")

    def __init__(self):
        self.builtin_driver = None
        self.pending, self.offset = {}, {}
        self.halted = set()
        self.configured = False
        self.step = lambda: None
        self.largest = 0

    # -- as machine.USBDevice --------------------------------------------------------------------------------------

    def config(self, desc_dev, desc_cfg, desc_strs, open_itf_cb, reset_cb, control_xfer_cb, xfer_cb):
        self.desc_dev, self.desc_cfg, self.desc_strs = desc_dev, desc_cfg, desc_strs
        self._open, self._reset, self._control, self._xfer = open_itf_cb, reset_cb, control_xfer_cb, xfer_cb

    def active(self, on):
        self.is_active = on

    def submit_xfer(self, ep, buf):
        if not self.configured:
            raise OSError(22)
        if ep in self.pending or ep in self.halted:
            raise OSError(16)
        view = memoryview(buf)
        assert len(view) <= 4096
        assert ep & 0x80 or not view.readonly
        self.largest = max(self.largest, len(view))
        self.pending[ep], self.offset[ep] = view, 0
        return True

    def stall(self, ep, on=None):
        was = ep in self.halted
        if on:
            self.halted.add(ep)
            self.pending.pop(ep, None)
        elif on is not None:
            self.halted.discard(ep)
        return was

    # -- as the host ----------------------------------------------------------------------------------------------

    def attach(self):
        self.configured = False
        self.pending.clear()
        self.halted.clear()
        self._reset()
        self.configured = True
        for interface in interfaces(self.desc_cfg):
            view = memoryview(bytearray(interface))
            self._open(view)
            view.release()
        self.step()

    def _completed(self, ep):
        n = self.offset[ep]
        del self.pending[ep]
        self._xfer(ep, 0, n)
        self.step()

    def bulk_out(self, ep, data):
        """Send `data` in packets; Stall or Nak where it is not taken."""
        for at in range(0, max(len(data), 1), PACKET):
            packet = data[at : at + PACKET]
            if ep in self.halted:
                raise Stall()
            if ep not in self.pending:
                raise Nak()
            room = self.pending[ep][self.offset[ep] :]
            n = min(len(packet), len(room))
            room[:n] = packet[:n]
            self.offset[ep] += n
            if len(packet) < PACKET or len(room) <= PACKET:
                self._completed(ep)

    def bulk_in(self, ep, length):
        """At most `length` octets, up to a short packet; Stall, or Nak when there is nothing."""
        got = b""
        while True:
            if ep in self.halted:
                raise Stall(got)
            if ep not in self.pending:
                raise Nak()
            packet = bytes(self.pending[ep][self.offset[ep] : self.offset[ep] + PACKET])
            assert len(got) + len(packet) <= max(length, 0) or not packet, "more than was asked for"
            got += packet
            self.offset[ep] += len(packet)
            if self.offset[ep] == len(self.pending[ep]):
                self._completed(ep)
            if len(packet) < PACKET or len(got) == length:
                return got

    def control(self, kind, request, value=0, index=0, length=0, data=b""):
        """One control transfer: the data that came, or Stall."""
        length = length or len(data)
        setup = memoryview(bytearray(struct.pack("<BBHHH", kind, request, value, index, length)))
        standard = self._standard(kind, request, value, index)
        answer = self._control(1, setup)
        if standard:
            answer = True
        if answer is False:
            self.step()
            raise Stall()
        came = b""
        if answer is not True:
            if kind & 0x80:
                came = bytes(answer[:length])
            else:
                n = min(len(answer), length)
                memoryview(answer)[:n] = data[:n]
            if self._control(2, setup) is False:
                raise Stall()
        self._control(3, setup)
        setup.release()
        self.step()
        return came

    def _standard(self, kind, request, value, index):
        """What the stack does itself before it tells the driver."""
        if kind == 0x02 and request in (1, 3) and value == HALT:
            if request == 3:
                self.stall(index, True)
            else:
                self.stall(index, False)
            return True
        return False

    def clear_halt(self, ep):
        self.control(0x02, 1, HALT, ep)


def descriptors(octets):
    """The descriptors that stand in `octets`, one after the other."""
    at = 0
    while at < len(octets):
        size = octets[at]
        assert size >= 2 and at + size <= len(octets)
        yield bytes(octets[at : at + size])
        at += size


def interfaces(desc_cfg):
    """What open_itf_cb gets: the octets of each interface, alternate settings included."""
    found = []
    for each in list(descriptors(desc_cfg))[1:]:
        if each[1] == 4 and each[3] == 0:
            found.append(b"")
        found[-1] += each
    return found


class Blocks:
    """A disc in memory."""

    def __init__(self, image=b""):
        self.image = image
        self.broken = False

    @property
    def count(self):
        return len(self.image) // 2048

    def read(self, lba, buf):
        if self.broken:
            raise OSError(5)
        assert len(buf) % 2048 == 0
        part = self.image[2048 * lba : 2048 * lba + len(buf)]
        assert len(part) == len(buf)
        buf[:] = part


def make_device(blocks=None, store=None, usb_audio=None, trace=lambda point, data: None):
    """A Device that is attached to a host: (Usb, Device)."""
    usb = Usb()
    if usb_audio is not None:
        usb_audio = SimpleNamespace(read=None, alt=lambda itf: 0)
    voice = SimpleNamespace(pcm_halve=None)
    board = SimpleNamespace(usb=usb, usb_audio=usb_audio, voice=voice, trace=trace)
    device = Device(board, serial_number(store), blocks)
    usb.step = device.step
    assert usb.is_active
    usb.attach()
    return usb, device


class Disc:
    """A host's side of Bulk-Only Transport."""

    IN, OUT = 0x81, 0x02

    def __init__(self, usb):
        self.usb = usb
        self.tag = 0x1000

    def cbw(self, cdb, length, inward=True, lun=0):
        self.tag += 1
        head = b"USBC" + self.tag.to_bytes(4, "little") + length.to_bytes(4, "little")
        return head + bytes((0x80 if inward else 0, lun, len(cdb))) + bytes(cdb).ljust(16, b"\0")

    def csw(self):
        """(residue, status)"""
        try:
            octets = self.usb.bulk_in(self.IN, 13)
        except Stall:
            self.usb.clear_halt(self.IN)
            octets = self.usb.bulk_in(self.IN, 13)
        assert len(octets) == 13 and octets[:4] == b"USBS"
        assert octets[4:8] == self.tag.to_bytes(4, "little")
        return int.from_bytes(octets[8:12], "little"), octets[12]

    def command(self, cdb, length=0, inward=True, lun=0):
        """(data, stalled, residue, status)"""
        self.usb.bulk_out(self.OUT, self.cbw(cdb, length, inward, lun))
        data, stalled = b"", False
        try:
            if length and inward:
                data = self.usb.bulk_in(self.IN, length)
            elif length:
                self.usb.bulk_out(self.OUT, bytes(length))
        except Stall as stall:
            data, stalled = stall.data, True
            self.usb.clear_halt(self.IN if inward else self.OUT)
        return data, stalled, *self.csw()

    def recover(self):
        """Reset recovery, BOT 5.3.4."""
        self.usb.control(0x21, 0xFF, 0, 0)
        self.usb.clear_halt(self.IN)
        self.usb.clear_halt(self.OUT)

    def sense(self):
        """Sense key << 16 | ASC << 8 | ASCQ"""
        data, _, _, status = self.command(bytes((3, 0, 0, 0, 18, 0)), 18)
        assert status == 0 and len(data) == 18
        return data[2] << 16 | data[12] << 8 | data[13]
