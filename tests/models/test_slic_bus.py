import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slic_bench import INDIRECT, Bench

# Si3210/Si3211 datasheet rev 1.61, "Control Registers": resets; those of 0, 30 and 84..89 are undefined.
RESET_OF = {
    1: 0x08, 2: 0, 3: 0, 4: 0, 5: 0, 6: 0, 8: 0x02, 9: 0, 10: 0x08, 11: 0x33, 14: 0x10, 15: 0, 18: 0, 19: 0, 20: 0,
    21: 0, 22: 0, 23: 0, 24: 0, 28: 0, 29: 0, 31: 0, 32: 0, 33: 0, 34: 0, 35: 0, 36: 0, 37: 0, 38: 0, 39: 0, 40: 0,
    41: 0, 42: 0, 43: 0, 44: 0, 45: 0, 46: 0, 47: 0, 48: 0, 49: 0, 50: 0, 51: 0, 52: 0, 63: 0x32, 64: 0, 65: 0x61,
    66: 0x03, 67: 0x1F, 68: 0x04, 69: 0x0A, 70: 0x0A, 71: 0, 72: 0x20, 73: 0x02, 74: 0x32, 75: 0x10, 76: 0, 77: 0,
    78: 0, 79: 0, 80: 0, 81: 0, 82: 0, 83: 0, 92: 0xFF, 93: 0x14, 94: 0, 96: 0x1F, 97: 0x1F, 98: 0x10, 99: 0x10,
    100: 0x11, 101: 0x11, 102: 0x08, 103: 0x88, 104: 0, 105: 0, 106: 0x20, 107: 0x08, 108: 0,
}  # fmt: skip
PLAIN = [2, 4, 36, 37, 48, 63, 105]  # registers of eight plain read-write bits
EIGHT_BITS = st.integers(0, 255)


@pytest.fixture
def bench():
    bench = Bench()
    bench.chip.reset(1)
    return bench


def test_resets(bench):
    assert {address: bench.read(address) for address in RESET_OF} == RESET_OF
    assert bench.said() == []


def test_identity_is_si3210_revision_c(bench):
    assert bench.read(0) == 0x03


def test_undefined_registers_differ_by_seed():
    seen = set()
    for seed in range(8):
        bench = Bench(seed=seed)
        bench.chip.reset(1)
        seen.add((bench.read(30), *(bench.read(a) for a in range(84, 90))))
    assert len(seen) == 8


def test_reset_pin_restores(bench):
    bench.write(63, 7)
    bench.chip.reset(0)
    bench.chip.reset(1)
    assert bench.read(63) == 0x32


def test_a_missing_register_is_misuse(bench):
    bench.read(7)
    bench.write(110, 0)
    assert bench.said() == ["reg 7", "reg 110"]


def test_reserved_bits_are_misuse_but_not_in_interrupt_status(bench):
    bench.write(20, 0xFF)
    assert bench.said() == []
    bench.write(64, 0x80)
    assert bench.said() == ["reg 64"]


@given(st.lists(st.tuples(st.sampled_from(PLAIN), EIGHT_BITS, st.booleans()), min_size=1, max_size=12))
def test_frames_come_whole_or_in_two_spans(frames):
    bench = Bench()
    bench.chip.reset(1)
    expected = {}
    for address, value, whole in frames:
        expected[address] = value
        for octets in [bytes((address, value))] if whole else [bytes((address,)), bytes((value,))]:
            bench.chip.cs(0)
            bench.chip.transfer(octets, bytearray(len(octets)))
            bench.chip.cs(1)
    assert {address: bench.read(address) for address in expected} == expected
    assert bench.said() == []


def test_sdo_is_released_but_for_the_data_of_a_read(bench):
    answer = bytearray(2)
    bench.chip.cs(0)
    bench.chip.transfer(b"\x8b\x00", answer)
    assert answer == b"\xff\x33"


def test_second_frame_needs_a_falling_edge(bench):
    bench.chip.cs(0)
    bench.chip.transfer(bytes((0x8B, 0, 0x8B, 0)), bytearray(4))
    assert bench.said() == ["SPI 2.10"]


def test_access_with_cs_high_or_in_reset_is_misuse(bench):
    bench.chip.transfer(b"\x80\x00", bytearray(2))
    bench.chip.reset(0)
    bench.read(0)
    assert [m.text for m in bench.misuse] == ["transfer while CS is high", "access in reset"]


def test_daisy_chain_is_misuse(bench):
    bench.write(0, 0x80)
    assert bench.said() == ["reg 0 SPIDC"]


def test_spinning_is_misuse_and_waiting_is_not(bench):
    for _ in range(200):
        bench.read(31)
        bench.run(0.01)
    assert bench.said() == []
    for _ in range(63):
        bench.read(31)
    assert bench.said() == []
    bench.read(31)
    assert bench.said() == ["Board contract"]


# indirect registers


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 43), st.integers(0, 0xFFFF)), min_size=1, max_size=10))
def test_indirect_registers_keep_what_is_written(writes):
    bench = Bench()
    bench.chip.reset(1)
    for address, value in writes:
        bench.write_indirect(address, value)
    expected = dict(writes)
    assert {address: bench.read_indirect(address) for address in expected} == expected
    assert bench.said() == []


def test_indirect_access_is_busy_until_the_next_update(bench):
    bench.run(0.03)
    bench.write(28, 0x34)
    bench.write(29, 0x12)
    bench.write(30, 20)
    assert bench.read(31) == 1
    bench.run(0.032)
    assert bench.read(31) == 1
    bench.run(0.0005)
    assert bench.read(31) == 0
    assert bench.read(20) == 0x02


def test_writing_the_address_alone_writes_nothing(bench):
    bench.write_indirect(20, 0x1234)
    bench.write_indirect(21, 0x5678)
    assert bench.read_indirect(20) == 0x1234
    assert bench.read_indirect(20) == 0x1234


@pytest.mark.parametrize(("address", "reads"), [(28, False), (29, False), (30, False), (28, True), (29, True)])
def test_touching_indirect_access_while_busy_is_misuse(bench, address, reads):
    bench.write(30, 5)
    if reads:
        bench.read(address)
    else:
        bench.write(address, 1)
    assert bench.said() == ["indirect registers"]


def test_an_unknown_indirect_register_is_misuse(bench):
    bench.write_indirect(50, 0)
    assert bench.said() == ["indirect registers"]


def test_linefeed_with_undefined_indirect_registers_names_them():
    bench = Bench()
    bench.chip.reset(1)
    for address, value in enumerate(INDIRECT):
        if address not in (20, 28):
            bench.write_indirect(address, value)
    bench.write(92, 0xFF)
    bench.write(14, 0)
    bench.run(200)
    bench.calibrate()
    bench.write(64, 1)
    assert [m.text for m in bench.misuse] == ["linefeed with undefined RCO (20), LCRT (28)"]


# interrupts


def test_interrupt_pin_follows_enabled_status_bits(bench):
    bench.write_indirect(20, 1)
    assert bench.chip.int_level() == 1
    bench.write(23, 0x02)
    assert bench.chip.int_level() == 0
    assert len(bench.interrupts) == 1
    bench.write_indirect(21, 1)
    assert len(bench.interrupts) == 1
    bench.write(20, 0x02)
    assert bench.chip.int_level() == 1
    bench.write_indirect(21, 2)
    assert len(bench.interrupts) == 2


def test_unmodelled_bits_are_listed(bench):
    bench.write(10, 0x09)
    bench.write(69, 0x08)
    assert bench.chip.unmodelled == {"10.TISS"}
    assert bench.said() == []
