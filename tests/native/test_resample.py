"""16 kHz to 8 kHz, beside its formula."""

from array import array

import numpy as np
import pytest
from scipy.signal import freqz, remez

from femtohost.voice import Voice

PAST = 38
halve = Voice().pcm_halve


def halved(wide, size=80):
    """int16 samples at half the rate, block by block."""
    samples = np.concatenate([np.zeros(PAST, np.int16), wide]).astype(np.int16)
    out, found = array("h", bytes(2 * size)), []
    for at in range(0, len(wide), 2 * size):
        halve(array("h", samples[at : at + PAST + 2 * size].tobytes()), out)
        found += out
    return np.array(found)


def taps():
    """The filter as an impulse of 2**14 finds it, on both phases."""
    found = np.zeros(80)
    for phase in (0, 1):
        impulse = np.zeros(80, np.int16)
        impulse[phase] = 16384
        found[1 - phase :: 2][:40] = halved(impulse, 40)
    return found[1:40] if found[0] == 0 else found[:39]


def test_the_coefficients_are_those_of_their_formula():
    half = remez(20, [0, 6800], [1], fs=16000) / 2
    expected = np.zeros(39)
    expected[::2] = half
    expected[19] = 0.5
    assert np.abs(taps() - expected * 16384).max() <= 1


def test_it_passes_speech_and_stops_what_would_fold():
    hz, response = freqz(taps() / 16384, worN=4000, fs=16000)
    level = 20 * np.log10(np.abs(response) + 1e-9)
    assert np.abs(level[hz <= 3400]).max() < 0.05
    assert level[hz >= 4600].max() < -52
    assert np.abs(taps()).sum() * 32768 < 2**31


def test_blocks_join_without_a_seam():
    wide = np.random.default_rng(2).integers(-32768, 32768, 1600).astype(np.int16)
    exact = np.convolve(wide.astype(np.int64), taps().astype(np.int64))[1:1601:2]
    expected = np.clip((exact + 8192) >> 14, -32768, 32767)
    for size in (1, 5, 80, 800):
        assert (halved(wide, size) == expected).all()


def test_full_scale_saturates():
    square = np.where(np.arange(320) // 7 % 2, 32767, -32768).astype(np.int16)
    assert halved(square).max() == 32767 and halved(square).min() == -32768


@pytest.mark.parametrize(("samples", "out"), [(0, 0), (38, 1), (40, 2), (197, 80), (199, 80), (198, 79)])
def test_lengths_that_do_not_fit(samples, out):
    with pytest.raises(ValueError, match=f"{samples} samples in"):
        halve(array("h", bytes(2 * samples)), array("h", bytes(2 * out)))
