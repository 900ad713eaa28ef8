"""The log in three sectors: damaged records, power cuts at any operation, bad cells."""

import random
import zlib

import pytest
from flash_bench import Bench, Cut
from hypothesis import given, settings
from hypothesis import strategies as st

from femtohost.models.nor_silicon import OUTCOMES
from femtojack.flash.floor import Floor
from femtojack.flash.journal import Log, pack_record, parse_record
from femtojack.flash.layout import SECTOR, region

MAGIC = b"FJJ1"
START = region("journal")[0]
RECORDS = SECTOR // 32
CRASHES = st.lists(st.tuples(st.integers(1, 9), st.sampled_from(OUTCOMES)), min_size=1, max_size=6)


def payload(n):
    return n.to_bytes(16, "little")


def open_log(bench):
    log = Log(bench.driver(), "journal", MAGIC)
    log.load()
    return log


def value(log):
    return None if log.kind is None else int.from_bytes(log.payload, "little")


def append(bench, log, n):
    return log._nor.run(log.append(1, payload(n)))


def records(bench):
    """(generation, index, sector, base) of all records that can be read, the newest last: without the firmware."""
    found = []
    for sector in range(3):
        octets = bench.silicon.store.read(START + sector * SECTOR, SECTOR)
        for index in range(RECORDS):
            record = octets[32 * index : 32 * index + 32]
            if record[:4] == MAGIC and zlib.crc32(record[:28]).to_bytes(4, "little") == record[28:]:
                found.append((int.from_bytes(record[4:8], "little"), index, sector, record[10]))
    return sorted(found)


def watch_erases(bench):
    """I3 and I4: what is erased is neither the newest record's sector nor its base, and that record is firm."""

    def look(operation):
        if operation.kind == "erase" and START <= operation.address < START + 3 * SECTOR and before:
            sector = (operation.address - START) // SECTOR
            assert sector not in before[-1][2:], (sector, before[-1])
            assert ("program", START + before[-1][2] * SECTOR + 32 * before[-1][1]) in bench.log
        before[:] = records(bench)

    before = records(bench)
    bench.chip.on_operation.append(look)


def test_the_octets_are_as_documented():
    record = pack_record(MAGIC, 0x01020304, 5, 2, 3, payload(9))
    assert record[:12] == b"FJJ1\x04\x03\x02\x01\x05\x00\x02\x03" and record[12:28] == payload(9) and len(record) == 32
    assert parse_record(MAGIC, record, 0, 5) == (0x01020304, 2, 3, payload(9))


