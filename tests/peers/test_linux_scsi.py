"""What a CD-ROM drive is asked by Linux, Windows, macOS and MMC tools, through the kernel's generic SCSI driver."""

import struct

import pytest

GOOD = "good"
REFUSED = (5,)  # ILLEGAL REQUEST, whatever the code
OPCODE, ADDRESS, FIELD, PROTECTED = (5, 0x20), (5, 0x21), (5, 0x24), (7, 0x27)
EITHER = "good or refused"


def cdb(opcode, size, **octets):
    """A command; b8=1 sets its octet 8."""
    command = bytearray(size)
    command[0] = opcode
    for name, value in octets.items():
        command[int(name[1:])] = value
    return bytes(command)


def at(opcode, block, count):
    return struct.pack(">BBIBHB", opcode, 0, block, 0, count, 0)


# what: command, octets asked for, what comes of it, what the octets must be
ASKED = {
    "TEST UNIT READY": (cdb(0, 6), 0, GOOD, None),
    "REQUEST SENSE": (cdb(3, 6, b4=18), 18, GOOD, lambda d: d[0] & 0x7F == 0x70 and d[2] & 15 == 0),
    "INQUIRY of 5": (cdb(0x12, 6, b4=5), 5, GOOD, lambda d: len(d) == 5),
    "INQUIRY of 36": (cdb(0x12, 6, b4=36), 36, GOOD, lambda d: len(d) == 36 and d[0] == 5 and d[1] == 0x80),
    "INQUIRY of 255": (cdb(0x12, 6, b4=255), 255, GOOD, lambda d: len(d) == d[4] + 5),
    "INQUIRY, VPD 00": (cdb(0x12, 6, b1=1, b4=255), 255, GOOD, lambda d: d[1] == 0 and 0x80 in d[4:]),
    "INQUIRY, VPD 80": (cdb(0x12, 6, b1=1, b2=0x80, b4=255), 255, GOOD, lambda d: len(d) == d[3] + 4),
    "INQUIRY, VPD 83": (cdb(0x12, 6, b1=1, b2=0x83, b4=255), 255, GOOD, lambda d: len(d) == d[3] + 4),
    "INQUIRY, VPD C9": (cdb(0x12, 6, b1=1, b2=0xC9, b4=255), 255, FIELD, None),
    "READ CAPACITY": (cdb(0x25, 10), 8, GOOD, lambda d: d[4:] == b"\0\0\x08\0"),
    "READ(10), first": (at(0x28, 0, 1), 2048, GOOD, lambda d: len(d) == 2048),
    "READ(10) of nothing": (at(0x28, 0, 0), 0, GOOD, None),
    "READ(10), far away": (at(0x28, 0xFFFFFFFF, 0xFFFF), 2048, ADDRESS, None),
    "READ(12)": (cdb(0xA8, 12, b9=1), 2048, GOOD, lambda d: len(d) == 2048),
    "READ CD": (cdb(0xBE, 12, b8=1, b9=0x10), 2048, EITHER, None),
    "READ TOC": (cdb(0x43, 10, b8=20), 20, GOOD, lambda d: d[2] == 1 and d[3] == 1),
    "READ TOC in minutes": (cdb(0x43, 10, b1=2, b8=20), 20, GOOD, lambda d: d[9:12] == b"\0\x02\0"),
    "READ TOC, lead-out": (cdb(0x43, 10, b6=0xAA, b8=12), 12, GOOD, lambda d: d[6] == 0xAA),
    "READ TOC, sessions": (cdb(0x43, 10, b2=1, b8=12), 12, GOOD, lambda d: len(d) == 12),
    "READ TOC, sessions, Linux": (cdb(0x43, 10, b8=12, b9=0x40), 12, GOOD, lambda d: len(d) == 12 and d[6] == 1),
    "READ TOC, full": (cdb(0x43, 10, b1=2, b2=2, b8=255), 255, GOOD, lambda d: len(d) == 2 + (d[0] << 8 | d[1])),
    "READ TOC, full, macOS": (cdb(0x43, 10, b1=2, b7=0xFF, b8=0xFE, b9=0x80), 65534, GOOD, lambda d: d[7] == 0xA0),
    "READ TOC, Windows": (cdb(0x43, 10, b7=3, b8=0x24), 0x324, GOOD, lambda d: len(d) == 2 + (d[0] << 8 | d[1])),
    "READ TOC, track 99": (cdb(0x43, 10, b6=99, b8=20), 20, REFUSED, None),
    "READ TOC of 4": (cdb(0x43, 10, b8=4), 4, GOOD, lambda d: len(d) == 4),
    "GET CONFIGURATION": (cdb(0x46, 10, b7=1), 256, GOOD, lambda d: struct.unpack(">I", d[:4])[0] == len(d) - 4),
    "GET CONFIGURATION, one": (cdb(0x46, 10, b1=2, b8=32), 32, GOOD, lambda d: len(d) >= 8),
    "GET EVENT STATUS": (cdb(0x4A, 10, b1=1, b4=0x10, b8=8), 8, GOOD, lambda d: len(d) == 8 and d[2] & 7 == 4),
    "GET EVENT, asynchronous": (cdb(0x4A, 10, b4=0x10, b8=8), 8, FIELD, None),
    "READ DISC INFORMATION": (cdb(0x51, 10, b8=34), 34, GOOD, lambda d: len(d) == 34),
    "READ TRACK INFORMATION": (cdb(0x52, 10, b1=1, b5=1, b8=36), 36, EITHER, None),
    "MODE SENSE(6), all": (cdb(0x1A, 6, b2=0x3F, b4=192), 192, EITHER, None),
    "MODE SENSE(10), 2A": (cdb(0x5A, 10, b2=0x2A, b8=128), 128, GOOD, lambda d: d[8 + d[7]] & 0x3F == 0x2A),
    "MODE SENSE(10), no such page": (cdb(0x5A, 10, b2=0x22, b8=128), 128, FIELD, None),
    "PREVENT": (cdb(0x1E, 6, b4=1), 0, GOOD, None),
    "ALLOW": (cdb(0x1E, 6), 0, GOOD, None),
    "START": (cdb(0x1B, 6, b4=1), 0, GOOD, None),
    "SEEK(10)": (cdb(0x2B, 10), 0, EITHER, None),
    "MECHANISM STATUS": (cdb(0xBD, 12, b9=8), 8, EITHER, None),
    "READ SUB-CHANNEL": (cdb(0x42, 10, b1=2, b2=0x40, b3=1, b8=16), 16, EITHER, None),
    "SET CD SPEED": (cdb(0xBB, 12, b2=0xFF, b3=0xFF), 0, EITHER, None),
    "REPORT LUNS": (cdb(0xA0, 12, b9=16), 16, EITHER, None),
    "REPORT KEY": (cdb(0xA4, 12, b9=8, b10=8), 8, REFUSED, None),
    "READ DISC STRUCTURE": (cdb(0xAD, 12, b9=4), 4, REFUSED, None),
    "GET PERFORMANCE": (cdb(0xAC, 12, b9=1), 16, EITHER, None),
    "READ CAPACITY(16)": (cdb(0x9E, 16, b1=0x10, b13=32), 32, EITHER, None),
    "no such command, FF": (cdb(0xFF, 10), 0, OPCODE, None),
    "no such command, 1F": (cdb(0x1F, 6), 0, OPCODE, None),
}


