"""A PC that does everything wrong, by its seed: the firmware refuses, breaks no rule, and serves the next one well."""

import random
import struct
from contextlib import suppress

import numpy as np
import pytest

from femtohost.peers.usb_errors import UsbError

BLOCK = 2048
STORAGE_IN, STORAGE_OUT = 0x81, 0x02
SOON = 0.01  # s of patience


def image(blocks):
    octets = bytearray(np.random.default_rng(1).bytes(blocks * BLOCK))
    octets[16 * BLOCK + 1 : 16 * BLOCK + 6] = b"CD001"
    return bytes(octets)


DISC = image(100)
OPCODES = (0x00, 0x03, 0x12, 0x1A, 0x1B, 0x1E, 0x25, 0x28, 0x2A, 0x43, 0x46, 0x4A, 0x51, 0x52, 0x5A, 0xA8, 0xBE)


class Vandal:
    """One host with a random stream; each call does one thing, mostly a wrong one."""

    def __init__(self, host, seed):
        self.host, self.rng = host, random.Random(seed)

    def act(self):
        deeds = {
            self.command: 40, self.wrapper: 15, self.noise: 3, self.read: 15, self.halt: 5, self.control: 10,
            self.report: 5, self.reset: 15, self.configure: 3, self.replug: 3,
        }  # fmt: skip
        with suppress(UsbError):  # refused, or nothing to take
            self.rng.choices(tuple(deeds), deeds.values())[0]()

    def command(self):
        """A whole command, of any length and direction."""
        rng = self.rng
        cdb = struct.pack(">BBIBHB", rng.choice(OPCODES), 0, rng.choice((0, 50, 99, 1 << 31)), 0, rng.randrange(9), 0)
        length = rng.choice((0, 8, 36, 512, 2048, 4096, 16384))
        outward = rng.random() < 0.2
        wrapper = struct.pack("<4sIIBBB16s", b"USBC", 1, length, 0 if outward else 0x80, 0, 10, cdb)
        self.host.write(STORAGE_OUT, wrapper, SOON)
        if length and outward:
            self.host.write(STORAGE_OUT, bytes(length), SOON)
        elif length:
            self.host.read(STORAGE_IN, length, SOON)
        self.host.read(STORAGE_IN, 13, SOON)

    def configure(self):
        """No configuration, and the one again."""
        self.host.control(0, 9, 0)
        self.host.control(0, 9, 1)

    def wrapper(self):
        """A command block wrapper: one of its fields may be anything."""
        rng = self.rng
        cdb = bytearray(rng.randbytes(16))
        cdb[0] = rng.choice(OPCODES)
        cdb[1:6] = bytes(4) + bytes((rng.randrange(120),))
        fields = [b"USBC", rng.randrange(1 << 32), rng.choice((0, 1, 13, 36, 64, 2048, 4096, 65536)),
                  rng.choice((0, 0x80)), 0, rng.choice((6, 10, 12, 16)), bytes(cdb)]  # fmt: skip
        if rng.random() < 0.2:
            which, value = rng.choice(((0, b"USBX"), (2, 0xFFFFFFFF), (3, 0x55), (4, 0xFF), (5, 0), (5, 17)))
            fields[which] = value
        self.host.write(STORAGE_OUT, struct.pack("<4sIIBBB16s", *fields), SOON)

    def noise(self):
        self.host.write(STORAGE_OUT, self.rng.randbytes(self.rng.choice((0, 1, 30, 32, 64, 512))), SOON)

    def read(self):
        self.host.read(STORAGE_IN, self.rng.choice((13, 13, 36, 64, 512, 4096, 65536)), SOON)

    def halt(self):
        """SET_FEATURE or CLEAR_FEATURE of a halt, of endpoints that there are and others."""
        self.host.control(2, self.rng.choice((1, 1, 3)), 0, self.rng.choice((0x81, 0x02, 0x85, 0x83, 0x04, 0x8F)))

    def control(self):
        rng = self.rng
        length = rng.randrange(80)
        self.host.control(
            rng.choice((0x01, 0x21, 0x22, 0x80, 0x81, 0xA1, 0xA2)), rng.choice((0, 1, 2, 4, 6, 9, 10, 11, 0x81, 0xFE)),
            rng.choice((0, 1, 2, 0x0100, 0x0200, 0x0300, 0x2200)), rng.randrange(6) | rng.choice((0, 0x200)),
            rng.randbytes(length), length,
        )  # fmt: skip

    def report(self):
        self.host.set_report(3, 0, bytes((self.rng.randrange(7), *self.rng.randbytes(3))).ljust(64, b"\0"))

    def reset(self):
        self.host.reset_storage()

    def replug(self):
        self.host.detach()
        self.host.attach()


@pytest.mark.parametrize("seed", range(4))
def test_a_vandal_harms_nobody(make_box, seed):
    box = make_box(seed=seed, iso=DISC)
    box.usb_host.attach()
    vandal = Vandal(box.usb_host, seed)
    for _ in range(600):
        vandal.act()
    host = box.usb_host
    host.detach()
    host.attach()
    host.scsi(bytes((0x1B, 0, 0, 0, 3, 0)))  # the tray may be open: START STOP UNIT, load
    for _ in range(5):
        if host.scsi(bytes(6)).status == 0:
            break
    assert host.read_disc() == DISC
    assert box.misuse == []
    assert box.state("fxs") in ("ON_HOOK", "DOWN")


@pytest.mark.parametrize("length", [0, 1, 8, 36, 100, 255, 4096])
@pytest.mark.parametrize("opcode", OPCODES)
def test_no_more_than_asked_and_the_residue_is_what_is_missing(shared, opcode, length):
    """Bulk-Only Transport 1.0 6.7: the host's transfer length is the most that comes."""
    host = shared.usb_host
    answer = host.command(bytes((opcode, 0, 0, 0, 36, 0)).ljust(12, b"\0"), length)
    assert len(answer.data) <= length
    if answer.status < 2:
        assert answer.residue == length - len(answer.data)
    else:
        host.reset_storage()
    assert shared.misuse == []


@pytest.fixture(scope="module")
def shared():
    from femtohost.emulator import Emulator

    with Emulator(seed=1, iso=DISC) as box:
        box.usb_host.attach()
        yield box
