"""W25Q128FV: status registers and what they protect."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nor_bench import SIZE, Bench

KIB, MIB = 1024, 1024 * 1024
TB, SEC = 0x20, 0x40

# "Status Register Memory Protection", CMP = 0: S7..S0 -> octets from the top or the bottom
RANGES = {
    0b000 << 2: 0, 0b001 << 2: 256 * KIB, 0b010 << 2: 512 * KIB, 0b011 << 2: 1 * MIB, 0b100 << 2: 2 * MIB,
    0b101 << 2: 4 * MIB, 0b110 << 2: 8 * MIB, 0b111 << 2: 16 * MIB,
    SEC | 0b001 << 2: 4 * KIB, SEC | 0b010 << 2: 8 * KIB, SEC | 0b011 << 2: 16 * KIB, SEC | 0b100 << 2: 32 * KIB,
    SEC | 0b101 << 2: 32 * KIB, SEC | 0b111 << 2: 16 * MIB,
}  # fmt: skip


@pytest.fixture
def bench():
    return Bench()


def writable(bench, address):
    """Whether a page program at `address` has an effect."""
    bench.program(address, b"\0")
    return bench.read(address, 1) == b"\0"


@pytest.mark.parametrize("bottom", [0, TB], ids=["top", "bottom"])
@pytest.mark.parametrize("complement", [0, 0x40], ids=["", "complement"])
@pytest.mark.parametrize("bits", RANGES)
def test_the_ranges(bench, bits, bottom, complement):
    bench.write_status(bits | bottom, complement)
    size = RANGES[bits]
    begin, end = (0, size) if bottom else (SIZE - size, SIZE)
    for address in (0, begin - 1, begin, end - 1, end, SIZE - 1):
        if 0 <= address < SIZE:
            inside = begin <= address < end
            assert writable(bench, address) == (inside if complement else not inside), hex(address)


def test_erases_that_reach_into_it_do_nothing(bench):
    bench.program(SIZE - 32 * KIB, b"\0")
    bench.write_status(SEC | 0b001 << 2)
    bench.erase(SIZE - 32 * KIB, 0x52)
    bench.command(0x06)
    bench.command(0xC7)
    assert not bench.busy()
    assert bench.read(SIZE - 32 * KIB, 1) == b"\0"
    assert bench.said() == ["Erase (52h)", "Chip Erase (C7h)"]
    bench.erase(SIZE - 32 * KIB, 0x20)
    assert bench.read(SIZE - 32 * KIB, 1) == b"\xff"


def test_registers_survive_the_power_and_volatile_ones_do_not(bench):
    bench.write_status(0x38)
    bench.command(0x50)
    bench.command(0x01, 0x34)
    assert bench.status()[0] == 0x34
    bench.power_cycle()
    assert bench.status()[0] == 0x38
    bench.command(0x50)
    bench.command(0x01, 0x34)
    bench.command(0x66)
    bench.command(0x99)
    bench.run(1)
    assert bench.status()[0] == 0x38
    assert bench.said() == []


def test_each_register_has_its_command(bench):
    bench.write_status(0x04, command=0x01)
    bench.write_status(0x40, command=0x31)
    bench.write_status(0x20, command=0x11)
    assert bench.status() == b"\x04\x40\x20"
    bench.write_status(0x08, 0x00)
    assert bench.status() == b"\x08\x00\x20"
    bench.write_status(0xFF, command=0x11)
    assert bench.status()[2] == 0xE4
    assert bench.said() == ["Write Status Register"]


def test_the_pin_locks_the_registers_where_srp0_asks_for_it(bench):
    bench.chip.wp(1)
    bench.write_status(0xB8)
    bench.chip.wp(0)
    for enable in (0x06, 0x50):
        for values in ((0x01, 0), (0x31, 0x40), (0x11, 0)):
            bench.command(enable)
            bench.command(*values)
    assert bench.status() == b"\xba\x00\x60"
    assert len(bench.said()) == 6
    bench.chip.wp(1)
    bench.write_status(0)
    assert bench.status()[0] == 0


def test_quad_enable_takes_the_pin_away(bench):
    bench.write_status(0x80, 0x02)
    bench.write_status(0)
    assert bench.status()[0] == 0


def test_a_lock_until_the_power_goes(bench):
    bench.write_status(0x38, 0x01)
    bench.chip.wp(1)
    bench.write_status(0, 0)
    assert bench.status()[0] == 0x3A
    bench.power_cycle()
    assert bench.status()[:2] == b"\x38\x00"
    bench.write_status(0)
    assert bench.status()[0] == 0


def test_a_lock_for_ever_and_one_time_bits(bench):
    bench.write_status(0, 0x08)
    bench.write_status(0, 0)
    assert bench.status()[1] == 0x08
    bench.write_status(0x80, 0x09)
    bench.power_cycle()
    bench.chip.wp(1)
    bench.write_status(0, 0)
    assert bench.status()[:2] == b"\x82\x09"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from((0x01, 0x31, 0x11)), st.integers(0, 255)), max_size=6))
def test_busy_latch_and_reserved_bits_are_never_written(writes):
    bench = Bench()
    bench.chip.wp(1)
    for command, value in writes:
        bench.write_status(value, command=command)
    bench.command(0x04)
    status = bench.status()
    assert not status[0] & 0x03 and not status[1] & 0x84 and not status[2] & 0x1B
