import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slic_bench import dbm0

from femtohost.clock import Clock
from femtohost.models.ear import country_tones
from femtohost.models.line import Line
from femtohost.models.phone import Phone


def line_with(path, **options):
    return Line(Phone(Clock(), country_tones("us")), np.random.default_rng(1), path, **options)


@given(st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_echo_is_the_convolution_of_all_that_was_sent(taps, seed):
    rng = np.random.default_rng(seed)
    path, x = rng.standard_normal(taps), rng.standard_normal(640)
    line = line_with(path)
    echo = np.concatenate([line.hybrid(block) for block in x.reshape(-1, 80)])
    assert echo == pytest.approx(np.convolve(x, path)[:640], abs=1e-9)


@given(st.integers(1, 300), st.integers(1, 300))
def test_a_new_path_takes_over_at_a_block(first, second):
    rng = np.random.default_rng(first)
    x = rng.standard_normal(480)
    line = line_with(rng.standard_normal(first))
    for block in x[:400].reshape(-1, 80):
        line.hybrid(block)
    path = rng.standard_normal(second)
    line.set_path(path)
    known = x[400 - (first + 79) :]  # what the first path needed is what is remembered
    assert line.hybrid(x[400:]) == pytest.approx(np.convolve(known, path)[: len(known)][-80:], abs=1e-9)


def test_noise_level_and_seed():
    blocks = [np.concatenate([line_with([0.0], noise_dbm0=-50).exchange(0, np.zeros(80))[1]]) for _ in range(2)]
    assert np.array_equal(*blocks)
    line = line_with([0.0], noise_dbm0=-50)
    noise = np.concatenate([line.exchange(80 * k, np.zeros(80))[1] for k in range(200)])
    assert dbm0(noise) == pytest.approx(-50, abs=0.3)


def test_the_phone_hears_only_with_the_loop_closed():
    line = line_with([0.0])
    block = np.full(80, 100.0)
    line.exchange(0, block)
    line.phone.off_hook()
    assert not line.phone.earpiece(0.01).any()
    line.exchange(0, block)
    assert line.phone.earpiece(0.01).all()
    line.phone.flash()
    line.exchange(80, block * 0 + 7)
    assert (line.phone.earpiece(0.01) == 100).all()


def test_resistances():
    line = line_with([0.0], loop_resistance=300.0)
    assert line.resistance is None
    line.phone.off_hook()
    assert line.resistance == 730.0
    line.phone.ren = 2.0
    assert line.ringer_impedance == 3800.0


def test_a_path_is_a_row_of_taps():
    for path in ([], [[1.0]]):
        with pytest.raises(ValueError, match="echo path"):
            line_with(path)
