"""What lies where in the serial flash: the one table of its regions.

The chip protects one range from its bottom, so the lower half is what an update never touches. The identity's copies
and the logs stand in erase blocks of their own: no single erase reaches two copies, or both logs.
"""

from micropython import const

PAGE = const(256)
SECTOR = const(4096)  # the smallest erase
BLOCK = const(0x10000)
CHIP = const(0x1000000)
PROTECTED = const(0x800000)  # below this the chip refuses
SLOT_SIZE = const(0x1C0000)
COPIES = const(3)  # of the identity, a block each

# (name, start, size, protected), in order of address
REGIONS = (
    ("boot", 0x000000, 0x010000, True),
    ("golden", 0x010000, SLOT_SIZE, True),
    ("cd", 0x1D0000, 0x600000, True),
    ("identity", 0x7D0000, COPIES * BLOCK, True),
    ("journal", 0x800000, 3 * SECTOR, False),
    ("floor", 0x810000, 3 * SECTOR, False),
    ("slot_a", 0x820000, SLOT_SIZE, False),
    ("slot_b", 0x9E0000, SLOT_SIZE, False),
    ("littlefs", 0xBA0000, 0x460000, False),
)


def region(name):
    """(start, size) of a region; KeyError if there is none of that name."""
    for each, start, size, _ in REGIONS:
        if each == name:
            return start, size
    raise KeyError(name)
