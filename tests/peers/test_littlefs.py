"""One dump of the box's file system, two readers that we did not write: littlefs-python and MicroPython's VfsLfs2."""

import json
import random
import subprocess

import pytest
from littlefs import LittleFS

from femtohost.flash.memory import Flash, copy_image
from femtohost.targets import interpreter
from femtojack.flash.layout import SECTOR, region

START, SIZE = region("littlefs")
MICROPYTHON = interpreter.find()
pytestmark = pytest.mark.skipif(not MICROPYTHON, reason=f"no MicroPython: {interpreter.HINT}")

DEVICE = """
import binascii, json, os, sys
try:
    import vfs
except ImportError:
    import os as vfs

SECTOR = 4096

class Dump:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.octets = bytearray(file.read())

    def readblocks(self, block, buf, offset=0):
        begin = block * SECTOR + offset
        buf[:] = self.octets[begin : begin + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        begin = block * SECTOR + offset
        self.octets[begin : begin + len(buf)] = buf

    def ioctl(self, op, arg):
        if op == 4:
            return len(self.octets) // SECTOR
        if op == 5:
            return SECTOR
        if op == 6:
            self.octets[arg * SECTOR : (arg + 1) * SECTOR] = b"\\xff" * SECTOR
        return 0

def tree(folder, found):
    for name, kind, *_ in os.ilistdir(folder):
        path = folder + "/" + name
        if kind == 0x4000:
            found[path[2:]] = None
            tree(path, found)
        else:
            with open(path, "rb") as file:
                found[path[2:]] = binascii.hexlify(file.read()).decode()
    return found

dump = Dump(sys.argv[1])
"""
READ = """
vfs.mount(vfs.VfsLfs2(dump), "/d")
print(json.dumps(tree("/d", {})))
"""
WRITE = """
vfs.VfsLfs2.mkfs(dump)
vfs.mount(vfs.VfsLfs2(dump), "/d")
with open(sys.argv[2]) as file:
    wanted = json.load(file)
for path in sorted(wanted):  # its dicts have no order, and folders come first
    content = wanted[path]
    if content is None:
        os.mkdir("/d" + path)
    else:
        with open("/d" + path, "wb") as file:
            file.write(binascii.unhexlify(content))
vfs.umount("/d")
with open(sys.argv[1], "wb") as file:
    file.write(dump.octets)
"""


def micropython(folder, script, *arguments):
    (folder / "script.py").write_text(DEVICE + script)
    command = [MICROPYTHON, "-X", "heapsize=32M", folder / "script.py", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files():
    """A tree: {path: hexadecimal content, None for a folder}."""
    rng = random.Random(4)
    return {
        "/empty": "", "/notes.txt": b"hello".hex(), "/deep": None, "/deep/er": None,
        "/deep/er/big.bin": rng.randbytes(20_000).hex(), "/deep/small": "00ff",
    }  # fmt: skip


def read_by_littlefs(octets):
    fs = LittleFS(block_size=SECTOR, block_count=SIZE // SECTOR, mount=False)
    fs.context.buffer[:] = octets
    fs.mount()
    found = {}
    for folder, folders, names in fs.walk("/"):
        base = folder.rstrip("/")
        found |= {f"{base}/{name}": None for name in folders}
        for name in names:
            with fs.open(f"{base}/{name}", "rb") as file:
                found[f"{base}/{name}"] = file.read().hex()
    return found


def dumped(tmp_path, octets):
    """The octets out of the region of an image, after a way through it."""
    flash = Flash()
    flash.silicon.store.write(START, octets)
    flash.save(tmp_path)
    return copy_image(tmp_path).silicon.store.read(START, SIZE)


def test_what_micropython_wrote_both_read(tmp_path):
    path = tmp_path / "files.lfs"
    path.write_bytes(b"\xff" * SIZE)
    (tmp_path / "files.json").write_text(json.dumps(files()))
    micropython(tmp_path, WRITE, path, tmp_path / "files.json")
    octets = dumped(tmp_path, path.read_bytes())
    path.write_bytes(octets)
    assert read_by_littlefs(octets) == files()
    assert json.loads(micropython(tmp_path, READ, path)) == files()


def test_what_littlefs_wrote_both_read(tmp_path):
    fs = LittleFS(block_size=SECTOR, block_count=SIZE // SECTOR, disk_version=0x00020000)
    for path, content in files().items():
        if content is None:
            fs.mkdir(path)
        else:
            with fs.open(path, "wb") as file:
                file.write(bytes.fromhex(content))
    octets = dumped(tmp_path, bytes(fs.context.buffer))
    (tmp_path / "files.lfs").write_bytes(octets)
    assert read_by_littlefs(octets) == files()
    assert json.loads(micropython(tmp_path, READ, tmp_path / "files.lfs")) == files()
