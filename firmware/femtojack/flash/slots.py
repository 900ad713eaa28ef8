"""The firmware slots: golden, a and b. In each the manifest stands first, in a sector of its own, then the payload."""

from hashlib import sha256

from micropython import const

from femtojack.flash import manifest, results
from femtojack.flash.layout import SECTOR, region

GOLDEN = const(0)
A = const(1)
B = const(2)
NAMES = ("golden", "a", "b")
_REGIONS = ("golden", "slot_a", "slot_b")


class Slot:
    """Slot `number`, of which the first `size` octets are used."""

    def __init__(self, nor, number, size):
        self._nor = nor
        self.number = number
        self.start = region(_REGIONS[number])[0]
        self.room = size - SECTOR  # for the payload

    @property
    def payload(self):
        """Address of the payload."""
        return self.start + SECTOR

    def manifest(self):
        """The manifest that stands there, unjudged; None where there is none."""
        octets = bytearray(manifest.SIZE)
        self._nor.read(self.start, octets)
        return manifest.parse(octets)

    def digest(self, size):
        """Script: SHA-256 of the first `size` octets of the payload, read sector by sector."""
        digest = sha256()
        content = memoryview(bytearray(SECTOR))
        for at in range(0, size, SECTOR):
            part = content[: min(SECTOR, size - at)]
            self._nor.read(self.payload + at, part)
            digest.update(part)
            yield 1
        return digest.digest()

    def verify(self, board, floor):
        """Script: the manifest of an image that may run on `board`, whole and not below `floor`; None if it may not.

        The golden image has no floor: nothing may take the last resort away.
        """
        found = self.manifest()
        if found is None or found.size > self.room or found.judge(board):
            return None
        if self.number != GOLDEN and found.counter < floor:
            return None
        digest = yield from self.digest(found.size)
        return found if digest == found.sha256 else None


def name(number):
    return NAMES[number] if number is not None else None


def refusal(found, board, running, floor, room, total):
    """What refuses an update file of `total` octets that begins with manifest `found`; 0 if nothing does.

    `running` is the manifest of the image that runs, or None.
    """
    if found is None:
        return results.NOT_AN_IMAGE
    code = found.judge(board)
    if code:
        return code
    if found.size > room or total > manifest.SIZE + found.size:
        return results.OVERSIZE
    if total < manifest.SIZE + found.size:
        return results.TRUNCATED
    if found.counter < floor:
        return results.DOWNGRADE
    return results.REPLAY if running and running.octets == found.octets else 0
