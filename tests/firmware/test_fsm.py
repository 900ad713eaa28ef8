"""State machines as tables."""

import pytest

from femtojack.fsm import Fsm


def make(log):
    machine = None

    def off(event, arg, now):
        log.append((event, arg, now))
        machine.go("ON")

    machine = Fsm("lamp", {"OFF": (("press",), ("ON",), off), "ON": ((), (), None)}, "OFF", lambda *r: log.append(r))
    return machine


def test_an_accepted_event_reaches_the_state_and_the_change_is_traced():
    log = []
    machine = make(log)
    assert machine.dispatch("press", 3, 9)
    assert log == [("press", 3, 9), ("lamp", b"OFF>ON")]
    assert machine.state == "ON"


def test_an_event_that_is_not_accepted_is_counted_and_changes_nothing():
    machine = make([])
    assert not machine.dispatch("kick", None, 0)
    assert (machine.unexpected, machine.state) == (1, "OFF")


def test_a_way_that_the_table_does_not_have_is_a_programming_error():
    machine = make([])
    with pytest.raises(ValueError, match="no way from OFF to OFF"):
        machine.go("OFF")
