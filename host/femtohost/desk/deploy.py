"""Putting the firmware onto a board, so that at every instant either the old one boots or the new one, whole.

The board has two folders, `a` and `b`, and a file `slot` that names the one to start. The new firmware is written into
the other folder, the board reads all of it back and tells its hashes, and only then one rename changes `slot`.
A power cut, a pulled cable or an interrupt before that rename leaves what was there.
"""

import binascii
import hashlib
import json
import zlib
from pathlib import PurePosixPath

from femtohost.errors import BoardLost, UserError

SLOTS = ("a", "b")
CHUNK = 2048  # octets of a file that travel at once
_WINDOW = 11  # bits of the compressor's: a chunk
CONFIG = "config.json"
_OURS = b'"""/main.py of femtojack'
_RESERVE = 8192  # octets that the file system may need for itself
_VERIFY_S = 60

_SLOT = """
try:
    with open('slot') as f:
        print(repr(f.read().strip()))
except OSError:
    print(None)
"""

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
import os, hashlib, binascii
def digest(path):
    h = hashlib.sha256()
    b = memoryview(bytearray(512))
    with open(path, 'rb') as f:
        while True:
            n = f.readinto(b)
            if not n:
                break
            h.update(b[:n])
    return binascii.hexlify(h.digest()).decode()
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

_WRITER = """
from binascii import a2b_base64
from deflate import DeflateIO, RAW
from io import BytesIO
def w(b):
    f.write(DeflateIO(BytesIO(a2b_base64(b)), RAW, {window}).read())
"""

_RENAME = "import os\nos.rename({old!r}, {new!r})\nif hasattr(os, 'sync'):\n    os.sync()\n"


def deploy(link, bundle, config=None, force=False, progress=None):
    """Put `bundle` onto the board at `link`, and `config` (dict) if one is given. What was done, a dict.

    progress(done, of) counts octets. UserError: wrong board, no room, a /main.py that is not ours (`force` replaces
    it). BoardLost: the board went away; it starts what it had before.
    """
    link.expect(bundle.board)
    link.run(_WRITER.format(window=_WINDOW))
    current = link.ask(_SLOT)
    slot = SLOTS[current == SLOTS[0]]
    _keep_foreign_starter(link, force)
    link.run(_CLEAR.format(slot=slot), _VERIFY_S)
    _check_room(link, bundle)
    _upload(link, slot, bundle.files, progress)
    _verify(link, slot, bundle.files)
    _replace(link, "main.py", bundle.starter)
    if config is not None:
        _replace(link, CONFIG, json.dumps(config).encode())
    _replace(link, "slot", f"{slot}\n".encode())
    return {
        "board": bundle.board.name, "machine": link.facts.machine, "slot": slot, "files": len(bundle.files),
        "octets": bundle.size, "sha256": bundle.digest(), "verified": True,
    }  # fmt: skip


def _keep_foreign_starter(link, force):
    found = link.ask("try:\n    print(open('main.py', 'rb').read(64))\nexcept OSError:\n    print(None)\n")
    if found and not found.startswith(_OURS) and not force:
        raise UserError(f"{link.port}: the board has another main.py; save it, then give --force to replace it")


def _check_room(link, bundle):
    room = link.ask("import os\ns = os.statvfs('.')\nprint(s[0] * s[3])\n")
    block = link.ask("import os\nprint(os.statvfs('.')[0])\n")
    need = sum(-(-len(data) // block) * block for data in bundle.files.values()) + _RESERVE
    if room < need:
        raise UserError(f"{link.port}: the board has room for {room} octets, the firmware needs {need}; remove files")


def _upload(link, slot, files, progress):
    folders = {slot} | {f"{slot}/{parent}" for name in files for parent in _parents(name)}
    link.run(_FOLDERS.format(folders=sorted(folders)))
    total, done = sum(map(len, files.values())), 0
    for name, data in files.items():
        for n in _write(link, f"{slot}/{name}", data):
            done += n
            if progress:
                progress(done, total)


def _write(link, name, data):
    """Write one file on the board, compressed on the way; yields the octets of each chunk written."""
    starts = range(0, len(data), CHUNK) or (0,)
    for start in starts:
        chunk = data[start : start + CHUNK]
        packer = zlib.compressobj(9, zlib.DEFLATED, -_WINDOW)
        packed = binascii.b2a_base64(packer.compress(chunk) + packer.flush(), newline=False)
        begin = f"f = open({name!r}, 'wb')\n" if start == 0 else ""
        end = "\nf.close()" if start == starts[-1] else ""
        link.run(f"{begin}w({packed!r}){end}")
        yield len(chunk)


def _parents(name):
    return [str(parent) for parent in PurePosixPath(name).parents if str(parent) != "."]


def _verify(link, slot, files):
    """The board's own hashes must be those of every file, and of no other."""
    found = link.ask(_HASHES.format(names=f"walk({slot!r})"), _VERIFY_S)
    wanted = {f"{slot}/{name}": hashlib.sha256(data).hexdigest() for name, data in files.items()}
    wrong = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if wrong:
        raise BoardLost(f"{link.port}: {wrong[0]} on the board is not what was sent; its flash may be worn; try again")


def _replace(link, name, data):
    """One file, whole or as before: written beside, read back, renamed."""
    new = f"{name}.new"
    for _ in _write(link, new, data):
        pass
    found = link.ask(_HASHES.format(names=repr([new])))
    if found != {new: hashlib.sha256(data).hexdigest()}:
        raise BoardLost(f"{link.port}: {new} on the board is not what was sent; its flash may be worn; try again")
    link.run(_RENAME.format(old=new, new=name))
