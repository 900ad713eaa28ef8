"""The two places for a firmware on a board: halves of its image's ROMFS partition, or folders where there is none.

Code in ROMFS runs where it lies, code in a file system is copied to the heap first. boards/common/starter.py mounts
the half that is started as the folder `a` or `b`.
"""

import binascii
import hashlib
import zlib
from pathlib import PurePosixPath

from femtohost.errors import BoardLost, UserError

SLOTS = ("a", "b")
CHUNK = 2048  # octets that travel at once
_WINDOW = 11  # bits of the compressor's: a chunk
_PAGE = 256  # of flash: what is programmed at once
_RESERVE = 8192  # octets that the file system may need for itself
_VERIFY_S = 300

# Code on a board that lets it find the modules of what is deployed there.
ENTER = """
try:
    open('slot').close()
except OSError:
    raise OSError('nothing is deployed here: femtojack board deploy')
import main
main.enter()
"""

_UNPACK = f"""
from binascii import a2b_base64, hexlify
from deflate import DeflateIO, RAW
from hashlib import sha256
from io import BytesIO
def unpack(b):
    return DeflateIO(BytesIO(a2b_base64(b)), RAW, {_WINDOW}).read()
"""

_PARTITION = """
import vfs
p = vfs.rom_ioctl(2, 0) if hasattr(vfs, 'rom_ioctl') else -1
print(0 if isinstance(p, int) else len(memoryview(p)))
"""

_ROM_WRITER = """
block = p.ioctl(5, 0)
def put(at, b):
    if at % block == 0:
        p.ioctl(6, at // block)
    p.writeblocks(at // block, unpack(b), at % block)
"""
_ROM_HASH = "print(repr(hexlify(sha256(memoryview(p)[{begin}:{end}]).digest()).decode()))\n"

_CLEAR = """
import os
def clear(path):
    try:
        names = list(os.ilistdir(path))
    except OSError:
        return
    for entry in names:
        name = path + '/' + entry[0]
        clear(name) if entry[1] & 0x4000 else os.remove(name)
    os.rmdir(path)
clear({slot!r})
"""

_FOLDERS = """
import os
for path in {folders!r}:
    os.mkdir(path)
"""

# {hash of every file}: the board's own reading of what it has.
_HASHES = """
import os
def digest(path):
    h = sha256()
    b = memoryview(bytearray(512))
    with open(path, 'rb') as f:
        while True:
            n = f.readinto(b)
            if not n:
                break
            h.update(b[:n])
    return hexlify(h.digest()).decode()
def walk(path):
    for entry in os.ilistdir(path):
        name = path + '/' + entry[0]
        if entry[1] & 0x4000:
            yield from walk(name)
        else:
            yield name
print('{{')
for name in {names}:
    print('%r: %r,' % (name, digest(name)))
print('}}')
"""


def of(link):
    """FolderSlots or RomSlots of the board at `link`."""
    link.run(_UNPACK)
    size = link.ask(_PARTITION)
    return RomSlots(link, size // 2) if size else FolderSlots(link)


class FolderSlots:
    """Slots `a` and `b` are folders of the file system."""

    kind = "files"

    def __init__(self, link):
        self._link = link

    def write(self, slot, bundle, progress):
        """The bundle into `slot`, read back by the board; what was in it is lost. progress(done, of): octets.
        UserError: no room. BoardLost."""
        clear(self._link, slot)
        self._check_room(bundle)
        self._upload(slot, bundle.files, progress)
        check_files(self._link, f"walk({slot!r})", {f"{slot}/{name}": data for name, data in bundle.files.items()})

    def _check_room(self, bundle):
        room, block = self._link.ask("import os\ns = os.statvfs('.')\nprint((s[0] * s[3], s[0]))\n")
        need = sum(-(-len(data) // block) * block for data in bundle.files.values()) + _RESERVE
        _need_room(self._link, room, need, "; remove files")

    def _upload(self, slot, files, progress):
        folders = {slot} | {f"{slot}/{parent}" for name in files for parent in _parents(name)}
        self._link.run(_FOLDERS.format(folders=sorted(folders)))
        total, done = sum(map(len, files.values())), 0
        for name, data in files.items():
            for n in write_file(self._link, f"{slot}/{name}", data):
                done += n
                if progress:
                    progress(done, total)


class RomSlots:
    """Slots `a` and `b` are the halves of the ROMFS partition, of `half` octets."""

    kind = "romfs"

    def __init__(self, link, half):
        self._link, self._half = link, half

    def write(self, slot, bundle, progress):
        """As FolderSlots.write."""
        image = bundle.romfs()
        _need_room(self._link, self._half, len(image), "")
        clear(self._link, slot)  # a folder of before there was a partition
        begin = self._half * SLOTS.index(slot)
        self._upload(begin, image, progress)
        found = self._link.ask(_ROM_HASH.format(begin=begin, end=begin + len(image)), _VERIFY_S)
        if found != hashlib.sha256(image).hexdigest():
            raise _worn(self._link, f"slot {slot}")

    def _upload(self, begin, image, progress):
        self._link.run(_ROM_WRITER)
        for at in range(0, len(image), CHUNK):
            chunk = image[at : at + CHUNK]
            chunk += b"\xff" * (-len(chunk) % _PAGE)
            self._link.run(f"put({begin + at}, {_packed(chunk)!r})")
            if progress:
                progress(min(at + CHUNK, len(image)), len(image))


def clear(link, slot):
    """Remove the folder of a slot."""
    link.run(_CLEAR.format(slot=slot), _VERIFY_S)


def write_file(link, name, data):
    """Write one file on the board, compressed on the way; yields the octets of each chunk written."""
    starts = range(0, len(data), CHUNK) or (0,)
    for start in starts:
        chunk = data[start : start + CHUNK]
        begin = f"f = open({name!r}, 'wb')\n" if start == 0 else ""
        end = "\nf.close()" if start == starts[-1] else ""
        link.run(f"{begin}f.write(unpack({_packed(chunk)!r})){end}")
        yield len(chunk)


def check_files(link, names, wanted):
    """The board's own hashes of `names`, an expression, must be those of `wanted` (path -> octets) and of no other."""
    found = link.ask(_HASHES.format(names=names), _VERIFY_S)
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in wanted.items()}
    wrong = sorted(name for name in hashes.keys() | found.keys() if hashes.get(name) != found.get(name))
    if wrong:
        raise _worn(link, wrong[0])


def _packed(chunk):
    packer = zlib.compressobj(9, zlib.DEFLATED, -_WINDOW)
    return binascii.b2a_base64(packer.compress(chunk) + packer.flush(), newline=False)


def _parents(name):
    return [str(parent) for parent in PurePosixPath(name).parents if str(parent) != "."]


def _need_room(link, room, need, remedy):
    if room < need:
        raise UserError(f"{link.port}: the board has room for {room} octets, the firmware needs {need}{remedy}")


def _worn(link, what):
    return BoardLost(f"{link.port}: {what} on the board is not what was sent; its flash may be worn; try again")
