"""What a flash chip does when power fails, as it wears, and when its process is killed."""

import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nor_bench import SIZE, Bench

from femtohost.models.nor_cells import FileCells, MemoryCells
from femtohost.models.nor_silicon import AFTER, BEFORE, EARLY, LATE, OUTCOMES, RATED_CYCLES, TORN

OLD = bytes(range(256))


@pytest.fixture
def bench():
    return Bench()


def interrupted(outcome, start, seed=1, old=OLD):
    bench = Bench(seed=seed)
    bench.program(0x1000, old)
    start(bench)
    bench.power_cycle(outcome)
    return bench


def program(bench):
    bench.start_program(0x1000, bytes(octet & 0x55 for octet in OLD))


def erase(bench):
    bench.start_erase(0x1000)


@pytest.mark.parametrize("start", [program, erase])
def test_before_and_after_are_definite(start):
    assert interrupted(BEFORE, start).read(0x1000, 256) == OLD
    done = bytes(octet & 0x55 for octet in OLD) if start is program else b"\xff" * 256
    assert interrupted(AFTER, start).read(0x1000, 256) == done


@pytest.mark.parametrize("seed", range(20))
def test_a_torn_program_changes_some_of_its_bits_and_no_others(seed):
    bench = interrupted(TORN, program, seed)
    got = bench.read(0x1000, 4096)
    assert got == bench.read(0x1000, 4096)
    assert all(octet & 0x55 & ~new == 0 and new & ~octet == 0 for octet, new in zip(OLD, got[:256], strict=True))
    assert got[256:] == b"\xff" * 3840


def test_torn_operations_end_in_many_ways():
    for start in (program, erase):
        assert len({interrupted(TORN, start, seed).read(0x1000, 4096) for seed in range(20)}) > 15


def test_a_torn_erase_may_pass_through_zeros():
    states = [interrupted(TORN, erase, seed).read(0x1000, 4096) for seed in range(40)]
    assert any(state[2000:].count(0xFF) < 1000 for state in states)


@pytest.mark.parametrize("outcome", [LATE, EARLY])
@pytest.mark.parametrize("start", [program, erase])
def test_marginal_bits_read_differently_each_time_and_only_those(start, outcome):
    differed = set()
    done = bytes(octet & 0x55 for octet in OLD) if start is program else b"\xff" * 256
    for seed in range(8):
        bench = interrupted(outcome, start, seed)
        reads = [bench.read(0x1000, 256) for _ in range(30)]
        differed.add(len(set(reads)) > 1)
        for read in reads:
            assert all((new ^ old) & ~(after ^ old) == 0 for old, after, new in zip(OLD, done, read, strict=True))
    assert True in differed


def test_marginal_late_often_looks_complete_and_marginal_early_untouched():
    late = [interrupted(LATE, erase, seed).read(0x1000, 256) == b"\xff" * 256 for seed in range(60)]
    early = [interrupted(EARLY, erase, seed).read(0x1000, 256) == OLD for seed in range(60)]
    assert 10 < sum(late) < 55 and 10 < sum(early) < 55


def test_what_looks_complete_may_fail_at_the_next_boot():
    turned = 0
    for seed in range(40):
        bench = interrupted(LATE, erase, seed)
        looked = bench.read(0x1000, 256) == b"\xff" * 256
        bench.power_cycle()
        turned += looked and bench.read(0x1000, 256) != b"\xff" * 256
    assert turned


@pytest.mark.parametrize("outcome", [LATE, EARLY])
def test_a_complete_operation_makes_bits_firm_again(outcome):
    bench = interrupted(outcome, program)
    program(bench)
    bench.run(3)
    bench.said()
    done = bytes(octet & 0x55 for octet in OLD)
    assert {bench.read(0x1000, 256) for _ in range(50)} == {done}
    bench = interrupted(outcome, erase)
    bench.erase(0x1000)
    assert {bench.read(0x1000, 256) for _ in range(50)} == {b"\xff" * 256}


