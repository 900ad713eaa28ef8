"""The disc in the drive: an ISO 9660 image that the firmware reads block by block."""

import os
from pathlib import Path

from femtohost.clock import SECOND
from femtohost.errors import UserError

BLOCK = 2048
DESCRIPTOR_AT = 16 * BLOCK + 1  # ECMA-119 6.2.1, 8.1.2: the identifier of the first volume descriptor
IDENTIFIER = b"CD001"
LARGEST = 1 << 32  # blocks that READ CAPACITY can tell
SWAP_NS = SECOND  # how long the tray is empty while a disc is changed


class DiscError(UserError):
    """A file that is no disc: one line."""


class ImageFile:
    """An image on the host. It is read, not mapped: a file that shrinks under a mapping would end the process."""

    def __init__(self, path):
        try:
            self._file = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise DiscError(
                f"{path}: {error.strerror}; give an ISO 9660 image (femtojack iso build makes one)"
            ) from None
        try:
            self.count = self._measure(path)
        except DiscError:
            self.close()
            raise

    def _measure(self, path):
        if not Path(path).is_file():
            raise DiscError(f"{path}: not a file; give an ISO 9660 image (femtojack iso build makes one)")
        count, rest = divmod(os.fstat(self._file).st_size, BLOCK)
        identifier = os.pread(self._file, len(IDENTIFIER), DESCRIPTOR_AT)
        if rest or not 0 < count < LARGEST or identifier != IDENTIFIER:
            raise DiscError(f"{path}: no ISO 9660 image (blocks of {BLOCK}, {IDENTIFIER.decode()} in block 16)")
        return count

    def read(self, lba, view):
        return os.preadv(self._file, [view], lba * BLOCK)

    def close(self):
        os.close(self._file)


class ImageOctets:
    """An image in memory: whole blocks of anything. ValueError if they are not whole."""

    def __init__(self, octets):
        self._octets = memoryview(octets).cast("B")
        self.count, rest = divmod(len(self._octets), BLOCK)
        if rest:
            raise ValueError(f"{len(self._octets)} octets: a disc has blocks of {BLOCK}")

    def read(self, lba, view):
        part = self._octets[lba * BLOCK : lba * BLOCK + len(view)]
        view[: len(part)] = part
        return len(part)

    def close(self):
        pass


class Disc:
    """`board.blocks`: `count` blocks of 2048 octets, 0 without a medium, and `read(lba, buf)`.

    `image` is a path, octets, or None. `load`, `eject` and `swap` are a person's at the drive; `clock` is set by the
    box that has the drive: a disc that is on its way is in when the next box gets power.
    """

    def __init__(self, image=None):
        self._clock = None
        self._image = self._following = None
        if image is not None:
            self.load(image)

    @property
    def clock(self):
        return self._clock

    @clock.setter
    def clock(self, clock):
        self._clock = clock
        self._arrive(self._following)

    @property
    def count(self):
        return self._image.count if self._image else 0

    def read(self, lba, buf):
        """Fill `buf` (whole blocks) from block `lba` on. OSError: the medium cannot be read there."""
        view = memoryview(buf).cast("B")
        if self._image is None or len(view) % BLOCK or lba + len(view) // BLOCK > self.count:
            raise OSError(f"blocks {lba}..{lba + len(view) // BLOCK - 1} of {self.count}")
        if self._image.read(lba, view) != len(view):
            raise OSError(f"block {lba}: the image has become shorter")

    def load(self, image):
        """Put a disc in, in place of what is there. DiscError: it is none."""
        loaded = ImageOctets(image) if isinstance(image, (bytes, bytearray)) else ImageFile(image)
        self.eject()
        self._image = loaded

    def eject(self):
        """Take the disc out, if there is one, or is about to be."""
        for image in filter(None, (self._image, self._following)):
            image.close()
        self._image = self._following = None

    def swap(self, image):
        """Take the disc out and, a second later, put `image` in: the firmware can see the change."""
        following = Disc(image)._image
        self.eject()
        self._following = following
        self._clock.after(SWAP_NS, lambda: self._arrive(following))

    def _arrive(self, image):
        if image and image is self._following:
            self._image, self._following = image, None
