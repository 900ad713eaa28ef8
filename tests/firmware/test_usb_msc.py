"""Bulk-Only Transport: the 13 cases, halts and recovery, as a host sees them."""

import contextlib

import pytest
from usb_stand_in import Blocks, Disc, Nak, Stall, make_device

IMAGE = bytes((i >> 11) * 7 + i & 0xFF for i in range(2048 * 100))
TEST_UNIT_READY = bytes(6)
INQUIRY = bytes((0x12, 0, 0, 0, 36, 0))


def read(block, count):
    return b"\x28\0" + block.to_bytes(4, "big") + b"\0" + count.to_bytes(2, "big") + b"\0"


def write(count):
    return b"\x2a" + bytes(6) + count.to_bytes(2, "big") + b"\0"


@pytest.fixture
def usb():
    return make_device(Blocks(IMAGE))[0]


@pytest.fixture
def disc(usb):
    return Disc(usb)


@pytest.mark.parametrize(
    ("cdb", "length", "inward", "moved", "stalled", "residue", "status"),
    [
        pytest.param(TEST_UNIT_READY, 0, False, 0, False, 0, 0, id="1 Hn = Dn"),
        pytest.param(INQUIRY, 0, False, 0, False, 0, 2, id="2 Hn < Di"),
        pytest.param(write(1), 0, False, 0, False, 0, 1, id="3 Hn < Do"),
        pytest.param(TEST_UNIT_READY, 64, True, 0, True, 64, 0, id="4 Hi > Dn"),
        pytest.param(INQUIRY, 255, True, 36, False, 219, 0, id="5 Hi > Di, short packet"),
        pytest.param(read(0, 1), 4096, True, 2048, True, 2048, 0, id="5 Hi > Di, whole packets"),
        pytest.param(INQUIRY, 36, True, 36, False, 0, 0, id="6 Hi = Di"),
        pytest.param(read(0, 60), 60 * 2048, True, 60 * 2048, False, 0, 0, id="6 Hi = Di, 120 KiB"),
        pytest.param(INQUIRY, 8, True, 0, True, 8, 2, id="7 Hi < Di"),
        pytest.param(read(0, 1), 512, True, 0, True, 512, 2, id="7 Hi < Di, read"),
        pytest.param(write(1), 2048, True, 0, True, 2048, 1, id="8 Hi <> Do"),
        pytest.param(TEST_UNIT_READY, 64, False, 0, True, 64, 0, id="9 Ho > Dn"),
        pytest.param(INQUIRY, 36, False, 0, True, 36, 2, id="10 Ho <> Di"),
        pytest.param(write(1), 4096, False, 0, True, 4096, 1, id="11 Ho > Do"),
        pytest.param(write(1), 2048, False, 0, True, 2048, 1, id="12 Ho = Do"),
        pytest.param(write(2), 2048, False, 0, True, 2048, 1, id="13 Ho < Do"),
    ],
)  # fmt: skip
def test_the_thirteen_cases(disc, cdb, length, inward, moved, stalled, residue, status):
    data, *rest = disc.command(cdb, length, inward)
    assert (len(data), *rest) == (moved, stalled, residue, status)
    assert disc.command(TEST_UNIT_READY) == (b"", False, 0, 0)


def test_every_block_arrives_as_it_stands_on_the_disc(disc):
    for first, count in ((0, 100), (99, 1), (10, 3), (40, 60)):
        data, stalled, residue, status = disc.command(read(first, count), count * 2048)
        assert (stalled, residue, status) == (False, 0, 0)
        assert data == IMAGE[2048 * first : 2048 * (first + count)]
    assert disc.usb.largest == 4096


def test_a_disc_that_fails_in_the_middle():
    blocks = Blocks(IMAGE)
    usb, _ = make_device(blocks)
    disc = Disc(usb)
    usb.bulk_out(disc.OUT, disc.cbw(read(0, 8), 8 * 2048))
    assert usb.bulk_in(disc.IN, 4096) == IMAGE[:4096]
    blocks.broken = True
    with pytest.raises(Stall) as stall:
        usb.bulk_in(disc.IN, 6 * 2048)
    got = 4096 + len(stall.value.data)
    usb.clear_halt(disc.IN)
    assert disc.csw() == (8 * 2048 - got, 1)
    assert disc.sense() == 0x031100
    blocks.broken = False
    assert disc.command(read(0, 1), 2048)[0] == IMAGE[:2048]


