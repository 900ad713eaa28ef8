"""The host's side of a CD-ROM drive: Bulk-Only Transport 1.0, and the few SCSI commands that read a disc."""

import struct
from dataclasses import dataclass

from femtohost.peers.usb_errors import UsbError, UsbStall

BLOCK = 2048
CBW, CSW = struct.Struct("<4sIIBBB16s"), struct.Struct("<4sIIB")  # Bulk-Only Transport 1.0 tables 5.1, 5.2
PASSED, FAILED, PHASE_ERROR = range(3)  # table 5.3
RESET = 0xFF  # 3.1
REQUEST_SENSE, READ_CAPACITY, READ_10 = 0x03, 0x25, 0x28


@dataclass
class Answer:
    """What became of a command block: status of the CSW, residue, data that came, and whether the data stalled.

    `sense` is (key, additional code, qualifier) when it was asked for.
    """

    status: int
    residue: int
    data: bytes
    stalled: bool
    sense: tuple = None


class MassStorage:
    """`peer` is a femtohost.peers.usb_device.UsbDevicePeer, `interface` its mass storage interface."""

    def __init__(self, peer, interface):
        self._peer, self._number = peer, interface.number
        self.bulk_in = next(e.address for e in interface.endpoints if e.is_in)
        self.bulk_out = next(e.address for e in interface.endpoints if not e.is_in)
        self._tag = 0

    def block(self, cdb, length, is_in, lun=0):
        """The next command block wrapper."""
        self._tag += 1
        return CBW.pack(b"USBC", self._tag, length, 0x80 if is_in else 0, lun, len(cdb), bytes(cdb))

    def command(self, cdb, length=0, data=b"", lun=0):
        """One command: `length` octets of room for data that comes, or `data` that goes."""
        self._peer.write(self.bulk_out, self.block(cdb, len(data) or length, not data, lun))
        received, stalled = b"", False
        try:
            if data:
                self._peer.write(self.bulk_out, data)
            elif length:
                received = self._peer.read(self.bulk_in, length)
        except UsbStall:
            stalled = True
            self._peer.clear_halt(self.bulk_out if data else self.bulk_in)
        status, residue = self._status()
        return Answer(status, residue, received, stalled)

    def _status(self):
        """(status, residue) of the status wrapper, which may be asked for twice (Bulk-Only Transport 1.0 figure 2)."""
        try:
            octets = self._peer.read(self.bulk_in, CSW.size)
        except UsbStall:
            self._peer.clear_halt(self.bulk_in)
            octets = self._peer.read(self.bulk_in, CSW.size)
        if len(octets) != CSW.size or octets[:4] != b"USBS":
            raise UsbError(f"no status wrapper: {octets.hex()}")
        _, tag, residue, status = CSW.unpack(octets)
        if tag != self._tag:
            raise UsbError(f"status of command {tag}, not {self._tag}")
        return status, residue

    def scsi(self, cdb, length=0, data=b"", lun=0):
        """A command, with its sense data when it failed."""
        answer = self.command(cdb, length, data, lun)
        if answer.status == FAILED:
            sense = self.command(bytes((REQUEST_SENSE, 0, 0, 0, 18, 0)), 18, lun=lun).data
            answer.sense = (sense[2] & 15, sense[12], sense[13])
        elif answer.status == PHASE_ERROR:
            self.reset()
        return answer

    def read_disc(self, lba=0, count=None, at_once=60):
        if count is None:
            count = struct.unpack(">I", self.scsi(bytes((READ_CAPACITY,)).ljust(10, b"\0"), 8).data[:4])[0] + 1 - lba
        out = bytearray()
        for first in range(lba, lba + count, at_once):
            n = min(at_once, lba + count - first)
            answer = self.scsi(struct.pack(">BBIBHB", READ_10, 0, first, 0, n, 0), n * BLOCK)
            if answer.status or len(answer.data) != n * BLOCK:
                raise UsbError(f"READ(10) of {n} blocks at {first}: status {answer.status}, sense {answer.sense}")
            out += answer.data
        return bytes(out)

    def reset(self):
        self._peer.control(0x21, RESET, 0, self._number)
        self._peer.clear_halt(self.bulk_in)
        self._peer.clear_halt(self.bulk_out)
