"""The trace, its hash, and the processor that steps the firmware."""

import pytest

from femtohost.clock import MS, Clock
from femtohost.misuse import MisuseLog
from femtohost.processor import PERIOD, Processor
from femtohost.recorder import pack, unpack
from femtohost.trace import LAST, Trace, text


def trace_of(*records):
    clock = Clock()
    trace = Trace(clock)
    for time, point, data in records:
        clock.advance(time)
        trace.add(point, data)
    return trace


def test_the_hash_covers_time_point_and_data():
    base = trace_of((1, "a", b"x")).sha256()
    assert trace_of((1, "a", b"x")).sha256() == base
    for other in ((2, "a", b"x"), (1, "b", b"x"), (1, "a", b"y"), (1, "ax", b"")):
        assert trace_of(other).sha256() != base


def test_the_hash_is_the_same_when_nothing_is_kept():
    trace = Trace(Clock(), keep=False)
    kept = Trace(Clock())
    for i in range(100):
        trace.add("p", bytes([i]))
        kept.add("p", bytes([i]))
    assert trace.sha256() == kept.sha256()
    assert len(trace.records) == LAST
    assert trace.count == 100


def test_data_is_taken_as_it_is_now():
    trace = Trace(Clock())
    buffer = bytearray(b"a")
    trace.add("p", buffer)
    buffer[0] = 0
    assert trace.records == [(0, "p", b"a")]


def test_records_for_people():
    assert text(1_500_000_000, "fxs", b"DOWN>ON_HOOK") == "    1.500000  fxs          DOWN>ON_HOOK"
    assert text(0, "spi", b"\x80\x00").endswith("8000")


class Steps:
    """An App that notes its steps and asks for what it is told to."""

    def __init__(self, deadlines):
        self.seen = []
        self.deadlines = deadlines

    def step(self, now):
        self.seen.append(now)
        return self.deadlines(now)


def powered(deadlines, offset=0):
    clock = Clock()
    misuse = MisuseLog(clock)
    processor = Processor(clock, Trace(clock), misuse, offset)
    app = Steps(deadlines)
    processor.run(app)
    return clock, processor, app, misuse


def run_to(clock, time):
    while clock.next_time() is not None and clock.next_time() <= time:
        clock.run_next()
    clock.advance(time)


@pytest.mark.parametrize("offset", [0, 12345, PERIOD - 7])
def test_steps_come_at_their_deadlines_across_the_wrap(offset):
    clock, _, app, misuse = powered(lambda now: (now + 5) % PERIOD, offset)
    run_to(clock, 50 * MS)
    assert app.seen == [(offset + 5 * i) % PERIOD for i in range(11)]
    assert misuse == []


def test_wakes_of_one_instant_make_one_step():
    clock, processor, app, _ = powered(lambda now: None)
    run_to(clock, MS)
    for _ in range(3):
        processor.wake()
    run_to(clock, 2 * MS)
    assert len(app.seen) == 2


def test_an_app_without_deadline_sleeps_until_it_is_woken():
    clock, processor, app, _ = powered(lambda now: None)
    run_to(clock, 1000 * MS)
    assert len(app.seen) == 1
    processor.wake()
    run_to(clock, 1001 * MS)
    assert app.seen[1:] == [1000]


def test_an_early_wake_does_not_lose_the_deadline():
    clock, processor, app, _ = powered(lambda now: 10 if now < 10 else None)
    run_to(clock, 3 * MS)
    processor.wake()
    run_to(clock, 20 * MS)
    assert app.seen == [0, 3, 10]


def test_repeated_past_deadlines_are_misuse_and_time_goes_on():
    clock, _, app, misuse = powered(lambda now: (now - 1) % PERIOD)
    run_to(clock, 10 * MS)
    assert len(app.seen) == 11
    assert [(m.part, m.section) for m in misuse] == [("Board", "step contract")]


def test_waiting_runs_the_hardware_and_not_the_app():
    clock, processor, app, _ = powered(lambda now: None)
    ran = []
    clock.at(5 * MS, lambda: ran.append(clock.now))
    processor.wait(7)
    assert (ran, clock.now, app.seen) == ([5 * MS], 7 * MS, [])
    run_to(clock, 8 * MS)
    assert app.seen == [7]


def test_arguments_survive_a_trace_file():
    import numpy as np

    array = np.arange(-5, 5, dtype=np.int16)
    assert (unpack(pack(array)) == array).all()
    assert unpack(pack(b"\x00\xff")) == b"\x00\xff"
    assert unpack(pack(3.5)) == 3.5
