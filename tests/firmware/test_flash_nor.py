"""The driver of the serial flash on a chip that is right, wrong, or not there."""

import pytest
from flash_bench import Bench

from femtojack.flash.layout import BLOCK, CHIP, COPIES, PROTECTED, REGIONS, SECTOR, region
from femtojack.flash.nor import Nor


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture
def nor(bench):
    nor = bench.driver()
    yield nor
    assert not list(bench.misuse)


def test_regions_lie_one_after_the_other_and_are_protected_as_the_chip_can():
    end = 0
    for name, start, size, protected in REGIONS:
        assert start >= end and start % SECTOR == size % SECTOR == 0, name
        assert (start + size <= PROTECTED) == protected
        end = start + size
    assert end == CHIP
    identity = [(start, size) for name, start, size, _ in REGIONS if name == "identity"]
    assert identity == [(COPIES[0], BLOCK), (COPIES[1], 2 * BLOCK)] and COPIES[2] == COPIES[1] + BLOCK
    with pytest.raises(KeyError):
        region("slot_c")


def test_begin_locks_the_lower_half_for_good(bench):
    nor = bench.driver()
    assert nor.protected and bytes(bench.silicon.store.status) == b"\xb8\x00\x60"
    again = bench.again()
    operations = again.operations
    assert again.driver().protected and again.operations == operations  # nothing more to write


@pytest.mark.parametrize(
    "status", [b"\xfc\x00\x00", b"\x00\x42\x04", b"\x3c\x40\x00", b"\xb8\x02\x00", b"\xb8\x00\x04"]
)
def test_begin_puts_other_settings_right(bench, status):
    bench.silicon.store.status[:] = status
    again = bench.again()
    assert again.driver().protected and not list(again.misuse)


def test_a_chip_that_is_not_there(bench):
    def float_high(tx, rx):
        rx[:] = b"\xff" * len(rx)

    bench.nor.spi.write_readinto = float_high
    assert not Nor(bench.nor, bench.wait_ms).begin()


@pytest.mark.parametrize("position", [0, 1, 2])
def test_another_chip(bench, position):
    transfer, sent = bench.chip.transfer, []

    def other(tx, rx):
        sent.append(tx[0])
        transfer(tx, rx)
        if len(sent) > 1 and sent[-2] == 0x9F:
            rx[position] ^= 1

    bench.nor.spi.write_readinto = other
    assert not Nor(bench.nor, bench.wait_ms).begin()


def test_write_goes_over_pages_and_is_read_back(nor):
    data = bytes(range(256)) * 3
    assert nor.run(nor.write(PROTECTED + 200, data))
    assert nor.holds(PROTECTED + 200, data) and nor.is_blank(PROTECTED, 200)
    assert nor.run(nor.erase(PROTECTED)) and nor.is_blank(PROTECTED)


def test_a_stuck_bit_is_seen(bench, nor):
    bench.silicon.stick(PROTECTED + 5, 0, 1)
    assert not nor.run(nor.write(PROTECTED, bytes(8)))
    bench.silicon.stick(PROTECTED + 5, 3, 0)
    nor.run(nor.erase(PROTECTED))
    assert not nor.is_blank(PROTECTED)


def test_below_the_limit_nothing_is_sent(bench, nor):
    operations = bench.operations
    for address in (0, region("golden")[0], region("identity")[0], PROTECTED - SECTOR):
        assert not nor.run(nor.erase(address))
        assert not nor.run(nor.program(address, b"\0"))
        assert not nor.run(nor.write(address, b"\0"))
    for address in (PROTECTED - 1, CHIP - 3, CHIP, -SECTOR):
        assert not nor.run(nor.write(address, bytes(4)))
    assert not nor.run(nor.erase(PROTECTED + 1))
    assert bench.operations == operations and nor.refused == 16


@pytest.mark.parametrize("name", ["boot", "golden", "cd", "identity"])
def test_the_chip_refuses_what_comes_past_the_driver(bench, nor, name):
    """I2: with the driver's own guard gone, the chip still keeps its lower half, and its registers."""
    nor._may_write = lambda address, n: True
    start = region(name)[0]
    bench.put(name, b"precious")
    nor.run(nor.program(start, bytes(8)))
    nor.run(nor.erase(start))
    nor._command(0x06)
    nor._answer(b"\x01\x00", 0)
    nor.run(nor.erase(start))
    assert nor.holds(start, b"precious") and nor.protected
    bench.misuse.clear()  # of the chip's complaints


@pytest.mark.parametrize("copy", range(len(COPIES)))
def test_a_copy_of_the_identity_opens_and_what_counts_does_not(bench, nor, copy):
    start, kept = COPIES[copy], [region("boot")[0], region("golden")[0], *((0,) if copy else COPIES[1:])]
    for address in kept:
        bench.silicon.store.write(address, b"precious")
    assert nor.open_identity(copy)
    for address in (*kept, start - 1, start + SECTOR - 1):
        assert not nor.run(nor.write(address, b"\0\0"))
    assert nor.run(nor.write(start, b"me"))
    nor._may_write = lambda address, n: True
    for address in kept:
        nor.run(nor.program(address, bytes(8)))
        nor.run(nor.erase(address))
    nor.close_identity()
    assert nor.protected and all(nor.holds(address, b"precious") for address in kept)
    nor.run(nor.program(start, b"\0\0"))
    assert nor.holds(start, b"me")
    bench.misuse.clear()


@pytest.mark.parametrize("copy", range(len(COPIES)))
def test_the_registers_are_locked_while_a_copy_is_open(bench, nor, copy):
    nor.open_identity(copy)
    before = bytes(bench.chip.status)
    for enable in (0x06, 0x50):
        for instruction in (b"\x01\0", b"\x01\0\0", b"\x31\0", b"\x31\x40", b"\x11\x04"):
            nor._command(enable)
            nor._answer(instruction, 0)
            assert bytes(bench.chip.status) == before
    nor.close_identity()
    nor._command(0x04)
    assert nor.protected
    bench.misuse.clear()


def test_a_chip_that_takes_one_register_at_a_time_opens_nothing(bench):
    nor = bench.driver()
    answer = nor._answer
    nor._answer = lambda sent, n: answer(sent[:2] if sent[0] == 0x01 else sent, n)
    assert not nor.open_identity(0)
    nor.close_identity()
    assert nor.protected


def test_a_power_cut_closes_the_identity(bench, nor):
    nor.open_identity(1)
    again = bench.again()
    again.chip.wp(0)
    operations = again.operations
    assert again.driver().protected and again.operations == operations


def test_a_chip_that_stays_busy_is_given_up(bench, nor):
    bench.silicon.rng.seed(1)
    nor._status = lambda i: 1
    before = bench.now
    assert nor.run(nor.erase(PROTECTED)) is False
    assert bench.now - before == 800


def test_a_restart_of_the_firmware_waits_for_what_the_chip_does(bench):
    nor = bench.driver()
    script = nor.erase(PROTECTED)
    next(script)
    assert bench.chip.busy
    assert bench.driver().is_blank(PROTECTED) and not list(bench.misuse)
