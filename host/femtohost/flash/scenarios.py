"""What a box is doing when its power fails: an update, or the repair of its identity. Boxes small enough for sweeps."""

import random
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from femtohost.flash import factory, image, keys
from femtohost.flash.memory import HARDWARE, Flash
from femtohost.flash.sessions import Session
from femtojack.flash.identity import SIZE as COPY_SIZE
from femtojack.flash.layout import COPIES, SECTOR, region

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
    protected: bytes  # what no update and no repair may change

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
    for region_name in ("boot", "cd"):
        flash.silicon.store.write(region(region_name)[0], random.Random(region_name).randbytes(SECTOR))
    factory.provision(flash, *IDENTITY)
    Session(flash).run(_file(OLD, size))
    Session(flash).run()
    if name == "identity":
        flash.silicon.rot(COPIES[0] + 20, 3)
        flash.silicon.store.write(COPIES[2], b"\xff" * COPY_SIZE)
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
    """What is looked at: the boot code, the golden image in its slot's used part, the disc that follows it."""
    boot, golden, disc = (region(name)[0] for name in ("boot", "golden", "cd"))
    return store.read(boot, SECTOR) + store.read(golden, slot_size) + store.read(disc, SECTOR)