def test_what_a_torn_erase_left_unstable_is_firm_when_programmed_again():
    done, outlived = bytes(octet & 0x55 for octet in OLD), 0
    for seed in range(32):
        bench = interrupted(LATE, program, seed)
        erase(bench)
        bench.power_cycle(TORN)
        if bench.silicon.unstable:
            outlived += 1
            program(bench)
            bench.run(3)
            bench.said()
            assert {bench.read(0x1000, 256) for _ in range(20)} == {done}
    assert outlived > 8


def test_a_program_firms_only_what_it_clears():
    bench = interrupted(LATE, erase, old=bytes(256))
    bench.program(0x1000, b"\x0f" * 256)
    reads = [bench.read(0x1000, 256) for _ in range(50)]
    assert all(octet & 0xF0 == 0 for read in reads for octet in read)
    assert len(set(reads)) > 1


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(OUTCOMES), st.booleans(), st.binary(min_size=1, max_size=40),
                          st.integers(0, 400)), min_size=1, max_size=6), st.integers(0, 99))  # fmt: skip
def test_after_any_cuts_an_erase_mends_all(cuts, seed):
    bench = Bench(seed=seed)
    for outcome, erases, data, offset in cuts:
        if erases:
            bench.start_erase(0x1000)
        else:
            bench.start_program(0x1000 + offset, data)
        bench.power_cycle(outcome)
    bench.erase(0x1000)
    bench.program(0x1000, b"whole")
    assert bench.read(0x1000, 4096) == b"whole".ljust(4096, b"\xff")
    assert not bench.silicon.unstable


@pytest.mark.parametrize("start", [program, erase])
def test_what_did_nothing_leaves_unstable_bits_unstable(start):
    bench = interrupted(LATE, erase, old=bytes(256))
    unstable = dict(bench.silicon.unstable)
    assert unstable
    start(bench)
    bench.power_cycle(BEFORE)
    assert bench.silicon.unstable == unstable


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_status_registers_can_be_cut_too(outcome):
    seen = set()
    for seed in range(30):
        bench = Bench(seed=seed)
        bench.command(0x06)
        bench.command(0x01, 0x38)
        bench.power_cycle(outcome)
        seen.add(bench.status()[0])
        assert bench.status() == bench.status()
    assert seen == {BEFORE: {0}, AFTER: {0x38}}.get(outcome, seen)
    assert len(seen) > 1 or outcome in (BEFORE, AFTER)
    assert all(value & ~0x38 == 0 for value in seen)


def test_a_chip_without_power_says_nothing(bench):
    bench.chip.cut()
    assert bench.command(0x9F, read=3) == b"\xff\xff\xff"
    assert bench.said() == []


def test_same_seed_same_end():
    one, other = (interrupted(TORN, erase, 5) for _ in range(2))
    assert one.read(0, 0x3000) == other.read(0, 0x3000)


# -- wear and decay


def test_erases_are_counted_and_get_slower(bench):
    for _ in range(3):
        bench.erase(0x5000)
    assert bench.silicon.store.cycles[5] == 3
    bench.silicon.store.cycles[5] = RATED_CYCLES
    bench.start_erase(0x5000)
    bench.run(399)
    assert bench.busy()
    bench.run(2)
    assert not bench.busy()


def test_a_worn_sector_keeps_bits():
    bench = Bench()
    bench.silicon.store.cycles[5] = 2 * RATED_CYCLES
    for _ in range(5):
        bench.erase(0x5000)
    assert bench.read(0x5000, 4096) != b"\xff" * 4096
    assert bench.read(0x6000, 4096) == b"\xff" * 4096


def test_stuck_and_rotten_bits(bench):
    bench.silicon.stick(0x2001, 3, 0)
    bench.silicon.stick(0x2002, 0, 1)
    bench.program(0x2000, b"\xff\xff\x00")
    assert bench.read(0x2000, 3) == b"\xff\xf7\x01"
    bench.erase(0x2000)
    assert bench.read(0x2000, 3) == b"\xff\xf7\xff"
    bench.silicon.rot(0x3000, 7)
    assert bench.read(0x3000, 1) == b"\x7f"
    bench.erase(0x3000)
    assert bench.read(0x3000, 1) == b"\xff"


