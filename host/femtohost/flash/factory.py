"""The factory: a chip as it leaves it, with a golden image, an identity and its protection."""

from types import SimpleNamespace

from femtohost import crypto
from femtohost.clock import MS, Clock
from femtohost.errors import UserError
from femtohost.flash import image, keys
from femtohost.flash.memory import HARDWARE, Flash
from femtohost.misuse import MisuseLog
from femtohost.models.nor import W25Q128
from femtojack.flash import manifest
from femtojack.flash.identity import Identity, is_number, is_serial
from femtojack.flash.layout import SECTOR, region
from femtojack.flash.nor import Nor

VERSION = "factory"  # of its golden image
FACTORY_KEY = "factory"  # the private key of a profile's own golden image


class FlashError(UserError):
    """What cannot be done with a flash: one line."""


class Jig:
    """A board with nothing but a flash chip, in a time of its own: what the firmware's flash code needs to run."""

    def __init__(self, flash):
        self.clock = Clock()
        self.misuse = MisuseLog(self.clock)
        self.chip = W25Q128(self.clock, self.misuse, flash.silicon)
        self.spi = SimpleNamespace(write_readinto=self.chip.transfer)
        self.cs, self.wp = SimpleNamespace(value=self.chip.cs), SimpleNamespace(value=self.chip.wp)
        self.slot_size = flash.slot_size
        self.nor, self.crypto = self, crypto
        self.keys, self.hardware = flash.keys, flash.hardware

    def wait_ms(self, n):
        self.clock.advance(self.clock.now + n * MS)

    def trace(self, point, data):
        """Nobody looks."""

    def driver(self):
        """The firmware's driver, begun. FlashError: it does not know the chip."""
        nor = Nor(self, self.wait_ms)
        if not nor.begin():
            raise FlashError("the flash chip does not answer as a W25Q128 does")
        return nor


def provision(flash, serial, number):
    """Write the identity, as the factory does; what is so already stays. FlashError: wrong form, or a chip that does
    not hold it."""
    if not is_serial(serial):
        raise FlashError(f"--serial {serial!r}: give 1 to 32 printable ASCII characters without spaces")
    if not is_number(number):
        raise FlashError(f"--number {number!r}: give up to 32 of 0-9 * # +")
    identity = Identity(Jig(flash).driver())
    identity.load()
    same = (identity.serial, identity.number) == (serial, number)
    if not same and not identity.provision(serial, number):
        raise FlashError("the flash chip does not hold the identity; it is worn or broken")


def install_golden(flash, file):
    """Put an update file into the golden slot, past the chip's bus: no firmware can."""
    start, size = region("golden")
    store = flash.silicon.store
    store.write(start, b"\xff" * size)
    store.write(start, file[: manifest.SIZE])
    store.write(start + SECTOR, file[manifest.SIZE :])


def new_box(folder, serial, number=""):
    """A new Flash in memory that trusts the keys in `folder`. Its golden image is this firmware, signed with the key
    FACTORY_KEY there; a folder without that private key gives a box without a golden image."""
    board, revision = HARDWARE
    flash = Flash(keys=keys.trusted(folder))
    if (folder / FACTORY_KEY).exists():
        golden = image.build(board, VERSION, 0, revision=revision)
        install_golden(flash, image.sign(golden, keys.load_private(folder / FACTORY_KEY)))
    provision(flash, serial, number)
    return flash
