"""The drive's answers to what Linux, Windows and macOS ask of a CD-ROM."""

import struct

import pytest
from usb_stand_in import Blocks, Disc, make_device

BLOCKS = 500
NO_MEDIUM, BAD_FIELD, OUT_OF_RANGE, CHANGED = 0x023A00, 0x052400, 0x052100, 0x062800


def cdb(opcode, size, **at):
    """cdb(0x43, 10, b8=20): the octets that are not zero by their place."""
    octets = bytearray(size)
    octets[0] = opcode
    for place, value in at.items():
        octets[int(place[1:])] = value
    return bytes(octets)


@pytest.fixture
def blocks():
    return Blocks(bytes(2048 * BLOCKS))


@pytest.fixture
def disc(blocks):
    class Store:
        def get(self, key):
            return b"FJ-0042"

    return Disc(make_device(blocks, Store())[0])


@pytest.fixture
def empty():
    return Disc(make_device(None)[0])


def ask(disc, command, length):
    data, _, residue, status = disc.command(command, length)
    assert status == 0, hex(disc.sense())
    assert residue == length - len(data)
    return data


def refused(disc, command, length=0):
    assert disc.command(command, length)[3] == 1
    return disc.sense()


# -- who it is ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [5, 36, 96, 255])
def test_inquiry(disc, length):
    data = ask(disc, cdb(0x12, 6, b4=length), length)
    assert len(data) == min(length, 36)
    assert (data[0], data[1] & 0x80, data[3] & 15, data[4]) == (5, 0x80, 2, 31)


def test_vital_product_data(disc):
    pages = ask(disc, cdb(0x12, 6, b1=1, b4=255), 255)
    assert pages[3] == len(pages) - 4 and list(pages[4:]) == [0x00, 0x80, 0x83]
    assert ask(disc, cdb(0x12, 6, b1=1, b2=0x80, b4=255), 255)[4:] == b"FJ-0042"
    identity = ask(disc, cdb(0x12, 6, b1=1, b2=0x83, b4=255), 255)
    assert identity[3] == len(identity) - 4 and identity[7] == len(identity) - 8
    assert identity.endswith(b"FJ-0042")
    assert refused(disc, cdb(0x12, 6, b1=1, b2=0xC9, b4=255), 255) == BAD_FIELD
    assert refused(disc, cdb(0x12, 6, b2=0x80, b4=255), 255) == BAD_FIELD


def test_mode_sense(disc):
    data = ask(disc, cdb(0x5A, 10, b2=0x2A, b8=128), 128)
    assert int.from_bytes(data[:2], "big") == len(data) - 2
    page = data[8 + data[7] :]
    assert page[0] & 0x3F == 0x2A and page[1] == len(page) - 2 == 30
    assert page[3] == 0 and page[6] >> 5 == 1  # writes nothing; has a tray
    short = ask(disc, cdb(0x1A, 6, b2=0x3F, b4=192), 192)
    assert short[0] == len(short) - 1 and short[4:6] == b"\x01\x0a" and short[16] == 0x2A
    assert refused(disc, cdb(0x5A, 10, b2=0x22, b8=128), 128) == BAD_FIELD
    assert refused(disc, cdb(0x5A, 10, b2=0xEA, b8=128), 128) == 0x053900


def test_get_configuration(disc):
    data = ask(disc, cdb(0x46, 10, b7=4), 1024)
    assert struct.unpack(">IHH", data[:8]) == (len(data) - 4, 0, 0x0008)
    at, found = 8, {}
    while at < len(data):
        code, flags, size = struct.unpack(">HBB", data[at : at + 4])
        assert size % 4 == 0
        found[code] = flags, data[at + 4 : at + 4 + size]
        at += 4 + size
    assert at == len(data) and {0, 1, 2, 3, 0x10, 0x1E} <= set(found)
    assert found[0x10][1][:4] == b"\0\0\x08\0"
    only = ask(disc, cdb(0x46, 10, b1=2, b3=0x20, b8=32), 32)
    assert only == struct.pack(">IHH", 4, 0, 8)
    assert ask(disc, cdb(0x46, 10, b1=2, b3=0x10, b8=32), 32)[8:10] == b"\0\x10"
    assert ask(disc, cdb(0x46, 10, b1=0, b3=0x1E, b7=1), 256)[8:10] == b"\0\x1e"
    assert refused(disc, cdb(0x46, 10, b1=3, b8=32), 32) == BAD_FIELD


def test_report_luns(disc):
    assert ask(disc, cdb(0xA0, 12, b9=16), 16) == bytes((0, 0, 0, 8)) + bytes(12)


# -- the disc -----------------------------------------------------------------------------------------------------


