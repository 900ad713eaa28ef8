"""The emulated board's PCM port: double buffering, and what is late or missed."""

from array import array

import numpy as np

from femtohost.board import BLOCK, PcmPort
from femtohost.clock import MS, Clock
from femtohost.trace import Trace


class Loop:
    """A SLIC that captures what was played."""

    def pcm_block(self, played):
        return played.copy()


def block(value=0):
    return array("h", [value] * BLOCK)


def port():
    clock = Clock()
    return clock, PcmPort(clock, Loop(), Trace(clock), lambda: None)


def run(clock, ms):
    for _ in range(ms // 10):
        clock.run_next()


def test_nothing_is_due_before_the_first_block():
    _, pcm = port()
    assert not pcm.exchange(block(), block(), block())


def test_a_block_is_played_while_the_block_after_the_next_is_captured_and_ref_is_its_own():
    clock, pcm = port()
    captured, ref = block(), block()
    seen = []
    for i in range(1, 6):
        run(clock, 10)
        assert pcm.exchange(block(i), captured, ref)
        assert captured == ref
        seen.append(ref[0])
        assert not pcm.exchange(block(99), captured, ref)
    assert seen == [0, 0, 1, 2, 3]
    assert (pcm.missed, pcm.late) == (0, 1)  # nothing could be given before the first block


def test_what_is_not_fetched_is_missed_and_what_is_not_given_is_late_and_silent():
    clock, pcm = port()
    captured, ref = block(), block()
    run(clock, 10)
    pcm.exchange(block(7), captured, ref)
    run(clock, 40)
    assert (pcm.missed, pcm.late) == (3, 4)
    pcm.exchange(block(7), captured, ref)
    assert ref == block(0)
    assert clock.now == 50 * MS


def test_observers_see_every_block():
    clock, pcm = port()
    seen = []
    pcm.on_block.append(lambda played, captured: seen.append(np.array_equal(played, captured)))
    run(clock, 30)
    assert seen == [True] * 3
