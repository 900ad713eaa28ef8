"""Block devices in the flash: the file system's, and the disc's. Neither reaches anything else.

`LittlefsBlocks` is what os.VfsLfs2 takes: readblocks, writeblocks, ioctl. What stands there can all be made again;
nothing here formats.
"""

from micropython import const

from femtojack.flash.layout import PAGE, SECTOR, region

_INIT = const(1)  # operations of ioctl
_DEINIT = const(2)
_SYNC = const(3)
_COUNT = const(4)
_SIZE = const(5)
_ERASE = const(6)
_EIO = const(5)
_EINVAL = const(22)

_CD_BLOCK = const(2048)
_DESCRIPTOR = const(16)  # ECMA-119 6.2.1: block of the first volume descriptor
_IDENTIFIER = b"\x01CD001\x01"  # 8.4.1 to 8.4.3: primary, standard identifier, version
_SPACE_SIZE = const(80)  # 8.4.8: blocks of the volume, little-endian half


class LittlefsBlocks:
    """Blocks of 4096 octets. Errors are negative numbers of errno, as VfsLfs2 wants them. Waits as boot does."""

    def __init__(self, nor):
        self._nor = nor
        self._start, size = region("littlefs")
        self.count = size // SECTOR

    def readblocks(self, block, buf, offset=0):
        """Fill `buf` from `offset` of `block` on."""
        if not self._inside(block, offset, len(buf)):
            return -_EINVAL
        self._nor.read(self._start + block * SECTOR + offset, buf)
        return 0

    def writeblocks(self, block, buf, offset=None):
        """Program `buf` at `offset` of an erased block; without an offset whole blocks, which are erased first."""
        if not self._inside(block, offset or 0, len(buf)) or (offset is None and len(buf) % SECTOR):
            return -_EINVAL
        if offset is None:
            for each in range(block, block + len(buf) // SECTOR):
                if self.ioctl(_ERASE, each):
                    return -_EIO
        return 0 if self._nor.run(self._nor.write(self._start + block * SECTOR + (offset or 0), buf)) else -_EIO

    def ioctl(self, op, arg):
        if op == _COUNT:
            return self.count
        if op == _SIZE:
            return SECTOR
        if op == _ERASE:
            if not self._inside(arg, 0, SECTOR):
                return -_EINVAL
            return 0 if self._nor.run(self._nor.erase(self._start + arg * SECTOR)) else -_EIO
        return 0 if op in (_INIT, _DEINIT, _SYNC) else -_EINVAL

    def _inside(self, block, offset, n):
        return block >= 0 and offset >= 0 and block * SECTOR + offset + n <= self.count * SECTOR


class EitherDisc:
    """The disc in `drive` (femtojack.board, `blocks`), or the one in the flash while that has none."""

    def __init__(self, drive, flash):
        self._drive, self._flash = drive, flash

    @property
    def count(self):
        return self._drive.count or self._flash.count

    def read(self, block, buf):
        (self._drive if self._drive.count else self._flash).read(block, buf)


class CdBlocks:
    """The disc in the flash, as femtojack.board's `blocks`: `count` of 2048 octets as its volume descriptor says."""

    def __init__(self, nor):
        self._nor = nor
        self._start, size = region("cd")
        self.count = self._volume(size // _CD_BLOCK)

    def read(self, block, buf):
        """Fill `buf` from `block` on. OSError: that is not on the disc."""
        if block < 0 or len(buf) % _CD_BLOCK or block + len(buf) // _CD_BLOCK > self.count:
            raise OSError(_EIO)
        self._nor.read(self._start + block * _CD_BLOCK, buf)

    def _volume(self, most):
        descriptor = bytearray(PAGE)
        self._nor.read(self._start + _DESCRIPTOR * _CD_BLOCK, descriptor)
        if descriptor[: len(_IDENTIFIER)] != _IDENTIFIER:
            return 0
        count = sum([descriptor[_SPACE_SIZE + i] << 8 * i for i in range(4)])
        return count if _DESCRIPTOR < count <= most else 0