def test_capacity_and_reads_at_the_edges(disc):
    last = (BLOCKS - 1).to_bytes(4, "big")
    beyond = BLOCKS.to_bytes(4, "big")
    assert ask(disc, cdb(0x25, 10), 8) == last + b"\0\0\x08\0"
    assert len(ask(disc, b"\x28\0" + last + b"\0\0\1\0", 2048)) == 2048
    assert ask(disc, cdb(0x28, 10), 0) == b""
    assert refused(disc, b"\x28\0" + beyond + b"\0\0\1\0", 2048) == OUT_OF_RANGE
    assert refused(disc, b"\x28\0" + last + b"\0\0\2\0", 4096) == OUT_OF_RANGE
    assert refused(disc, b"\x28\0\xff\xff\xff\xff\0\xff\xff\0", 2048) == OUT_OF_RANGE
    assert len(ask(disc, cdb(0xA8, 12, b9=1), 2048)) == 2048
    assert refused(disc, b"\xa8\0\0\0\0\0\xff\xff\xff\xff\0\0", 2048) == OUT_OF_RANGE
    assert ask(disc, cdb(0x2B, 10), 0) == b""
    assert refused(disc, b"\x2b\0" + beyond + bytes(4)) == OUT_OF_RANGE


def test_read_cd_gives_user_data_only(disc):
    assert len(ask(disc, cdb(0xBE, 12, b8=2, b9=0x10), 4096)) == 4096
    assert ask(disc, cdb(0xBE, 12, b8=1), 0) == b""
    assert refused(disc, cdb(0xBE, 12, b8=1, b9=0xF8), 2352) == BAD_FIELD
    assert refused(disc, cdb(0xBE, 12, b1=4, b8=1, b9=0x10), 2352) == BAD_FIELD  # CD-DA


