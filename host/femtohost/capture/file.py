"""A pcapng file that can be read at any moment, whatever becomes of who writes it."""

import struct
from contextlib import suppress
from importlib.metadata import version
from io import BytesIO

from pcapng import FileWriter, blocks

from femtohost.errors import UserError

NANOSECONDS = b"\x09"  # if_tsresol: 10**-9 s
# Enhanced Packet Block: type, length, interface, time (high, low), captured and original length, data, length. Packed
# here, for python-pcapng takes 50 to 90 us for one and a sound card alone makes 2800 a second; it writes the rest.
HEAD, TYPE = struct.Struct("<7I"), 6


class CaptureError(UserError):
    """A file that cannot be written: one line."""


class PcapngFile:
    """A new file at `path`. Every block is one write, so a file that was cut off has whole blocks.

    When the disk is full nothing more is written, and `error` says so.
    """

    def __init__(self, path):
        try:
            self._file = open(path, "wb", buffering=0)  # noqa: SIM115  (open as long as the capture lasts)
        except OSError as error:
            raise CaptureError(f"--capture {path}: {error.strerror}; give a file in a writable folder") from None
        self.error = None
        self._interfaces = {}
        self._octets = 0
        self._section = blocks.SectionHeader(options={"shb_userappl": f"femtojack {version('femtojack')}"})
        self._blocks = BytesIO()
        self._writer = FileWriter(self._blocks, self._section)
        self._flush()

    def packet(self, interface, link_type, time, data):
        """One packet of the named interface; `link_type` as tcpdump.org lists them, `time` in ns."""
        number = self._interfaces.get(interface)
        if number is None:
            number = self._new_interface(interface, link_type)
        size = len(data)
        length = HEAD.size + size + -size % 4 + 4
        head = HEAD.pack(TYPE, length, number, time >> 32, time & 0xFFFFFFFF, size, size)
        self._write(head + data + bytes(-size % 4) + length.to_bytes(4, "little"))

    def close(self):
        self._file.close()

    def _new_interface(self, name, link_type):
        options = {"if_name": name, "if_tsresol": NANOSECONDS}
        block = self._section.new_member(blocks.InterfaceDescription, link_type=link_type, options=options)
        self._writer.write_block(block)
        self._flush()
        self._interfaces[name] = block.interface_id
        return block.interface_id

    def _flush(self):
        """Write what the library made."""
        self._write(self._blocks.getvalue())
        self._blocks.seek(0)
        self._blocks.truncate()

    def _write(self, block):
        if self.error:
            return
        try:
            written = self._file.write(block)
            if written < len(block):
                raise OSError(0, "no space for all of it")
        except OSError as error:
            self.error = f"the capture ended: {error.strerror}"
            with suppress(OSError):  # a device has no length
                self._file.truncate(self._octets)
        else:
            self._octets += written
