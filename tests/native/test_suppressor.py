"""The NLP and its comfort noise: steady sounds at the near end, and what is no noise of the room."""

import numpy as np
import pytest

from femtohost.canceller import EchoCanceller
from femtohost.levels import rms_for
from femtohost.measure import floors_speech, g168

RATE = 8000
START = 480  # Rin begins after 60 ms
SOUNDS = {"600": (600,), "1000": (1000,), "1020": (1020,), "dtmf": (697, 1209), "dial": (350, 440)}


def sound(name, dbm0=-15.0, seconds=5):
    if name == "noise":
        return g168.hoth(seconds, dbm0, np.random.default_rng(3))
    return g168.tones(seconds, dbm0, *SOUNDS[name])


def level(samples):
    return 10 * np.log10(np.mean(np.asarray(samples, float) ** 2) + 1e-9)


@pytest.mark.parametrize("path", ["d2", "d5", "random", None])
@pytest.mark.parametrize(
    ("far", "near"),
    [("600", "1000"), ("1000", "dtmf"), ("dtmf", "600"), ("600", "1020"), ("dial", "1020"), ("noise", "1000")],
)
def test_steady_sounds_at_both_ends_do_not_mute_the_near_one(far, near, path):
    rin = sound(far)
    rin[:START] = 0
    rin = g168.companded(rin)
    echo = np.zeros(len(rin))
    if path:
        h = g168.random_path(np.random.default_rng(1), 10) if path == "random" else g168.hybrid(path, 6)
        echo = g168.echo(h, rin.astype(float))
    for db in (0, -6):
        talker = sound(near, -15.0 + db)
        sout = EchoCanceller(nlp=True).process(rin, g168.companded(echo + talker))
        assert level(sout[2 * RATE :]) > level(talker) - 3


def after_a_key(seconds, start_s):
    """(Rin, Sin) of a quiet line on which a key is pressed; then the far end speaks over d2."""
    far, room = g168.css(8, -16), np.random.default_rng(5).normal(0, 2, 8 * RATE)
    begin = round(start_s * RATE)
    end = begin + round(seconds * RATE)
    far[: end + RATE // 5] = 0
    rin = g168.companded(far)
    room[begin:end] += g168.tones(seconds, -10, 770, 1336)
    return rin, np.round(room + g168.echo(g168.hybrid("d2", 6), rin.astype(float))).astype(np.int16), end


@pytest.mark.parametrize("start_s", [0.0, 2.0])
@pytest.mark.parametrize("seconds", [0.1, 0.5, 3.0])
def test_a_key_tone_is_no_noise_of_the_room(seconds, start_s):
    rin, sin, end = after_a_key(seconds, start_s)
    sout = EchoCanceller(nlp=True, comfort_noise=True).process(rin, sin)
    hushed = end + RATE // 2
    assert np.sqrt(np.max(np.convolve(sout[hushed:].astype(float) ** 2, np.ones(160) / 160, "valid"))) < 8


@pytest.mark.skipif(not floors_speech.installed(), reason="apt-get install asterisk-core-sounds-en-wav")
@pytest.mark.parametrize("voice", floors_speech.installed())
def test_speech_is_no_noise_of_the_room(voice):
    """Both talk from the first sample; then the near end falls silent."""
    rng = np.random.default_rng(7)
    far, near = (floors_speech.talk(rng, voice, 8, dbm0) for dbm0 in (-16, -16))
    near[4 * RATE :] = 0
    rin = g168.companded(far)
    echo = g168.echo(g168.hybrid("d5", 6), rin.astype(float))
    room = rng.normal(0, rms_for(-62), len(rin))
    sout = EchoCanceller(nlp=True, comfort_noise=True).process(rin, g168.companded(echo + near + room))
    assert np.median(g168.meter(sout)[5 * RATE :]) < -55


@pytest.mark.parametrize("seed", [0, 1, 4])
def test_echo_of_a_changed_level_is_no_near_talker(seed):
    """Rin comes in bursts of 200 ms; the echo grows by 3 dB at 5 s."""
    rin = g168.companded(np.where(np.arange(8 * RATE) % 2400 < 1600, g168.css(8, -12), 0))
    echo = g168.echo(g168.random_path(np.random.default_rng(seed), 6), rin.astype(float))
    echo[5 * RATE :] *= 1.4
    sout = EchoCanceller(nlp=True).process(rin, g168.companded(echo)).astype(float)
    frames = np.mean(sout.reshape(-1, 80) ** 2, axis=1)
    assert np.count_nonzero(frames > 4) <= 6  # of 10 ms; without the wait at an onset of Rin 9 and more