def ask(pc, command, length, out=b""):
    """(what came of it, octets)."""
    [(status, sense, data)] = pc.scsi([(command, length, out)])
    assert status in (0, 2)
    return GOOD if status == 0 else sense, data


def check(result, expected):
    if expected == EITHER:
        assert result == GOOD or result[0] == 5
    elif expected == GOOD:
        assert result == GOOD
    else:
        assert result[: len(expected)] == expected


@pytest.mark.parametrize("what", ASKED)
def test_what_drives_are_asked(pc, what):
    command, length, expected, fits = ASKED[what]
    result, data = ask(pc, command, length)
    check(result, expected)
    assert fits is None or fits(data), data.hex()
    assert ask(pc, cdb(0, 6), 0)[0] == GOOD


def test_the_end_of_the_disc(pc, disc):
    count = disc[1].bytes // 2048
    assert ask(pc, cdb(0x25, 10), 8)[1] == struct.pack(">II", count - 1, 2048)
    result, data = ask(pc, at(0x28, count - 1, 1), 2048)
    with open(disc[1].path, "rb") as file:
        assert (result, data) == (GOOD, file.read()[-2048:])
    for block, blocks in ((count, 1), (count - 1, 2)):
        check(ask(pc, at(0x28, block, blocks), 2048 * blocks)[0], ADDRESS)


def test_nobody_can_write(pc):
    check(ask(pc, at(0x2A, 1, 1), 0, bytes(2048))[0], PROTECTED)
