"""Tick arithmetic against integers that do not wrap."""

from hypothesis import given
from hypothesis import strategies as st

from femtojack.ticks import Timer, earlier, ticks_add, ticks_diff

PERIOD = 1 << 30
times = st.integers(0, PERIOD - 1)
spans = st.integers(-(1 << 29) + 1, (1 << 29) - 1)


@given(times, spans)
def test_a_span_added_is_the_difference(start, span):
    end = ticks_add(start, span)
    assert 0 <= end < PERIOD
    assert end == (start + span) % PERIOD
    assert ticks_diff(end, start) == span


@given(times, spans)
def test_no_step_of_the_arithmetic_leaves_a_small_integer(start, span):
    class Small(int):
        """An integer that refuses what 31 bits cannot hold."""

        def _checked(self, value):
            assert -(1 << 30) <= value < 1 << 30
            return Small(value)

        def __add__(self, other):
            return self._checked(int(self) + other)

        def __sub__(self, other):
            return self._checked(int(self) - other)

    end = ticks_add(Small(start), Small(span))
    assert ticks_diff(Small(end), Small(start)) == span


@given(times, spans, spans)
def test_the_earlier_deadline_is_the_one_that_comes_first(now, a, b):
    if abs(a - b) < 1 << 29:
        first = earlier(ticks_add(now, a), ticks_add(now, b))
        assert ticks_diff(first, now) == min(a, b)


def test_never_is_later_than_any_deadline():
    assert earlier(None, 5) == earlier(5, None) == 5
    assert earlier(None, None) is None


@given(times, st.integers(0, (1 << 29) - 1))
def test_a_timer_is_due_at_its_deadline_and_once(now, ms):
    timer = Timer()
    timer.start(now, ms)
    if ms:
        assert not timer.due(ticks_add(now, ms - 1))
    assert timer.due(ticks_add(now, ms))
    assert not timer.due(ticks_add(now, ms))
    assert not timer.running


def test_a_stopped_timer_is_never_due():
    timer = Timer()
    timer.start(7, 0)
    timer.stop()
    assert not timer.due(7)
