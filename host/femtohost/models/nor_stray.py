"""A processor that has run wild: whatever comes to a flash chip's bus. The WP pin stays as it is."""

from femtohost.clock import SECOND
from femtohost.models.nor import CHIP_ERASE, ERASE, PAGE_PROGRAM, VOLATILE_ENABLE, WRITE_ENABLE, WRITE_STATUS

LONGEST = 250 * SECOND  # of any operation
WORST_STATUS = (0x00, 0x00, 0x1C, 0x3C, 0xFC)  # nothing protected, or the upper half


def run_wild(chip, rng, aims=(), commands=24):
    """Random programs, erases and status writes, each enabled and waited for; then the power goes. rng: random.Random.

    Addresses are anywhere, more often in the first octets of a block, where things begin; and each address of `aims` is
    struck as well. The last command may be cut short.
    """
    frames = [_command(rng) for _ in range(commands)] + [_strike(rng, address) for address in aims]
    rng.shuffle(frames)
    for enable, frame in frames:
        chip.clock.advance(chip.clock.now + LONGEST)
        _send(chip, bytes((enable,)))
        _send(chip, frame)
    chip.cut()


def _command(rng):
    """(the command that enables it, its frame)."""
    kind = rng.randrange(8)
    if kind < 6:
        return _strike(rng, rng.randrange(256) << 16 | rng.choice((0, rng.randrange(1 << 16))))
    enable = rng.choice((WRITE_ENABLE, VOLATILE_ENABLE))
    if kind == 6:
        return enable, bytes((rng.choice(tuple(WRITE_STATUS)), rng.choice((*WORST_STATUS, rng.randrange(256)))))
    return WRITE_ENABLE, bytes((CHIP_ERASE[0],))


def _strike(rng, address):
    """A program or an erase there."""
    at = address.to_bytes(3, "big")
    if rng.randrange(2):
        return WRITE_ENABLE, bytes((PAGE_PROGRAM,)) + at + rng.randbytes(rng.randrange(1, 256))
    return WRITE_ENABLE, bytes((rng.choice(tuple(ERASE)),)) + at


def _send(chip, octets):
    chip.cs(0)
    chip.transfer(octets, bytearray(len(octets)))
    chip.cs(1)