# -- where the cells are kept


def image(path, size=SIZE):
    """A file of a new chip."""
    FileCells.write_image(path, MemoryCells(size))
    return FileCells(path, size)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 0x8000), st.binary(max_size=9000)), max_size=8), st.data())
def test_cells_in_memory_are_cells_in_a_file(tmp_path_factory, writes, data):
    path = tmp_path_factory.mktemp("cells") / "flash.bin"
    size = 0x10000
    stores = MemoryCells(size), image(path, size)
    for address, octets in writes:
        for store in stores:
            store.write(address, octets[: size - address])
    forks = [store.fork() for store in stores]
    stores[0].write(0, b"changed")
    stores[1].write(0, b"changed")
    address = data.draw(st.integers(0, size - 1))
    n = data.draw(st.integers(0, size - address))
    assert stores[0].read(address, n) == stores[1].read(address, n)
    assert forks[0].read(0, size) == forks[1].read(0, size)
    assert path.read_bytes() == stores[1].read(0, size)
    stores[1].close()


def test_a_fork_is_one_of_its_own(bench):
    bench.program(0, b"one")
    fork = bench.silicon.fork(bench.silicon.rng)
    bench.erase(0)
    assert fork.read(0, 3) == b"one"
    assert fork.store.cycles[0] == 0
    fork.store.write(0, b"two")
    assert bench.read(0, 3) == b"\xff\xff\xff"


def test_the_file_keeps_all_of_the_chip(tmp_path):
    path = tmp_path / "flash.bin"
    store = image(path)
    bench = Bench(store)
    bench.program(0x123456, b"here")
    bench.erase(0x5000)
    bench.write_status(0x38)
    store.close()
    assert path.stat().st_size == SIZE
    again = FileCells(path)
    bench = Bench(again)
    assert bench.read(0x123456, 4) == b"here"
    assert bench.status()[0] == 0x38
    assert again.cycles[5] == 1
    again.close()


def test_a_file_that_is_no_image_is_refused(tmp_path):
    (tmp_path / "flash.bin").write_bytes(b"short")
    with pytest.raises(ValueError, match=r"flash\.bin: 5 octets; an image of this chip has 16777216"):
        FileCells(tmp_path / "flash.bin")
    (tmp_path / "flash.bin").unlink()
    with pytest.raises(FileNotFoundError):
        FileCells(tmp_path / "flash.bin")
    image(tmp_path / "flash.bin").close()
    (tmp_path / "flash.nv").write_bytes(bytes(8 + 4096 * 4))
    with pytest.raises(ValueError, match="not the registers"):
        FileCells(tmp_path / "flash.bin")


KILLED = """
import sys
from nor_bench import Bench
from femtohost.models.nor_cells import FileCells
bench = Bench(FileCells(sys.argv[1]))
for i in range(1 << 20):
    bench.program(4 * i, i.to_bytes(4, "big"))
    if not bench.busy():
        print(i, flush=True)
"""


def test_a_killed_process_loses_nothing_that_was_acknowledged(tmp_path):
    image(tmp_path / "flash.bin").close()
    environment = os.environ | {"PYTHONPATH": os.path.dirname(__file__)}
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, tmp_path / "flash.bin"], stdout=subprocess.PIPE, text=True, env=environment
    )
    for _ in range(100):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    lines = process.stdout.read().split()
    process.wait()
    last = int(lines[-1]) if lines else 99
    found = (tmp_path / "flash.bin").read_bytes()
    assert [int.from_bytes(found[4 * i : 4 * i + 4], "big") for i in range(last + 1)] == list(range(last + 1))


def test_a_fork_of_memory_shares_its_sectors():
    """A snapshot costs what it changes, not what the chip holds."""
    store = MemoryCells()
    store.write(0, b"x" * 8192)
    fork = store.fork()
    fork.write(0, b"y")
    assert fork._sectors[1] is store._sectors[1]
