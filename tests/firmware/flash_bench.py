"""A box that has a flash and nothing else, in virtual time: for what the firmware does with its flash.

The chip is femtohost's model. Power fails where `cut_at` says, and a Cut comes out of whatever was under way.
"""

import hashlib
import random
from types import SimpleNamespace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from femtohost import crypto
from femtohost.clock import MS, Clock
from femtohost.misuse import MisuseLog
from femtohost.models.nor import W25Q128
from femtohost.models.nor_silicon import Silicon
from femtojack.flash import manifest, results
from femtojack.flash.boot import Boot
from femtojack.flash.identity import Identity
from femtojack.flash.layout import region
from femtojack.flash.nor import Nor

SLOT_SIZE = 16 * 1024
KEY = Ed25519PrivateKey.from_private_bytes(b"a key of the tests, 32 octets ok")
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(b"another key that no box trusts!!")
BOARD, REVISION = "bench", 3
SERIAL, NUMBER = "0A1B2C3D4E5F", "5550123"


def public(key):
    return key.public_key().public_bytes_raw()


def make_image(counter=1, payload=None, *, board=BOARD, revision=REVISION, version="1.0", key=KEY, size=None):
    """An update file."""
    payload = random.Random(counter).randbytes(700) if payload is None else payload
    digest = hashlib.sha256(payload).digest()
    body = manifest.pack(board, revision, version, counter, size or len(payload), digest, manifest.key_id(public(key)))
    return body + key.sign(manifest.signed_part(body)) + payload


class Cut(Exception):
    """The power failed."""


class Restart(Exception):
    """The firmware asked for a restart."""


class Bench:
    """One box. `silicon` outlives its power; `operations` counts programs, erases and status writes."""

    def __init__(self, silicon=None, *, seed=1, slot_size=SLOT_SIZE, cut_at=None, outcome=None):
        self.clock = Clock()
        self.misuse = MisuseLog(self.clock)
        self.silicon = silicon or Silicon(None, random.Random(seed))
        self.chip = W25Q128(self.clock, self.misuse, self.silicon)
        self.chip.on_operation.append(self._on_operation)
        self.operations = 0
        self.log = []  # what was done to the chip
        self._cut_at, self._outcome = cut_at, outcome
        self._cut_due = False
        self.trace = []
        self.now = 1000
        self.chosen = None
        self.nor_port = SimpleNamespace(
            spi=SimpleNamespace(write_readinto=self.chip.transfer),
            cs=SimpleNamespace(value=self._select),
            wp=SimpleNamespace(value=self.chip.wp),
            slot_size=slot_size,
        )
        self.nor, self.keys, self.hardware, self.crypto = self.nor_port, (public(KEY),), (BOARD, REVISION), crypto

    # -- the board -----------------------------------------------------------------------------------------------------

    def trace_point(self, point, data):
        self.trace.append((point, bytes(data)))

    def _select(self, level):
        self.chip.cs(level)
        if self._cut_due:
            self.chip.cut(self._outcome)
            raise Cut()

    def _on_operation(self, operation):
        self.operations += 1
        self.log.append((operation.kind, operation.address))
        self._cut_due = self.operations == self._cut_at

    def wait_ms(self, n):
        self.now += n
        self.clock.advance(self.clock.now + n * MS)

    def reset(self):
        raise Restart()

    @property
    def board(self):
        return SimpleNamespace(
            nor=self.nor, keys=self.keys, hardware=self.hardware, crypto=self.crypto, wait_ms=self.wait_ms,
            trace=self.trace_point, reset=self.reset, chosen=self.chosen,
        )  # fmt: skip

    # -- what is done with it ------------------------------------------------------------------------------------------

    def driver(self):
        """The driver alone, begun."""
        nor = Nor(self.nor, self.wait_ms)
        assert nor.begin()
        return nor

    def boot(self):
        """Power-on."""
        return Boot(self.board)

    def again(self, **options):
        """The same flash under power again."""
        if self.chip.powered:
            self.chip.cut("after")
        return Bench(self.silicon, slot_size=self.nor.slot_size, **options)

    def put(self, name, octets, offset=0):
        """At the factory: octets into a region, past the chip's bus."""
        self.silicon.store.write(region(name)[0] + offset, bytes(octets))

    def put_image(self, name, image):
        self.put(name, image[: manifest.SIZE])
        self.put(name, image[manifest.SIZE :], 4096)

    def provision(self):
        """A new box that leaves the factory: a golden image and an identity."""
        self.put_image("golden", make_image(1, b"golden" * 50))
        assert Identity(self.driver()).provision(SERIAL, NUMBER)
        return self.again()

    def run(self, updater, until):
        """Step at the deadlines until `until()`."""
        while not until():
            updater.step(self.now)
            if until():
                return
            deadline = updater.deadline
            assert deadline is not None, (updater.state, updater.result)
            self.wait_ms(max(deadline - self.now, 0))

    def send(self, updater, image, announced=None):
        """Give it an update file; returns the name of what became of it. Restart: it is to be tried."""
        if not updater.begin(len(image) if announced is None else announced):
            return results.name(updater.result)
        at = 0
        while updater.state == "RECEIVING":
            at += updater.write(image[at : at + 58])
            if at == len(image):
                updater.end()
            updater.step(self.now)
            self.wait_ms(1)
        if updater.state == "RESTARTING":
            self.run(updater, lambda: False)
        return results.name(updater.result)

    def live(self, image=None, watch=lambda boot: None):
        """All that happens under one power: starts, the end of a trial, and an update to `image` where it is another.

        Returns the Boot that stays; `watch(boot)` sees each start.
        """
        while True:
            boot = self.boot()
            watch(boot)
            try:
                if boot.trial:
                    self.run(boot.updater, lambda boot=boot: not boot.trial)
                    self.run(boot.updater, lambda boot=boot: boot.updater.state == "IDLE")
                if image is None or (boot.manifest and boot.manifest.octets == image[: manifest.SIZE]):
                    return boot
                name = self.send(boot.updater, image)
            except Restart:
                continue
            raise AssertionError(name)
