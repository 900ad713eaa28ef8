"""Virtual time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from femtohost.clock import MOST_CANCELLED, Clock


@given(st.lists(st.integers(0, 20), max_size=30))
def test_events_run_in_time_and_those_of_one_instant_as_they_were_asked_for(times):
    clock, ran = Clock(), []
    for i, time in enumerate(times):
        clock.at(time, lambda time=time, i=i: ran.append((clock.now, time, i)))
    while clock.run_next():
        pass
    assert ran == sorted((time, time, i) for i, time in enumerate(times))


def test_a_cancelled_event_does_not_run_and_does_not_count():
    clock = Clock()
    event = clock.after(5, lambda: pytest.fail("it was cancelled"))
    event.cancel()
    assert clock.next_time() is None
    assert not clock.run_next()


def test_cancelled_events_do_not_pile_up_while_time_stands_still():
    clock, ran = Clock(), []
    clock.after(2, lambda: ran.append(clock.now))
    for _ in range(10_000):
        clock.after(1, lambda: pytest.fail("it was cancelled")).cancel()
        assert clock.places <= MOST_CANCELLED + 2
    assert clock.run_next() and ran == [2] and not clock.run_next()


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=500), st.randoms(use_true_random=False))
def test_what_is_cancelled_changes_nothing_for_the_others(asked, random):
    clock, ran = Clock(), []
    events = [clock.at(time, lambda i=i: ran.append(i)) for i, (time, _) in enumerate(asked)]
    doomed = [event for event, (_, cancelled) in zip(events, asked, strict=True) if cancelled]
    random.shuffle(doomed)
    for event in doomed:
        event.cancel()
        event.cancel()
    while clock.run_next():
        pass
    assert ran == [i for time, i in sorted((time, i) for i, (time, cancelled) in enumerate(asked) if not cancelled)]
    assert clock.places == 0


def test_what_was_cleared_can_still_be_cancelled():
    clock = Clock()
    events = [clock.after(1, lambda: None) for _ in range(2 * MOST_CANCELLED)]
    clock.clear()
    for event in events:
        event.cancel()
    assert clock.next_time() is None and clock.after(1, lambda: None) and clock.run_next()


def test_the_past_is_now():
    clock = Clock()
    clock.advance(10)
    clock.at(3, lambda: None)
    assert clock.next_time() == 10


def test_time_does_not_jump_over_an_event():
    clock = Clock()
    clock.at(5, lambda: None)
    with pytest.raises(ValueError, match="an event stands at 5"):
        clock.advance(6)
    clock.advance(5)
    assert clock.now == 5
