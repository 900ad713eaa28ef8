"""Calls of a box without a network: answered at once, and heard again half a second later."""

from array import array
from types import SimpleNamespace

from femtohost.voice import Voice
from femtojack.call.loopback import Loopback


def make():
    answered = []
    events = SimpleNamespace(answered=lambda call, now: answered.append((call, now)))
    board = SimpleNamespace(voice=Voice(), trace=lambda point, data: None)
    return Loopback(board, events), answered


def test_a_call_is_answered_once_at_the_next_step():
    loopback, answered = make()
    call = loopback.call("5", b"", 7)
    assert loopback.step(8) is None and answered == [(call, 8)]
    loopback.step(9)
    assert len(answered) == 1


def test_a_call_that_is_given_up_is_not_answered():
    loopback, answered = make()
    loopback.call("5", b"", 7).hang_up(7)
    loopback.step(8)
    assert answered == []


def test_what_is_said_comes_back_half_a_second_later():
    loopback, _ = make()
    loopback.start(None)
    back = []
    for n in range(120):
        got = loopback.get()
        back.append(got and got[0])
        loopback.put(array("h", [100 * (n % 40)] * 80))
    assert back[:50] == [None] * 50
    assert all(abs(back[n] - 100 * ((n - 50) % 40)) <= 64 for n in range(50, 120))


def test_another_call_does_not_hear_the_one_before():
    loopback, _ = make()
    for _ in range(2):
        loopback.start(None)
        assert [loopback.get() for _ in range(1)] == [None]
        for _ in range(60):
            loopback.put(array("h", [1000] * 80))
        loopback.stop()
    assert not loopback.running
