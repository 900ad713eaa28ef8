"""The box on a Linux machine: its drivers, its disc as a file system, the drive's tray, the telephone as a HID."""

import hashlib
import random

import pytest
from linux_usb.fixtures import usb_port
from programs import PATIENCE

from femtohost.iso import build

NO_DISC, TRAY_OPEN, DISC_OK = 1, 2, 4  # CDROM_DRIVE_STATUS


def hashes(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_every_interface_has_its_driver(pc, usb_box):
    assert pc.facts["drivers"] == {
        0: "usb-storage",
        1: "snd-usb-audio",
        2: "snd-usb-audio",
        3: "snd-usb-audio",
        4: "usbhid",
    }
    assert len(pc.facts["serial"]) == 12
    assert pc.round_trips(100)


def test_an_importer_keeps_the_device_for_itself(pc, usb_box):
    with pytest.raises(OSError, match="Attach Request"):
        pc.attach(usb_port(usb_box))
    assert pc.hash_disc()


def test_the_disc_is_the_same_to_the_bit(pc, disc):
    octets, digest, _ = pc.hash_disc()
    assert (octets, digest) == (disc[1].bytes, disc[1].sha256)


def test_its_files_are_there(pc, disc):
    found = pc.hash_files()
    del found["autorun.inf"]
    assert found == hashes(disc[0])


def test_the_tray(pc, disc):
    opened = pc.drive("unlock", "eject", "status", "close", "status")
    assert (opened[2] in (NO_DISC, TRAY_OPEN), opened[4]) == (True, DISC_OK)
    assert pc.hash_disc()[1] == disc[1].sha256


def test_another_disc(pc, usb_box, disc, tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "other").write_bytes(random.Random(2).randbytes(100_000))
    other = build(tmp_path / "files", tmp_path / "other.iso")
    usb_box.ctl("disc", action="eject")
    assert pc.drive("status")[0] in (NO_DISC, TRAY_OPEN)
    for one in (other, disc[1]):
        usb_box.ctl("disc", action="load", file=one.path)
        usb_box.until(lambda: pc.drive("status") == [DISC_OK])
        assert pc.hash_disc()[:2] == (one.bytes, one.sha256)


TELEPHONY, HOOK_SWITCH = 0x0B, 0x20


def reports(pc, count):
    return [pc.input_report(PATIENCE) for _ in range(count)]


def test_the_hook_and_the_keys_are_told(pc, usb_box):
    assert pc.report_descriptor()[:2] == bytes((5, TELEPHONY))
    usb_box.ctl("off-hook")
    assert reports(pc, 1) == [bytes((HOOK_SWITCH,))]
    usb_box.ctl("dial", digits="0#")
    zero, sharp = HOOK_SWITCH | 1, HOOK_SWITCH | 12
    assert reports(pc, 4) == [bytes((octet,)) for octet in (zero, HOOK_SWITCH, sharp, HOOK_SWITCH)]
    usb_box.ctl("on-hook")
    assert reports(pc, 1) == [bytes(1)]


def test_the_feature_report_tells_how_the_box_is(pc, usb_box):
    usb_box.until(lambda: not pc.feature(b"")[1] & 1)  # the last test may just have hung up
    status = pc.feature(b"")
    assert (len(status), status[0]) == (64, 1)
    blocks = int.from_bytes(status[16:20], "little")
    assert blocks > 0
    usb_box.ctl("off-hook")
    usb_box.until(lambda: pc.feature(b"")[1] & 1)
    usb_box.ctl("on-hook")
    assert pc.input_report(PATIENCE) and pc.input_report(PATIENCE) == bytes(1)
    usb_box.until(lambda: not pc.feature(b"")[1] & 1)
    assert pc.feature(bytes((255,)).ljust(64, b"\0"))
    usb_box.until(lambda: pc.feature(b"")[3:5] == bytes((2, status[4] + 1)))  # a command that nobody knows


def test_the_mute_indicator(pc, usb_box):
    pc.output_report(bytes((0, 4)))
    usb_box.until(lambda: pc.feature(b"")[1] & 0x20)
    pc.output_report(bytes((0, 0)))
    usb_box.until(lambda: not pc.feature(b"")[1] & 0x20)
