"""Virtual time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from femtohost.clock import Clock


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
