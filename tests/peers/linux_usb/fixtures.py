"""A Linux machine, a box that runs with a disc in its drive, and the one attached to the other."""

import random
import re

import pytest
from linux_usb import image
from linux_usb.machine import Guest
from programs import realtime

from femtohost.iso import build
from femtohost.running import RunningBox

# What the kernel says when a device displeases it
COMPLAINTS = re.compile(
    r"BUG:|WARNING:|Oops|Call Trace|I/O error|reset (full|high)|descriptor read|cannot (get|set)|invalid|vhci_hcd: recv"
    r"|usb_set_interface failed|bandwidth|timed out|short read"
)


@pytest.fixture(scope="session")
def linux(tmp_path_factory):
    """The Linux machine: every function of guest/agent.py is a method."""
    if command := image.missing():
        pytest.skip(f"no Linux guest: {command}")
    guest = Guest(tmp_path_factory.mktemp("linux"))
    yield guest
    guest.stop()


@pytest.fixture(scope="session")
def disc(tmp_path_factory):
    """(folder, femtohost.iso.Disc) of a few files, 6 MB."""
    tmp_path = tmp_path_factory.mktemp("disc")
    folder, rng = tmp_path / "files", random.Random(1)
    (folder / "drivers and more").mkdir(parents=True)
    for name, size in (("setup.exe", 6_000_000), ("drivers and more/Łódź read me first.text", 3000), ("empty", 0)):
        (folder / name).write_bytes(rng.randbytes(size))
    return folder, build(folder, tmp_path / "disc.iso", "INSTALLER")


@pytest.fixture(scope="module")
def usb_box(tmp_path_factory, disc):
    """A box whose USB port is exported, with the disc."""
    box = RunningBox(tmp_path_factory.mktemp("usb") / "box", "", "--usbip", "127.0.0.1:0", "--iso", disc[1].path)
    box.until(lambda: box.ctl("status")["line"] == "on-hook")
    yield box
    assert box.ctl("status")["misuse"] == []
    box.kill()


def usb_port(box):
    """Where the box's USB port is exported."""
    return int(box.ready["addresses"]["usbip"].rpartition(":")[2])


@pytest.fixture(scope="module")
def pc(linux, usb_box):
    """The Linux machine with the box attached; in the end its kernel has nothing to complain of."""
    before = len(linux.kernel_log())
    with realtime(linux.process, usb_box.process):  # its drivers wait for a device for seconds of real time
        _, linux.facts = linux.attach(usb_port(usb_box))
        linux.disc()
        yield linux
        linux.close_files()
        linux.detach()
    said = [line for line in linux.kernel_log()[before:].splitlines() if COMPLAINTS.search(line)]
    assert said == []