BAD = {
    "signature": lambda cbw: b"XSBC" + cbw[4:],
    "30 octets": lambda cbw: cbw[:30],
    "32 octets": lambda cbw: cbw + b"\0",
    "empty": lambda cbw: b"",
    "no command": lambda cbw: cbw[:14] + b"\0" + cbw[15:],
    "17 octets of command": lambda cbw: cbw[:14] + b"\x11" + cbw[15:],
    "LUN with reserved bits": lambda cbw: cbw[:13] + b"\x10" + cbw[14:],
    "a CSW": lambda cbw: b"USBS" + bytes(9),
    "512 octets": lambda cbw: cbw.ljust(512, b"\0"),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_an_invalid_cbw_halts_both_pipes_until_the_reset_recovery(disc, bad):
    usb = disc.usb
    with contextlib.suppress(Stall):
        usb.bulk_out(disc.OUT, bad(disc.cbw(TEST_UNIT_READY, 0)))
    for _ in range(3):
        with pytest.raises(Stall):
            usb.bulk_in(disc.IN, 13)
        with pytest.raises(Stall):
            usb.bulk_out(disc.OUT, disc.cbw(TEST_UNIT_READY, 0))
        usb.clear_halt(disc.IN)
        usb.clear_halt(disc.OUT)
    usb.control(0x21, 0xFF, 0, 0)
    with pytest.raises(Stall):  # a reset keeps the halts: BOT 3.1
        usb.bulk_in(disc.IN, 13)
    usb.clear_halt(disc.IN)
    usb.clear_halt(disc.OUT)
    assert disc.command(INQUIRY, 36)[1:] == (False, 0, 0)


@pytest.mark.parametrize("fetched", [0, 64, 2048, 4096, 6144])
def test_an_abandoned_read_leaves_nothing_behind(disc, fetched):
    disc.usb.bulk_out(disc.OUT, disc.cbw(read(0, 4), 8192))
    if fetched:
        disc.usb.bulk_in(disc.IN, fetched)
    disc.recover()
    with pytest.raises(Nak):
        disc.usb.bulk_in(disc.IN, 13)
    assert disc.command(read(9, 1), 2048)[0] == IMAGE[9 * 2048 : 10 * 2048]


def test_recovery_at_every_moment_of_a_command(disc):
    for stage in range(4):
        if stage > 0:
            disc.usb.bulk_out(disc.OUT, disc.cbw(INQUIRY, 36))
        if stage > 1:
            disc.usb.bulk_in(disc.IN, 36)
        if stage > 2:
            disc.csw()
        disc.recover()
        assert disc.command(INQUIRY, 36)[1:] == (False, 0, 0)


def test_a_halt_of_the_hosts_making_loses_no_command(disc):
    for ep in (disc.OUT, disc.IN):
        disc.usb.control(0x02, 3, 0, ep)
        disc.usb.clear_halt(ep)
        assert disc.command(INQUIRY, 36)[1:] == (False, 0, 0)


def test_clearing_a_halt_that_is_not_there_changes_nothing(disc):
    for ep in (disc.OUT, disc.IN):
        disc.usb.clear_halt(ep)
    assert disc.command(INQUIRY, 36)[1:] == (False, 0, 0)


def test_a_new_bus_reset_in_the_middle_of_everything(disc):
    disc.usb.bulk_out(disc.OUT, disc.cbw(read(0, 4), 8192))
    disc.usb.bulk_in(disc.IN, 64)
    disc.usb.attach()
    assert disc.command(INQUIRY, 36)[1:] == (False, 0, 0)
    disc.usb.bulk_out(disc.OUT, b"nonsense")
    disc.usb.attach()
    assert disc.command(INQUIRY, 36)[1:] == (False, 0, 0)


def test_reading_without_a_command_waits(disc):
    with pytest.raises(Nak):
        disc.usb.bulk_in(disc.IN, 13)


def test_requests_of_the_class(disc):
    assert disc.usb.control(0xA1, 0xFE, 0, 0, length=1) == b"\0"
    for kind, request, value, index, length in (
        (0xA1, 0xFE, 1, 0, 1), (0xA1, 0xFE, 0, 0, 2), (0xA1, 0x99, 0, 0, 8), (0x21, 0xFF, 1, 0, 0),
        (0x81, 6, 0x2200, 0, 64), (0xA1, 0xFE, 0, 77, 1), (0xC0, 0x55, 0, 0, 64),
    ):  # fmt: skip
        with pytest.raises(Stall):
            disc.usb.control(kind, request, value, index, length=length)


def test_a_second_lun_is_not_there(disc):
    assert disc.command(TEST_UNIT_READY, lun=1)[3] == 1
    assert disc.sense() == 0x052500


def test_stray_octets_after_the_command_are_not_read(disc):
    cbw = bytearray(disc.cbw(b"\x28\0\0\0\0\0\0\0\1\0", 2048))
    cbw[14] = 6  # the block count lies beyond the command
    disc.usb.bulk_out(disc.OUT, bytes(cbw))
    with pytest.raises(Stall):
        disc.usb.bulk_in(disc.IN, 2048)
    disc.usb.clear_halt(disc.IN)
    assert disc.csw() == (2048, 0)
