"""The flash memory of one box: what outlives its power."""

import random
from pathlib import Path

from femtohost.models.nor_cells import FileCells, MemoryCells
from femtohost.models.nor_silicon import Silicon
from femtojack.flash.layout import SLOT_SIZE

HARDWARE = ("emulator", 1)  # board and hardware revision that an update must name
IMAGE = "flash.bin"


class Flash:
    """The silicon of a box, and what its boot code was built with.

    store: femtohost.models.nor_cells, in memory by default. keys: public Ed25519 keys (32 octets each) that it trusts.
    slot_size: octets of a firmware slot that are used, None for all. seed: of what power cuts leave behind.
    """

    def __init__(self, store=None, *, keys=(), hardware=HARDWARE, slot_size=None, seed=0):
        self.silicon = Silicon(store, random.Random(seed))
        self.keys = tuple(keys)
        self.hardware = hardware
        self.slot_size = slot_size or SLOT_SIZE

    def fork(self, seed=0):
        """A copy that goes its own way."""
        copy = Flash(MemoryCells(0), keys=self.keys, hardware=self.hardware, slot_size=self.slot_size)
        copy.silicon = self.silicon.fork(random.Random(seed))
        return copy

    def save(self, folder):
        """Write it as an image into `folder`, whole or not at all."""
        FileCells.write_image(Path(folder) / IMAGE, self.silicon.store)

    def close(self):
        self.silicon.store.close()


def open_image(folder, keys=()):
    """The Flash whose image is in `folder`, mapped. ValueError: it is no image. FileNotFoundError: there is none."""
    return Flash(FileCells(Path(folder) / IMAGE), keys=keys, seed=random.randrange(1 << 32))


def copy_image(folder, keys=()):
    """A copy in memory of the image in `folder`, which may be in use. Errors as of `open_image`."""
    flash = open_image(folder, keys)
    copy = flash.fork()
    flash.close()
    return copy
