"""The flash memory of one box: what outlives its power."""

import random

from femtohost.models.nor_cells import FileCells
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

    def close(self):
        self.silicon.store.close()


def open_image(folder, keys=()):
    """The Flash whose image is in `folder`; made, erased, if there is none. ValueError: what is there is no image."""
    return Flash(FileCells(folder / IMAGE), keys=keys, seed=random.randrange(1 << 32))
