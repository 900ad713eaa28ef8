"""The playout buffer: order, loss, disorder, clocks that differ."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from femtojack.voice.jitter import EMPTY, LOST, OK, SLOTS, JitterBuffer


def frame(number):
    return memoryview(number.to_bytes(4, "big") * 40)


class Player:
    def __init__(self):
        self.buffer = JitterBuffer()
        self.out = memoryview(bytearray(160))
        self.played = []  # frame number, or a state other than OK

    def put(self, number, sequence=None):
        return self.buffer.put((number if sequence is None else sequence) & 0xFFFF, frame(number))

    def get(self):
        state = self.buffer.get(self.out)
        if state == OK:
            assert bytes(self.out) == bytes(self.out[:4]) * 40
            self.played.append(int.from_bytes(self.out[:4], "big"))
        return state

    def run(self, arrivals, frames, period=20.0):
        """Play `frames` ticks of 20 ms; `arrivals` is [(ms, number)]."""
        states = []
        waiting = sorted(arrivals)
        for tick in range(frames):
            while waiting and waiting[0][0] <= tick * period:
                self.put(waiting.pop(0)[1])
            states.append(self.get())
        return states


def test_plays_after_two_frames():
    player = Player()
    assert player.get() == EMPTY
    player.put(7)
    assert player.get() == EMPTY
    player.put(8)
    assert player.get() == OK and player.played == [7]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1 << 30), st.integers(0, 0xFFFF))
def test_jitter_within_the_depth_loses_nothing(seed, first):
    """Delays up to 19 ms are within a depth of two frames; the sequence number may wrap."""
    rng = random.Random(seed)
    arrivals = [(20 * i + rng.uniform(0, 19), first + i) for i in range(200)]
    player = Player()
    states = player.run(arrivals, 202)
    start = states.index(OK)
    assert player.played[:190] == list(range(first, first + 190))
    assert set(states[start : start + 190]) == {OK}
    assert player.buffer.late == player.buffer.lost == player.buffer.underruns == 0


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1 << 30), st.floats(0, 0.3), st.integers(0, 200), st.integers(0, 0xFFFF))
def test_order_and_account_in_any_weather(seed, loss, jitter, first):
    rng = random.Random(seed)
    sent = [first + i for i in range(400) if rng.random() >= loss]
    arrivals = [(20 * (n - first) + rng.uniform(0, jitter), n) for n in sent]
    arrivals += [(ms + 5, n) for ms, n in arrivals if rng.random() < 0.05]
    player = Player()
    states = player.run(arrivals, 500)
    assert player.played == sorted(set(player.played))  # each once, in order
    buffer = player.buffer
    assert states.count(OK) + buffer.late + buffer.duplicate + buffer.dropped + buffer._count == len(arrivals)
    assert states.count(LOST) == buffer.lost
    assert 2 <= buffer.depth <= 5


def test_missing_frame_is_lost_and_the_next_plays():
    player = Player()
    states = player.run([(20 * i, i) for i in range(10) if i != 4], 10)
    assert states.count(LOST) == 1
    assert player.played == [0, 1, 2, 3, 5, 6, 7, 8]


def test_frame_after_its_time_is_late_and_twice_is_duplicate():
    player = Player()
    for n in (0, 1, 2):
        assert player.put(n)
    assert not player.put(1)
    player.get()
    assert not player.put(0)
    assert (player.buffer.duplicate, player.buffer.late) == (1, 1)


def test_disorder_before_the_start_is_mended():
    player = Player()
    player.put(5)
    player.put(4)
    assert [player.get(), player.get()] == [OK, OK] and player.played == [4, 5]


def test_depth_grows_with_underruns_and_shrinks_in_quiet():
    player = Player()
    number = 0
    for _ in range(6):
        for _ in range(player.buffer.depth):
            player.put(number)
            number += 1
        while player.get() == OK:
            pass
    assert player.buffer.depth == 5 and player.buffer.underruns == 6
    for _ in range(5):
        player.put(number)
        number += 1
    for _ in range(1200):
        assert player.get() == OK
        player.put(number)
        number += 1
    assert player.buffer.depth == 2 and player.buffer.dropped == 3
    assert player.buffer._count == 2


def test_fast_far_end_does_not_pile_up():
    """1000 ppm fast: the backlog stays within a frame or two."""
    player = Player()
    player.run([(19.98 * i, i) for i in range(20000)], 19980)
    assert player.buffer._count <= 4 and player.buffer.lost == 0


def test_jump_starts_anew():
    player = Player()
    player.run([(20 * i, i) for i in range(5)], 5)
    player.put(30000)
    player.put(30001)
    assert player.get() == OK and player.played[-1] == 30000


def test_burst_keeps_the_newest():
    player = Player()
    for n in range(40):
        player.put(n)
    for _ in range(SLOTS):
        player.get()
    assert player.played == list(range(40 - SLOTS, 40))
    assert player.buffer.dropped == 40 - SLOTS


def test_odd_length_is_no_frame():
    buffer = JitterBuffer()
    assert not buffer.put(0, memoryview(bytes(80)))
    assert buffer.dropped == 1


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 3)), max_size=100))
def test_nothing_raises_and_the_count_is_right(steps):
    player = Player()
    for sequence, gets in steps:
        player.put(sequence)
        for _ in range(gets):
            player.get()
        assert player.buffer._count == sum(player.buffer._held) <= SLOTS