def test_no_single_bit_can_be_flipped_and_nothing_be_cut_off():
    record = pack_record(MAGIC, 77, 5, 2, 3, payload(9))
    for i in range(8 * 32):
        octets = bytearray(record)
        octets[i // 8] ^= 1 << i % 8
        assert parse_record(MAGIC, bytes(octets), 0, 5) is None, i
    for n in range(32):
        assert parse_record(MAGIC, record[:n], 0, 5) is None
        assert parse_record(MAGIC, record[:n].ljust(32, b"\xff"), 0, 5) is None


def test_a_record_of_elsewhere_is_none():
    record = pack_record(MAGIC, 77, 5, 2, 3, payload(9))
    assert parse_record(MAGIC, record, 0, 6) is None
    assert parse_record(MAGIC, record, 2, 5) is None
    assert parse_record(b"FJF1", record, 0, 5) is None
    assert parse_record(MAGIC, pack_record(MAGIC, 1, 0, 3, 1, payload(1)), 0, 0) is None


def test_appends_go_round_the_three_sectors():
    bench = Bench()
    log = open_log(bench)
    assert log.kind is None
    watch_erases(bench)
    for n in range(5 * RECORDS):
        assert append(bench, log, n)
    assert sum(kind == "erase" for kind, _ in bench.log) == 5
    assert not list(bench.misuse)
    assert value(open_log(bench.again())) == n


def test_each_power_session_begins_a_sector():
    bench = Bench()
    for n in range(12):
        bench = bench.again()
        log = open_log(bench)
        assert value(log) == (n - 1 if n else None)
        watch_erases(bench)
        assert append(bench, log, n) and append(bench, log, n)
        assert [kind for kind, _ in bench.log[-4:]] == (
            ["program", "erase", "program", "program"] if n else bench_log(n)
        )


def bench_log(n):
    return ["status", "erase", "program", "program"]


@given(CRASHES, st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_what_was_appended_before_the_cuts_is_never_lost(crashes, seed):
    """After each cut the newest is the last that was done, or one that was under way since then."""
    bench = Bench(seed=seed)
    log = open_log(bench)
    assert append(bench, log, 0)
    done, possible, n = 0, {0}, 0
    for at, outcome in crashes:
        bench = bench.again(cut_at=at, outcome=outcome)
        try:
            log = open_log(bench)
            assert value(log) in possible
            for _ in range(4):
                n += 1
                possible.add(n)
                assert append(bench, log, n)
                done, possible = n, {n}
        except Cut:
            pass
    bench = bench.again()
    log = open_log(bench)
    assert value(log) in possible and value(log) >= done
    assert append(bench, log, n + 1) and value(open_log(bench.again())) == n + 1


def test_two_cuts_at_every_pair_of_operations():
    """Exhaustive: the first session cut at operation i, the second at j, each in every way, with several moods."""
    for seed in range(3):
        start = Bench(seed=seed)
        assert append(start, open_log(start), 1)
        start.chip.cut("after")
        for i in range(1, 5):
            for j in range(1, 5):
                for first in OUTCOMES:
                    for second in OUTCOMES:
                        check_two_cuts(start.silicon.fork(random.Random(seed)), (i, first), (j, second))


def check_two_cuts(silicon, *crashes):
    possible, n = {1}, 1
    for at, outcome in crashes:
        bench = Bench(silicon, cut_at=at, outcome=outcome)
        try:
            log = open_log(bench)
            assert value(log) in possible, (crashes, value(log))
            for _ in range(2):
                n += 1
                possible.add(n)
                assert append(bench, log, n)
                possible = {n}
        except Cut:
            pass
        if bench.chip.powered:
            bench.chip.cut("after")
    assert value(open_log(Bench(silicon))) in possible, crashes


def test_a_stuck_bit_costs_a_record_only():
    bench = Bench()
    log = open_log(bench)
    assert append(bench, log, 1)
    bench.silicon.stick(START + 40, 0, 1)
    assert append(bench, log, 2) and append(bench, log, 3)
    assert value(open_log(bench.again())) == 3


def test_a_worn_sector_refuses_and_keeps_what_there_was():
    bench = Bench()
    assert append(bench, open_log(bench), 1)
    newest = records(bench)[-1]
    third = 3 - newest[2] - newest[3]
    bench.silicon.stick(START + third * SECTOR + 100, 0, 0)
    for n in range(3):
        bench = bench.again()
        log = open_log(bench)
        assert value(log) == 1 and not append(bench, log, 2 + n) and value(log) == 1


def test_a_sector_that_takes_no_record_never_costs_the_others():
    bench = Bench()
    assert append(bench, open_log(bench), 1)
    newest = records(bench)[-1]
    third = 3 - newest[2] - newest[3]
    for index in range(RECORDS):
        bench.silicon.stick(START + third * SECTOR + 32 * index, 0, 1)
    log = open_log(bench.again())
    for n in range(3):
        assert not append(bench, log, 2 + n)
        assert value(open_log(bench.again())) == 1


@given(st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_garbage_is_no_log_and_a_new_one_begins(seed):
    bench = Bench()
    bench.put("journal", random.Random(seed).randbytes(3 * SECTOR))
    log = open_log(bench)
    assert log.kind is None
    assert append(bench, log, 5) and value(open_log(bench.again())) == 5


@given(st.lists(st.integers(0, 2**32 - 1), max_size=8), CRASHES, st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_the_floor_never_falls(counters, crashes, seed):
    """I5: below what was once raised to the end it never is, whatever is cut."""
    bench, least = Bench(seed=seed), 0
    for at, outcome in [*crashes, (None, None)]:
        bench = bench.again(cut_at=at and at + 1, outcome=outcome)
        try:
            floor = Floor(bench.driver())
            floor.load()
            assert floor.value >= least
            for counter in counters:
                assert floor._nor.run(floor.raise_to(counter))
                least = max(least, counter)
                assert floor.value == max(floor.value, least)
        except Cut:
            pass


@pytest.mark.parametrize("counter", [0, 1, 2**32 - 1])
def test_the_floor_holds_any_counter(counter):
    bench = Bench()
    floor = Floor(bench.driver())
    floor.load()
    assert floor._nor.run(floor.raise_to(counter))
    again = Floor(bench.again().driver())
    again.load()
    assert again.value == counter
