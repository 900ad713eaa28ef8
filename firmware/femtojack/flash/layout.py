"""What lies where in the serial flash: the one table of its regions.

The chip protects one range, from its bottom or from its top: the lower half, which an update never touches. The
identity's copies and the logs stand in erase blocks of their own: no single erase reaches two copies, or both logs.

A copy of the identity is written while another range is protected (femtojack.flash.nor). For copy 0, in the first
sector, that is all but this sector; for the others the lower quarter, with copy 0, the boot code and the golden image.
So no state of the chip opens copy 0 together with another copy. The price: a processor cannot boot from the first
sector, and what of the disc lies in the second quarter is open for the moment in which copy 1 or 2 is healed. The
chip's locks of single blocks (WPS) are no way out: instructions open them that WP# does not stop.
"""

from micropython import const

PAGE = const(256)
SECTOR = const(4096)  # the smallest erase
BLOCK = const(0x10000)
CHIP = const(0x1000000)
PROTECTED = const(0x800000)  # below this the chip refuses
SLOT_SIZE = const(0x1C0000)
COPIES = (0x000000, 0x7E0000, 0x7F0000)  # of the identity, a block each

# (name, start, size, protected), in order of address
REGIONS = (
    ("identity", 0x000000, BLOCK, True),
    ("boot", 0x010000, 0x010000, True),
    ("golden", 0x020000, SLOT_SIZE, True),
    ("cd", 0x1E0000, 0x600000, True),
    ("identity", 0x7E0000, 2 * BLOCK, True),
    ("journal", 0x800000, 3 * SECTOR, False),
    ("floor", 0x810000, 3 * SECTOR, False),
    ("slot_a", 0x820000, SLOT_SIZE, False),
    ("slot_b", 0x9E0000, SLOT_SIZE, False),
    ("littlefs", 0xBA0000, 0x460000, False),
)


def region(name):
    """(start, size) of a region, the first of that name; KeyError if there is none."""
    for each, start, size, _ in REGIONS:
        if each == name:
            return start, size
    raise KeyError(name)
