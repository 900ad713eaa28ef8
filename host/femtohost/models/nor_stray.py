"""A processor that has run wild: whatever comes to a flash chip's bus while WP is low."""

from femtohost.clock import SECOND
from femtohost.models.nor import CHIP_ERASE, ERASE, PAGE_PROGRAM, VOLATILE_ENABLE, WRITE_ENABLE, WRITE_STATUS

LONGEST = 250 * SECOND  # of any operation
WORST_STATUS = (0x00, 0x00, 0x1C, 0x3C, 0xFC)  # nothing protected, or the upper half


def run_wild(chip, rng, commands=24):
    """Random programs, erases and status writes, each properly enabled and waited for; rng: random.Random.

    Addresses are anywhere, more often in the first octets of a block, where things begin.
    """
    chip.wp(0)
    for _ in range(commands):
        _frame(chip, bytes((rng.choice((WRITE_ENABLE, WRITE_ENABLE, VOLATILE_ENABLE)),)))
        _frame(chip, _command(rng))
        chip.clock.advance(chip.clock.now + LONGEST)


def _command(rng):
    kind = rng.randrange(8)
    address = rng.randrange(256) << 16 | rng.choice((0, rng.randrange(1 << 16)))
    if kind < 3:
        return bytes((PAGE_PROGRAM,)) + address.to_bytes(3, "big") + rng.randbytes(rng.randrange(1, 256))
    if kind < 6:
        return bytes((rng.choice(tuple(ERASE)),)) + address.to_bytes(3, "big")
    if kind == 6:
        return bytes((rng.choice(tuple(WRITE_STATUS)), rng.choice((*WORST_STATUS, rng.randrange(256)))))
    return bytes((CHIP_ERASE[0],))


def _frame(chip, octets):
    chip.cs(0)
    chip.transfer(octets, bytearray(len(octets)))
    chip.cs(1)
