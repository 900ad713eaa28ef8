import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate

from femtohost.audio import active_frames, active_level, frame_powers
from femtohost.levels import dbm0
from femtohost.speech import GUARD, speech_like, take_turns


def generator(seed=1):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("voice", ["low", "high"])
def test_level_length_and_band(voice):
    x = speech_like(20, generator(), voice)
    assert (x.dtype, x.size) == (np.int16, 160000)
    assert active_level(x) == pytest.approx(-16.0, abs=0.1)
    assert np.abs(x).max() < 32767
    power = np.abs(np.fft.rfft(x.astype(float))) ** 2
    frequency = np.fft.rfftfreq(x.size, 1 / 8000)
    assert power[(frequency > 200) & (frequency < 3500)].sum() > 0.97 * power.sum()


def test_same_seed_same_speech():
    assert np.array_equal(speech_like(3, generator(4)), speech_like(3, generator(4)))
    assert not np.array_equal(speech_like(3, generator(4)), speech_like(3, generator(5)))


def test_phrases_and_pauses():
    x = speech_like(60, generator(2))
    active = active_frames(frame_powers(x))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active, [0]])))
    pauses = (edges[2::2] - edges[1:-1:2]) * 0.02
    long = pauses[pauses > 0.2]
    assert 18 <= long.size <= 40 and long.min() > 0.28 and long.max() < 0.9
    starts = np.concatenate([[0], edges[2::2][pauses > 0.2]])
    assert np.diff(starts).min() * 0.02 > 1.2 and np.diff(starts).max() * 0.02 < 4.0
    assert 0.4 < active.mean() < 0.75


def test_pauses_are_a_quiet_room():
    powers = frame_powers(speech_like(20, generator(3)))
    assert 10 * np.log10(np.percentile(powers, 5)) - 20 * np.log10(16085) == pytest.approx(-68 - 3.17 + 3.17, abs=2)


def pitch(x):
    """Most common period of the loud frames, as Hz."""
    periods = []
    for start in range(0, x.size - 800, 800):
        frame = x[start : start + 800].astype(float)
        if dbm0(frame) > -16:
            r = correlate(frame, frame)[799:]
            periods.append(28 + np.argmax(r[28:100]))
    return 8000 / np.median(periods)


def test_voices_differ_in_pitch():
    assert 90 < pitch(speech_like(10, generator(), "low")) < 150
    assert 170 < pitch(speech_like(10, generator(), "high")) < 290


@pytest.mark.parametrize("seconds", [0, 0.0001, 0.001, 0.019])
def test_very_short_speech(seconds):
    assert speech_like(seconds, generator()).size == round(seconds * 8000)


bursts = st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 5000), st.integers(200, 20000)), max_size=6)


def talker(parts):
    """Bursts of a tone: (samples of silence, samples of tone, amplitude)."""
    pieces = [np.concatenate([np.zeros(q), a * np.sin(np.arange(n))]) for q, n, a in parts]
    return np.concatenate([np.zeros(0), *pieces]).astype(np.int16)


@settings(max_examples=100, deadline=None)
@given(near=bursts, far=bursts, seconds=st.floats(0, 20))
def test_turns_never_overlap(near, far, seconds):
    near, far = take_turns(talker(near), talker(far), seconds)
    assert near.dtype == far.dtype == np.int16
    assert near.size == far.size == round(seconds * 8000)
    speaking = np.where(near != 0, 1, 0) + np.where(far != 0, 2, 0)
    assert not (speaking == 3).any()
    spoken = np.flatnonzero(speaking)
    changes = np.flatnonzero(np.diff(speaking[spoken]))
    assert (spoken[changes + 1] - spoken[changes] > GUARD).all()


def test_far_begins_and_both_go_on():
    near, far = speech_like(10, generator(1), "low"), speech_like(10, generator(2), "high")
    near, far = take_turns(near, far, 60)
    assert far[:160].any() and not near[:8000].any()
    for talker_half in (near[:240000], near[240000:], far[:240000], far[240000:]):
        assert 0.25 < np.mean(talker_half != 0) < 0.65


def test_what_is_played_is_what_was_said():
    speech = speech_like(10, generator(1))
    _, far = take_turns(speech_like(10, generator(2)), speech, 8)
    end = np.flatnonzero(far[:24000])[-1] - 400
    match = correlate(speech[:40000].astype(float), far[:4000].astype(float), "valid")
    start = int(np.argmax(match))
    first = np.flatnonzero(far == 0)
    first = first[first > 800][0] if first.size else end
    assert np.array_equal(far[:first], speech[start : start + first])


@pytest.mark.parametrize(("swell", "turn_s"), [((0.5, 1.0), 3.0), ((1.0, 0.5), 3.98)])
def test_a_tone_is_cut_in_the_fourth_second(swell, turn_s):
    tone = (8000 * np.linspace(*swell, 160000) * np.sin(np.arange(160000))).astype(np.int16)
    near, far = take_turns(tone, tone, 20)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], frame_powers(far) > 0, [0]])))
    lengths = np.diff(edges)[0::2] * 0.02
    assert lengths.size >= 3 and lengths[:-1] == pytest.approx(turn_s, abs=0.05)
    assert near.any()


def test_a_silent_talker_leaves_the_floor():
    near, far = take_turns(np.zeros(8000, np.int16), speech_like(5, generator()), 10)
    assert not near.any() and np.mean(far != 0) > 0.7
    near, far = take_turns([], [], 1)
    assert not near.any() and not far.any()
