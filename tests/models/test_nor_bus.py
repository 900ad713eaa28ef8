"""W25Q128FV: what its bus says, against the datasheet."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nor_bench import SIZE, Bench

from femtohost.clock import MS, US

ADDRESS = st.integers(0, SIZE - 1)


@pytest.fixture
def bench():
    return Bench()


def test_ids(bench):
    assert bench.command(0x9F, read=6) == bytes.fromhex("EF4018EF4018")
    assert bench.command(0x90, 0, 0, 0, read=4) == bytes.fromhex("EF17EF17")
    assert bench.command(0x90, 0, 0, 1, read=2) == bytes.fromhex("17EF")
    assert bench.command(0xAB, 0, 0, 0, read=1) == b"\x17"
    assert len(set(bench.command(0x4B, 0, 0, 0, 0, read=8))) > 1
    assert bench.said() == []


def test_the_parameter_table(bench):
    """JESD216A: header, then 16 words at the address that it names."""
    header = bench.command(0x5A, 0, 0, 0, 0, read=16)
    assert header[:4] == b"SFDP" and header[6] == 0
    table, words = int.from_bytes(header[12:15], "little"), header[11]
    assert words >= 9
    got = struct.unpack(f"<{words}I", bench.command(0x5A, 0, 0, table, 0, read=4 * words))
    assert got[1] == SIZE * 8 - 1
    assert got[0] & 3 == 1 and got[0] >> 8 & 0xFF == 0x20
    assert [(got[7] & 0xFF, got[7] >> 8 & 0xFF), (got[7] >> 16 & 0xFF, got[7] >> 24)] == [(12, 0x20), (15, 0x52)]
    assert (got[8] & 0xFF, got[8] >> 8 & 0xFF) == (16, 0xD8)
    assert 1 << (got[10] >> 4 & 15) == 256
    # The first nine words as other readings of this chip's table have them
    assert got[:9] == struct.unpack(
        "<9I", bytes.fromhex("E520F9FFFFFFFF0744EB086B083B42BBFEFFFFFFFFFF0000FFFF40EB0C200F5210D80000")
    )


def test_the_dummy_octet_may_be_read_as_data(bench):
    assert bench.command(0x5A, 0, 0, 0, read=5) == b"\xffSFDP"
    assert bench.command(0x0B, 0, 0, 0, read=2) == b"\xff\xff"


def test_a_new_chip_is_erased_and_unprotected(bench):
    assert bench.read(0x123456, 16) == b"\xff" * 16
    assert bench.status() == b"\x00\x00\x60"


@settings(max_examples=60, deadline=None)
@given(ADDRESS, st.binary(min_size=1, max_size=600), st.booleans())
def test_page_program_wraps_within_its_page(address, data, split):
    bench = Bench()
    bench.command(0x06)
    bench.command(0x02, *address.to_bytes(3, "big"), *data, split=split)
    bench.run(3)
    page = bytearray(b"\xff" * 256)
    for i, octet in enumerate(data):
        page[(address + i) % 256] = octet  # the last 256 count
    begin = address // 256 * 256
    assert bench.read(begin, 256) == page
    assert bench.read((begin + 256) % SIZE, 256) == b"\xff" * 256


def test_reads_go_on_at_the_start_of_the_chip(bench):
    bench.program(0, b"start")
    bench.program(SIZE - 3, b"end")
    assert bench.read(SIZE - 3, 8) == b"endstart"


def test_program_only_clears_bits_and_the_firmware_is_told(bench):
    bench.program(0x1000, b"\x0f\xf0")
    bench.program(0x1000, b"\x3c\x30")
    assert bench.read(0x1000, 2) == b"\x0c\x30"
    assert bench.said() == ["Page Program (02h)"]
    bench.program(0x1000, b"\x08\x30")
    assert bench.said() == []


@pytest.mark.parametrize(("command", "size"), [(0x20, 0x1000), (0x52, 0x8000), (0xD8, 0x10000)])
def test_erases_cover_what_surrounds_their_address(bench, command, size):
    begin = 0x340000
    for address in (begin - 1, begin, begin + size - 1, begin + size):
        bench.program(address, b"\0")
    bench.erase(begin + size // 2 + 5, command)
    assert [bench.read(a, 1)[0] for a in (begin - 1, begin, begin + size - 1, begin + size)] == [0, 0xFF, 0xFF, 0]


def test_chip_erase(bench):
    bench.program(0, b"a")
    bench.program(SIZE - 1, b"z")
    bench.command(0x06)
    bench.command(0xC7)
    bench.run(39_000)
    assert bench.busy()
    bench.run(161_000)
    assert not bench.busy()
    assert bench.read(SIZE - 1, 2) == b"\xff\xff"


@pytest.mark.parametrize(
    ("start", "ns"),
    [
        (lambda bench: bench.start_program(0, b"x"), 700 * US),
        (lambda bench: bench.start_erase(0), 45 * MS),
        (lambda bench: bench.start_erase(0, 0x52), 120 * MS),
        (lambda bench: bench.start_erase(0, 0xD8), 150 * MS),
        (lambda bench: (bench.command(0x06), bench.command(0x01, 0)), 10 * MS),
    ],
    ids=["program", "sector", "32 KiB", "64 KiB", "status"],
)
def test_busy_and_the_latch_last_as_long_as_the_operation(bench, start, ns):
    start(bench)
    assert bench.status()[0] == 3
    bench.clock.advance(bench.clock.now + ns - 1)
    assert bench.status()[0] == 3
    bench.clock.advance(bench.clock.now + 1)
    assert bench.status()[0] == 0
    assert bench.said() == []


def test_the_latch_is_set_and_cleared(bench):
    bench.command(0x06)
    assert bench.status()[0] == 2
    bench.command(0x04)
    assert bench.status()[0] == 0


def test_nothing_is_written_without_the_latch(bench):
    bench.command(0x02, 0, 0, 0, 0)
    bench.command(0x20, 0, 0, 0)
    bench.command(0xC7)
    bench.command(0x01, 0xFC)
    assert bench.read(0, 1) == b"\xff" and bench.status() == b"\x00\x00\x60"
    assert bench.said() == [
        "Page Program (02h)", "Erase (20h)", "Chip Erase (C7h)", "Write Status Register (01h)"
    ]  # fmt: skip


def test_a_busy_chip_hears_only_status_reads(bench):
    bench.start_program(0, b"x")
    assert bench.read(0, 2) == b"\xff\xff"
    bench.command(0x06)
    assert bench.said() == ["BUSY", "BUSY"]
    bench.run(3)
    assert bench.read(0, 2) == b"x\xff"


def test_commands_of_a_wrong_length_do_nothing(bench):
    bench.command(0x06, 0)
    assert bench.status()[0] == 0
    bench.command(0x06)
    bench.command(0x20, 0, 0)
    bench.command(0x20, 0, 0, 0, 0)
    bench.command(0x02, 0, 0, 0)
    bench.command(0xC7, 0)
    bench.command(0x01, 0, 0, 0)
    assert not bench.busy()
    assert len(bench.said()) == 6


def test_commands_that_there_are_not(bench):
    bench.command(0x32, 0, 0, 0, 1)
    bench.command(0x75)
    assert bench.said() == ["Instruction Set"] * 2


def test_reset_needs_its_enable_right_before(bench):
    bench.command(0x06)
    bench.command(0x99)
    assert bench.status()[0] == 2
    assert bench.said() == ["Reset (99h)"]
    bench.command(0x66)
    bench.command(0x05, read=1)
    bench.command(0x99)
    assert bench.said() == ["Reset (99h)"]
    bench.command(0x66)
    bench.command(0x99)
    bench.command(0x05, read=1)
    assert bench.said() == ["tRST, tDP, tRES1"]
    bench.run(0.03)
    assert bench.status()[0] == 0
    assert bench.said() == []


def test_reset_during_an_operation_spoils_it(bench):
    bench.start_erase(0)
    bench.command(0x66)
    bench.command(0x99)
    bench.run(1)
    assert not bench.busy()
    assert bench.said() == ["Reset (99h)"]


def test_power_down_hears_only_its_release(bench):
    bench.command(0xB9)
    bench.run(0.003)
    assert bench.command(0x9F, read=3) == b"\xff\xff\xff"
    bench.command(0x66)
    assert bench.said() == ["Power-down (B9h)"] * 2
    bench.command(0xAB)
    assert bench.command(0x9F, read=3) == b"\xff\xff\xff"
    assert bench.said() == ["tRST, tDP, tRES1"]
    bench.run(0.003)
    assert bench.command(0x9F, read=3) == bytes.fromhex("EF4018")


def test_a_driver_that_spins_is_told(bench):
    bench.start_program(0, b"x")
    for _ in range(64):
        bench.busy()
    assert bench.said() == ["Board contract"]


def test_transfers_need_chip_select(bench):
    answer = bytearray(2)
    bench.chip.transfer(b"\x9f\0", answer)
    assert answer == b"\xff\xff"
    assert bench.said() == ["Chip Select"]


def test_the_buffers_may_be_one(bench):
    buffer = bytearray(b"\x9f\0\0\0")
    bench.chip.cs(0)
    bench.chip.transfer(buffer, buffer)
    bench.chip.cs(1)
    assert buffer == b"\xff\xef\x40\x18"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=8), max_size=30))
def test_no_garbage_upsets_it(frames):
    bench = Bench()
    for frame in frames:
        bench.command(*frame, read=3)
        bench.run(50)
    bench.chip.power_up()
    assert bench.command(0x9F, read=3) == bytes.fromhex("EF4018")
