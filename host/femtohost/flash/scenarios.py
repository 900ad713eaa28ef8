"""What a box is doing when its power fails: an update, or the repair of its identity. Boxes small enough for sweeps."""

import random
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from femtohost.flash import factory, image, keys
from femtohost.flash.memory import HARDWARE, Flash
from femtohost.flash.sessions import Session
from femtojack.flash.identity import SIZE as COPY_SIZE
from femtojack.flash.layout import BLOCK, PROTECTED, SECTOR, region

KIB = 1024
IDENTITY = ("0A1B2C3D4E5F", "5550123")
SCENARIOS = ("update", "identity")
GOLDEN, OLD, NEW = "1", "2", "3"  # versions, and security counters
_KEY = Ed25519PrivateKey.from_private_bytes(b"the vendor of the sweep, 32 octs")


@dataclass(frozen=True)
class Scenario:
    """A box before it gets its power: `flash`, never changed; `file` is the update that comes then, or None."""

    name: str
    flash: Flash
    file: bytes | None
    protected: bytes  # the lower half but for the identity, as it must stay

    def fork(self, silicon):
        """A Flash of the same box on other silicon."""
        flash = Flash(keys=self.flash.keys, slot_size=self.flash.slot_size)
        flash.silicon = silicon
        return flash

    def is_untouched(self, silicon):
        """Whether nothing has changed what no update may."""
        return _protected(silicon.store, self.flash.slot_size) == self.protected


@lru_cache
def scenario(name, slot_kib):
    """One of SCENARIOS with slots of so many KiB.

    update: slot A is confirmed, and slot B gets the next version. identity: one copy has rotted, and one is erased.
    """
    size = slot_kib * KIB
    flash = Flash(keys=(keys.public_octets(_KEY),), slot_size=size)
    factory.install_golden(flash, _file(GOLDEN, size))
    factory.provision(flash, *IDENTITY)
    Session(flash).run(_file(OLD, size))
    Session(flash).run()
    if name == "identity":
        start = region("identity")[0]
        flash.silicon.rot(start + 20, 3)
        flash.silicon.store.write(start + 2 * BLOCK, b"\xff" * COPY_SIZE)
    file = _file(NEW, size) if name == "update" else None
    return Scenario(name, flash, file, _protected(flash.silicon.store, size))


def signing_key():
    """The vendor's private key."""
    return _KEY


def _file(version, slot_size):
    """A signed update file that fills a slot."""
    payload = random.Random(version).randbytes(slot_size - SECTOR)
    board, revision = HARDWARE
    return image.sign(image.assemble(payload, board, version, int(version), revision), _KEY)


def _protected(store, slot_size):
    """What of the lower half is looked at: the boot code, the golden image in its slot's used part, what follows it."""
    golden, _ = region("golden")
    parts = (store.read(0, 256), store.read(golden, slot_size), store.read(region("cd")[0], 256))
    return b"".join((*parts, store.read(PROTECTED - BLOCK + SECTOR, 256)))