def msf(block):
    return bytes((0, (block + 150) // 4500, (block + 150) // 75 % 60, (block + 150) % 75))


def test_table_of_contents(disc):
    toc = ask(disc, cdb(0x43, 10, b8=20), 20)
    assert toc == bytes((0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0, 0, 0x14, 0xAA, 0)) + BLOCKS.to_bytes(4, "big")
    assert ask(disc, cdb(0x43, 10, b1=2, b8=20), 20)[8:12] == msf(0)
    assert ask(disc, cdb(0x43, 10, b1=2, b6=0xAA, b8=12), 12)[4:] == b"\0\x14\xaa\0" + msf(BLOCKS)
    assert ask(disc, cdb(0x43, 10, b8=4), 4) == toc[:4]
    assert ask(disc, cdb(0x43, 10, b7=3, b8=0x24), 0x324) == toc  # Windows
    assert refused(disc, cdb(0x43, 10, b6=99, b8=20), 20) == BAD_FIELD


def test_the_last_session_where_linux_asks_for_it(disc):
    for place in ({"b2": 1}, {"b9": 0x40}):
        assert ask(disc, cdb(0x43, 10, b8=12, **place), 12) == bytes((0, 10, 1, 1, 0, 0x14, 1)) + bytes(5)


def test_the_full_toc_where_macos_asks_for_it(disc):
    toc = ask(disc, cdb(0x43, 10, b1=2, b7=0xFF, b8=0xFE, b9=0x80), 0xFFFE)
    assert toc == ask(disc, cdb(0x43, 10, b1=2, b2=2, b8=255), 255)
    assert int.from_bytes(toc[:2], "big") == len(toc) - 2 and toc[2:4] == b"\1\1"
    rows = [toc[at : at + 11] for at in range(4, len(toc), 11)]
    assert [row[3] for row in rows] == [0xA0, 0xA1, 0xA2, 1]
    assert [row[7:] for row in rows] == [b"\0\1\0\0", b"\0\1\0\0", msf(BLOCKS), msf(0)]


def test_disc_and_track_information(disc):
    whole = ask(disc, cdb(0x51, 10, b8=34), 34)
    assert int.from_bytes(whole[:2], "big") == 32 and whole[2] & 0x0F == 0x0E  # finalised
    assert ask(disc, cdb(0x51, 10, b8=2), 2) == whole[:2]
    track = ask(disc, cdb(0x52, 10, b1=1, b5=1, b8=36), 36)
    assert int.from_bytes(track[:2], "big") == len(track) - 2
    assert track[2] == track[3] == 1 and int.from_bytes(track[24:28], "big") == BLOCKS
    assert ask(disc, cdb(0x52, 10, b5=7, b8=36), 36) == track
    assert refused(disc, cdb(0x52, 10, b1=1, b5=2, b8=36), 36) == BAD_FIELD
    assert refused(disc, cdb(0x52, 10, b4=9, b8=36), 36) == OUT_OF_RANGE


def test_an_empty_drive_is_a_drive(empty):
    assert len(ask(empty, cdb(0x12, 6, b4=36), 36)) == 36
    assert ask(empty, cdb(0x4A, 10, b1=1, b4=0x10, b8=8), 8)[4:6] == b"\0\0"
    assert ask(empty, cdb(0x46, 10, b8=8), 8)[6:] == b"\0\0"
    for command, length in (
        (cdb(0, 6), 0), (cdb(0x25, 10), 8), (cdb(0x28, 10, b8=1), 2048), (cdb(0x43, 10, b8=20), 20),
        (cdb(0x51, 10, b8=34), 34), (cdb(0x52, 10, b8=34), 34), (cdb(0x2B, 10), 0), (cdb(0x2A, 10), 0),
    ):  # fmt: skip
        assert refused(empty, command, length) == NO_MEDIUM


# -- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opcode", [0x04, 0x1F, 0x23, 0x42, 0x55, 0x9E, 0xA4, 0xAC, 0xAD, 0xFF])
def test_what_no_cd_rom_has_to_know_is_refused(disc, opcode):
    assert refused(disc, cdb(opcode, 16), 8) == 0x052000


@pytest.mark.parametrize("opcode", [0x2A, 0x2E, 0xAA])
def test_nothing_is_written(disc, opcode):
    assert refused(disc, cdb(opcode, 10, b8=1)) == 0x072700


def test_sense_is_told_once(disc):
    assert refused(disc, cdb(0xFF, 6)) == 0x052000
    assert disc.sense() == 0
    refused(disc, cdb(0xFF, 6))
    assert ask(disc, cdb(0, 6), 0) == b""
    assert disc.sense() == 0


# -- the medium comes and goes ------------------------------------------------------------------------------------


def event(disc):
    """(media event, medium is there, tray is open)"""
    data = ask(disc, cdb(0x4A, 10, b1=1, b4=0x10, b8=8), 8)
    assert data[:4] == bytes((0, 6, 4, 0x10))
    return data[4], bool(data[5] & 2), bool(data[5] & 1)


def test_a_new_medium_is_news_once(disc):
    assert event(disc) == (2, True, False)
    assert event(disc) == (0, True, False)
    disc.usb.attach()
    assert event(disc) == (2, True, False)


def test_events_of_no_class_of_ours_and_asynchronous_ones(disc):
    assert ask(disc, cdb(0x4A, 10, b1=1, b4=0x02, b8=8), 8) == bytes((0, 2, 0x80, 0x10))
    assert refused(disc, cdb(0x4A, 10, b4=0x10, b8=8), 8) == BAD_FIELD
    assert ask(disc, cdb(0x4A, 10, b1=1, b4=0x10, b8=4), 4) == bytes((0, 6, 4, 0x10))
    assert event(disc)[0] == 2  # the short answer did not tell it


def test_a_changed_medium_is_told_once(disc, blocks):
    event(disc)
    blocks.image = bytes(2048 * 7)
    disc.usb.step()
    assert event(disc) == (2, True, False)
    assert refused(disc, cdb(0, 6)) == CHANGED
    assert ask(disc, cdb(0, 6), 0) == b""
    assert ask(disc, cdb(0x25, 10), 8) == bytes((0, 0, 0, 6, 0, 0, 8, 0))


def test_request_sense_tells_of_a_changed_medium_too(disc, blocks):
    blocks.image = bytes(2048 * 7)
    disc.usb.step()
    assert disc.sense() == CHANGED
    assert ask(disc, cdb(0, 6), 0) == b""


def test_a_medium_that_is_taken_out(disc, blocks):
    event(disc)
    blocks.image = b""
    disc.usb.step()
    assert event(disc) == (3, False, False)
    assert refused(disc, cdb(0, 6)) == NO_MEDIUM


def test_eject_and_load(disc):
    event(disc)
    assert ask(disc, cdb(0x1B, 6, b4=2), 0) == b""
    assert event(disc) == (3, False, True)
    assert refused(disc, cdb(0x28, 10, b8=1), 2048) == NO_MEDIUM
    assert ask(disc, cdb(0xBD, 12, b9=8), 8)[1] == 0x10
    assert ask(disc, cdb(0x1B, 6, b4=3), 0) == b""
    assert event(disc) == (2, True, False)
    assert refused(disc, cdb(0, 6)) == CHANGED
    assert len(ask(disc, cdb(0x28, 10, b8=1), 2048)) == 2048


def test_starting_and_stopping_move_nothing(disc):
    for bits in (0, 1):
        assert ask(disc, cdb(0x1B, 6, b4=bits), 0) == b""
        assert ask(disc, cdb(0, 6), 0) == b""


def test_a_locked_tray_stays_shut(disc):
    ask(disc, cdb(0x1E, 6, b4=1), 0)
    assert ask(disc, cdb(0x5A, 10, b2=0x2A, b8=128), 128)[8 + 6] & 2
    assert refused(disc, cdb(0x1B, 6, b4=2)) == 0x055302
    ask(disc, cdb(0x1E, 6), 0)
    assert ask(disc, cdb(0x1B, 6, b4=2), 0) == b""
