"""The files of a firmware in the payload of a slot, numbers little-endian.

0 8 "FJPKG1", two zeros      12 for each file: 4 offset of its content in the payload, 4 its size,
8 4 number of files                            1 length of its name, its name; then the contents
"""

from struct import unpack

from micropython import const

_MAGIC = b"FJPKG1\0\0"
_HEAD = const(12)
_ENTRY = const(9)
_MOST = const(1000)  # files


class Package:
    """`files`: name -> (address in the flash, size) of what the payload of `size` octets at `start` holds; none if it
    is no package. Nothing in it lies outside the payload."""

    def __init__(self, nor, start, size):
        self._nor, self._start, self._size = nor, start, size
        self.files = self._directory() or {}

    def read(self, name, offset, buf):
        """Fill `buf` from `offset` of a file on; returns how many octets there were. KeyError: no such file."""
        address, size = self.files[name]
        n = max(0, min(len(buf), size - offset))
        if n:
            self._nor.read(address + offset, memoryview(buf)[:n])
        return n

    def _directory(self):
        """The table; None where any of it is wrong."""
        head = self._octets(0, _HEAD)
        if not head or head[:8] != _MAGIC:
            return None
        count = unpack("<I", head[8:])[0]
        files, at = {}, _HEAD
        for _ in range(min(count, _MOST)):
            entry = self._octets(at, _ENTRY)
            if not entry:
                return None
            offset, size, length = unpack("<IIB", entry)
            name = self._octets(at + _ENTRY, length)
            if not name or offset + size > self._size or not all(0x20 < c < 0x7F for c in name):
                return None
            files[bytes(name).decode()] = self._start + offset, size
            at += _ENTRY + length
        return files

    def _octets(self, at, n):
        """n octets of the payload; None if they reach over its end."""
        if at + n > self._size:
            return None
        octets = bytearray(n)
        if n:
            self._nor.read(self._start + at, octets)
        return octets
