import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from femtohost.clock import Clock
from femtohost.misuse import MisuseLog
from femtohost.registers import RegisterFile, register

TABLE = (
    register(1, "Control", "00000101", "ON 0, MODE 2:1, SPARE 3 ?, READY 7 r"),
    register(2, "Status", "00000000", "DONE 0 c, FAIL 1 c, LEVEL 7 r"),
    register(3, "Command", "00000000", "GO 0 t"),
    register(4, "Scratch", "xxxx0000", "HIGH 7:4, LOW 3:0"),
)


@pytest.fixture
def log():
    return MisuseLog(Clock())


@pytest.fixture
def registers(log):
    return RegisterFile(TABLE, "Part", log, np.random.default_rng(1))


def test_reset_values_and_poison(registers, log):
    assert [registers.read(a) for a in (1, 2, 3)] == [5, 0, 0]
    seen = {RegisterFile(TABLE, "Part", log, np.random.default_rng(seed)).read(4) for seed in range(30)}
    assert len(seen) > 8
    assert all(value & 0x0F == 0 for value in seen)


def test_read_only_bits_stay(registers):
    registers.set("READY", 1)
    assert registers.write(1, 0x00) == (0x85, 0x80)
    assert registers.get("MODE") == 0


def test_ones_clear_w1c_bits_only(registers, log):
    registers.set("DONE", 1)
    registers.set("FAIL", 1)
    registers.set("LEVEL", 1)
    registers.write(2, 0x01)
    assert registers.read(2) == 0x82
    registers.write(2, 0xFF)
    assert registers.read(2) == 0x80
    assert log == []


def test_trigger_reads_as_zero(registers):
    registers.write(3, 1)
    assert registers.read(3) == 0


def test_reserved_bits_and_unknown_addresses_are_misuse(registers, log):
    registers.write(1, 0x10)
    registers.write(9, 1)
    registers.read(9)
    assert [m.section for m in log] == ["reg 1", "reg 9", "reg 9"]


def test_unmodelled_bits_are_kept_and_listed(registers, log):
    registers.write(1, 0x05)
    assert registers.unmodelled == set()
    registers.write(1, 0x0D)
    assert registers.read(1) == 0x0D
    assert registers.unmodelled == {"1.SPARE"}
    assert log == []


def test_a_field_name_stands_once(log):
    twice = (register(1, "A", "00000000", "X 0"), register(2, "B", "00000000", "X 1"))
    with pytest.raises(ValueError, match="twice"):
        RegisterFile(twice, "Part", log, np.random.default_rng(1))


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 255)), max_size=20))
def test_writes_reach_writable_bits_alone(writes):
    registers = RegisterFile(TABLE, "Part", MisuseLog(Clock()), np.random.default_rng(1))
    writable = {1: 0x0F, 2: 0, 3: 0, 4: 0xFF}
    last = {}
    for address, value in writes:
        registers.write(address, value)
        last[address] = value & writable[address]
    assert all(registers.read(address) == value for address, value in last.items())
