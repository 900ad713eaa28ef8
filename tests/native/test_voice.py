"""The Board's `voice` on the firmware's own kinds of buffers."""

import array

import numpy as np
import pytest

from femtohost import voice
from femtohost.canceller import EchoCanceller

VOICE = voice.Voice()


def block(samples):
    return array.array("h", np.asarray(samples, np.int16).tobytes())


def new_state(taps=64, flags=0):
    state = bytearray(VOICE.ec_size(taps))
    VOICE.ec_init(state, taps, flags)
    return state


def echo_signals(n=16000):
    rin = np.random.default_rng(5).normal(0, 2000, n).astype(np.int16)
    sin = np.zeros(n, np.int16)
    sin[9:] = rin[:-9] // 2
    return rin, sin


def test_same_bits_as_the_canceller_on_numpy_arrays():
    rin, sin = echo_signals()
    state, sout = new_state(), array.array("h", bytes(2 * len(rin)))
    VOICE.ec_process(state, block(rin), block(sin), sout)
    canceller = EchoCanceller(64)
    assert np.array_equal(canceller.process(rin, sin), np.array(sout))
    assert voice.stats(state) == canceller.stats()
    assert voice.path(state) == canceller.path().tolist()


def test_sout_may_be_sin():
    rin, sin = echo_signals(4000)
    apart, in_place, one, two = array.array("h", bytes(8000)), block(sin), new_state(), new_state()
    VOICE.ec_process(one, block(rin), block(sin), apart)
    VOICE.ec_process(two, block(rin), in_place, in_place)
    assert apart == in_place


def test_path_is_learnt_frozen_and_forgotten():
    rin, sin = map(block, echo_signals())
    state, sout = new_state(), array.array("h", bytes(2 * len(rin)))
    VOICE.ec_process(state, rin, sin, sout)
    learnt = voice.path(state)
    assert learnt[9] == pytest.approx(0.5, abs=0.01)
    assert max(abs(h) for k, h in enumerate(learnt) if k != 9) < 0.01
    VOICE.ec_reset(state)
    assert not any(voice.path(state))
    VOICE.ec_freeze(state, True)
    VOICE.ec_process(state, rin, sin, sout)
    assert not any(voice.path(state))


@pytest.mark.parametrize("taps", [0, 15, 17, 1040, -16])
def test_bad_taps(taps):
    with pytest.raises(ValueError, match="a multiple of 16"):
        VOICE.ec_size(taps)
    with pytest.raises(ValueError, match="a multiple of 16"):
        VOICE.ec_init(bytearray(100), taps, 0)


def test_bad_buffers():
    b80, b79 = block([0] * 80), block([0] * 79)
    with pytest.raises(ValueError, match="one length"):
        VOICE.ec_process(new_state(), b80, b79, b80)
    with pytest.raises(ValueError, match="one length"):
        VOICE.ec_process(new_state(), b80, bytearray(80), b80)
    with pytest.raises(ValueError, match="ec_init"):
        VOICE.ec_process(bytearray(5000), b80, b80, b80)
    with pytest.raises(ValueError, match="ec_init"):
        VOICE.ec_reset(bytearray(0))
    with pytest.raises(ValueError, match="64 taps need"):
        VOICE.ec_init(bytearray(100), 64, 0)
