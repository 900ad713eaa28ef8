"""flashrom, which we did not write, with its clip on the box's flash chip (serprog over TCP)."""

import json
import random
import re
import subprocess

import pytest
from programs import Program, find, needs

from femtohost.flash.look import regions

pytestmark = needs("flashrom", package="flashrom")
SIZE = 1 << 24
SLOW_S = 300  # of wall-clock time, on a machine under load


@pytest.fixture
def box(run_box):
    return run_box("--serprog", "127.0.0.1:0")


@pytest.fixture
def layout(tmp_path):
    """A layout file with the regions of our map."""
    path = tmp_path / "layout"
    path.write_text("".join(f"{r['start']:06x}:{r['start'] + r['size'] - 1:06x} {r['name']}\n" for r in regions()))
    return path


def command(box, *arguments, chip="W25Q128.V"):
    address, _, port = box.ready["addresses"]["serprog"].partition(":")
    options = ("-c", chip) if chip else ()
    return find("flashrom"), "-p", f"serprog:ip={address}:{port}", *options, *map(str, arguments)


def flashrom(box, *arguments, chip="W25Q128.V", good=True):
    """What it prints."""
    done = subprocess.run(command(box, *arguments, chip=chip), capture_output=True, text=True, timeout=SLOW_S)
    assert (done.returncode == 0) == good, done.stdout + done.stderr
    return done.stdout + done.stderr


def place(name):
    """(start, size) of a region."""
    return next((r["start"], r["size"]) for r in regions() if r["name"] == name)


def image(box):
    return (box.profile / "flash.bin").read_bytes()


def test_it_probes_the_chip_by_its_id_and_by_its_parameters(box):
    assert 'Found Winbond flash chip "W25Q128.V" (16384 kB, SPI)' in flashrom(box, chip=None)
    said = flashrom(box, "-V", chip="SFDP-capable chip")
    assert "(16384 kB, SPI)" in said
    assert "4096 x 4096 B" in said.replace("\t", " ") or re.search(r"4 ?kB|4096", said)


def test_it_reads_what_is_in_the_image(box, tmp_path):
    flashrom(box, "-r", tmp_path / "read.bin")
    box.until(lambda: box.ctl("status")["power"] == "on")
    assert (tmp_path / "read.bin").read_bytes()[:0x800000] == image(box)[:0x800000]


def test_it_writes_verifies_and_erases_a_region(box, tmp_path, layout):
    start, size = place("floor")  # a small one
    content = bytearray(image(box))
    content[start : start + size] = random.Random(1).randbytes(size)
    wanted = tmp_path / "wanted.bin"
    wanted.write_bytes(content)
    assert "VERIFIED" in flashrom(box, "-l", layout, "-i", "floor", "-w", wanted)
    assert image(box)[start : start + size] == content[start : start + size]
    assert "VERIFIED" in flashrom(box, "-l", layout, "-i", "floor", "-v", wanted)
    content[start] ^= 1
    wanted.write_bytes(content)
    assert "FAILED" in flashrom(box, "-l", layout, "-i", "floor", "-v", wanted, good=False)
    box.ctl("power", state="off")
    flashrom(box, "-l", layout, "-i", "floor", "-E")
    assert image(box)[start : start + size] == b"\xff" * size


def test_it_sees_and_sets_protection(box, tmp_path, layout):
    said = flashrom(box, "--wp-status")
    assert "start=0x00000000 length=0x00800000 (lower 1/2)" in said
    assert "hardware" in said
    ranges = flashrom(box, "--wp-list")
    assert "start=0x00800000 length=0x00800000 (upper 1/2)" in ranges and "(all)" in ranges
    box.ctl("power", state="off")
    flashrom(box, "--wp-disable", "--wp-range", "0x0,0x0")
    assert "(none)" in flashrom(box, "--wp-status")
    flashrom(box, "--wp-enable", "--wp-range", "0x0,0x400000")
    assert "(lower 1/4)" in flashrom(box, "--wp-status")
    box.ctl("power", state="on")  # the firmware sets what it wants at boot
    box.until(lambda: box.ctl("status")["line"] == "on-hook")
    assert "(lower 1/2)" in flashrom(box, "--wp-status")


@pytest.mark.parametrize(
    ("begin", "size", "registers"), [(0x1000, 0xFFF000, "e440"), (0, 0x400000, "b400"), (0, 0x800000, "b800")]
)
def test_the_ranges_that_the_firmware_uses_are_those_of_these_registers(box, run, begin, size, registers):
    """While copy 0 of the identity is written, while another is, and else (femtojack.flash.nor)."""
    box.ctl("power", state="off")
    flashrom(box, "--wp-enable", "--wp-range", f"{begin:#x},{size:#x}")
    code, out, err = run("flash", "info", "--profile", box.profile, "--json")
    assert code == 0, err
    assert json.loads(out)["status"].startswith(registers)


def test_garbage_over_all_that_it_can_write_leaves_a_box_that_boots_and_takes_an_update(box, tmp_path, layout, run):
    """`flashrom -w` over both slots, journal, floor and littlefs: every octet of them."""
    before = box.ctl("status")
    content = bytearray(image(box))
    content[0x800000:] = random.Random(2).randbytes(SIZE - 0x800000)
    (tmp_path / "garbage.bin").write_bytes(content)
    names = ("journal", "floor", "slot_a", "slot_b", "littlefs")
    includes = [option for name in names for option in ("-i", name)]
    flashrom(box, "-l", layout, *includes, "-w", tmp_path / "garbage.bin")
    box.until(lambda: box.ctl("status")["line"] == "on-hook")
    after = box.ctl("status")
    assert after["slot"] == "golden"
    assert (after["serial"], after["number"]) == (before["serial"], before["number"])
    update = tmp_path / "update.fji"
    run("image", "build", "--board", "emulator", "--version", "2", "--security-counter", 7, "-o", update)
    run("image", "sign", update, "--key", box.profile / "keys" / "factory")
    code, out, err = run("image", "install", update, "--profile", box.profile)
    assert code == 0, out + err
    assert box.ctl("status")["slot"] == "a"
    assert box.ctl("status")["serial"] == before["serial"]


def test_a_killed_emulator_loses_no_sector_that_was_acknowledged(box, tmp_path, layout):
    """flashrom goes from page to page when the one before is acknowledged: all before the page that is seen are."""
    start, _ = place("slot_b")
    content = bytearray(image(box))
    content[start : start + 0x100000] = random.Random(3).randbytes(0x100000)
    (tmp_path / "wanted.bin").write_bytes(content)
    program = Program(*command(box, "-l", layout, "-i", "slot_b", "-w", tmp_path / "wanted.bin"), cwd=tmp_path)
    page = start + 0x20000
    while image(box)[page : page + 256] != content[page : page + 256]:
        assert program.running, program.lines
    box.kill()
    program.kill()  # it may read from the closed connection for ever
    assert image(box)[start:page] == content[start:page]
