"""Where the cells of a serial flash are kept: in memory, copied on write, or in a mapped file.

A store has `size`, `read(address, n) -> bytes`, `write(address, data)`, `cycles` (erase cycles of each sector),
`status` (the three non-volatile registers), `fork()` (a copy that goes its own way) and `close()`.
"""

import mmap
import os
import struct
from pathlib import Path

SECTOR = 4096  # octets
ERASED = b"\xff" * SECTOR
FACTORY_STATUS = b"\x00\x00\x60"  # output drivers at their weakest, nothing protected
BESIDE = struct.Struct("<4s3sx")  # head of the file beside the image: magic and status; then a u32 for each sector
MAGIC = b"NOR1"


class MemoryCells:
    """Sectors in a dict; those that are absent are erased. `fork` costs a copy of the dict, not of the sectors."""

    def __init__(self, size=1 << 24, sectors=(), cycles=(), status=FACTORY_STATUS):
        self.size = size
        self._sectors = dict(sectors)
        self.cycles = _Cycles(cycles)
        self.status = bytearray(status)

    def read(self, address, n):
        sectors, first, offset = self._sectors, address // SECTOR, address % SECTOR
        if offset + n <= SECTOR:
            return sectors.get(first, ERASED)[offset : offset + n]
        last = (address + n - 1) // SECTOR
        return b"".join([sectors.get(i, ERASED) for i in range(first, last + 1)])[offset : offset + n]

    def write(self, address, data):
        done = 0
        while done < len(data):
            index, offset = divmod(address + done, SECTOR)
            part = bytes(data[done : done + SECTOR - offset])
            old = self._sectors.get(index, ERASED)
            new = part if len(part) == SECTOR else old[:offset] + part + old[offset + len(part) :]
            if new == ERASED:
                self._sectors.pop(index, None)
            else:
                self._sectors[index] = new
            done += len(part)

    def fork(self):
        return MemoryCells(self.size, self._sectors, self.cycles, self.status)

    def close(self):
        """Nothing to give back."""


class _Cycles(dict):
    """Sector -> erase cycles; 0 where nothing is noted."""

    def __missing__(self, sector):
        return 0


class FileCells:
    """An image file as it is, octet for octet, mapped into memory, and a file `.nv` beside it.

    What was written is the file's at once: it survives the death of the process, at any instant. The owner of the
    folder sees to it that nobody else writes. FileNotFoundError: there is none. ValueError: not such files.
    """

    def __init__(self, path, size=1 << 24):
        self.size = size
        path = Path(path)
        beside = path.with_suffix(".nv")
        self._image = _map(path, size)
        self._beside = memoryview(_map(beside, BESIDE.size + size // SECTOR * 4))
        if self._beside[:4] != MAGIC:
            raise ValueError(f"{beside}: not the registers of a flash chip")
        self.status = self._beside[4:7]
        self.cycles = self._beside[BESIDE.size :].cast("I")

    @staticmethod
    def write_image(path, store):
        """Make the files out of another store; `path` is there when all is."""
        path = Path(path)
        cycles = struct.pack(f"<{store.size // SECTOR}I", *(store.cycles[i] for i in range(store.size // SECTOR)))
        _make(path.with_suffix(".nv"), BESIDE.pack(MAGIC, bytes(store.status)) + cycles)
        _make(path, store.read(0, store.size))

    def read(self, address, n):
        return self._image[address : address + n]

    def write(self, address, data):
        self._image[address : address + len(data)] = bytes(data)

    def fork(self):
        cycles = {sector: count for sector, count in enumerate(self.cycles) if count}
        copy = MemoryCells(self.size, cycles=cycles, status=self.status)
        copy.write(0, self.read(0, self.size))
        return copy

    def close(self):
        """Unmap; no other method may be called any more."""
        beside = self._beside.obj
        self.status.release()
        self.cycles.release()
        self._beside.release()
        beside.close()
        self._image.close()


def _make(path, content):
    """A whole file or none."""
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(content)
    draft.replace(path)


def _map(path, size):
    descriptor = os.open(path, os.O_RDWR)
    try:
        found = os.fstat(descriptor).st_size
        if found != size:
            raise ValueError(f"{path}: {found} octets; an image of this chip has {size}")
        return mmap.mmap(descriptor, size)
    finally:
        os.close(descriptor)
