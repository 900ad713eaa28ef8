"""The full rate codec against libgsm: the same frames, the same samples, to the bit."""

from pathlib import Path

import numpy as np
import pytest
from gsm_frames import noise, random_frames, signals
from hypothesis import given
from hypothesis import strategies as st

from femtohost import audio
from femtohost.full_rate import FullRate
from femtohost.measure.libgsm import GET, LibGsm
from femtohost.measure.peers import Missing

try:
    LibGsm()
    missing = ""
except Missing as error:
    missing = str(error)
pytestmark = pytest.mark.skipif(bool(missing), reason=f"libgsm is missing ({missing}): {GET}")

PROMPTS = Path("/usr/share/asterisk/sounds")
LANGUAGES = ("en", "es", "fr", "it", "ru")
SECONDS = 125  # of each language, more than 10 minutes of all


def prompts(language):
    """125 s of the voice prompts of Debian's asterisk-core-sounds in a language."""
    found = sorted(PROMPTS.glob(f"{language}_*/**/*.wav"))
    parts, length = [], 0
    while found and length < SECONDS * audio.RATE:
        parts.append(audio.load(found.pop(0)))
        length += len(parts[-1])
    if length < SECONDS * audio.RATE:
        pytest.skip(f"real voices are missing: apt-get install asterisk-core-sounds-{language}-wav")
    return np.concatenate(parts)[: SECONDS * audio.RATE]


def the_same(ours, theirs, pcm):
    """Both codecs go on with pcm; returns the number of frames that were the same in both directions."""
    frames = theirs.encode(pcm)
    assert first_difference(ours.encode(pcm), frames, 33) is None
    assert first_difference(ours.decode(frames).tobytes(), theirs.decode(frames).tobytes(), 320) is None
    return len(frames) // 33


def first_difference(a, b, size):
    """Number of the first frame that is not the same, or None."""
    if a == b:
        return None
    return next(i for i in range(max(len(a), len(b))) if a[i * size : i * size + size] != b[i * size : i * size + size])


def test_ten_minutes_of_speech():
    ours, theirs = FullRate(), LibGsm()
    assert sum(the_same(ours, theirs, prompts(language)) for language in LANGUAGES) >= 600 * 50


@pytest.mark.parametrize("shift", [1, 4, 8])
def test_softer_speech(shift):
    the_same(FullRate(), LibGsm(), prompts("en")[: 20 * audio.RATE] >> shift)


@pytest.mark.parametrize("gain", [4, 40])
def test_clipped_speech(gain):
    the_same(FullRate(), LibGsm(), audio.to_int16(prompts("fr")[: 20 * audio.RATE] * float(gain)))


@pytest.mark.parametrize("pcm", [pytest.param(pcm, id=name) for name, pcm in signals()])
def test_signals(pcm):
    the_same(FullRate(), LibGsm(), pcm)


def test_signals_one_after_the_other():
    ours, theirs = FullRate(), LibGsm()
    for _, pcm in signals():
        the_same(ours, theirs, pcm)


def test_random_frames():
    frames = random_frames(30000)
    assert first_difference(FullRate().decode(frames).tobytes(), LibGsm().decode(frames).tobytes(), 320) is None


@given(st.lists(st.binary(min_size=33, max_size=33), max_size=20))
def test_any_octets_decode_alike_or_are_refused_by_both(octets):
    codec, other = FullRate(), LibGsm()
    for frame in octets:
        ours, theirs = outcome(codec, frame), outcome(other, frame)
        assert ours == theirs
        assert (ours is None) == (frame[0] >> 4 != 0xD)


def outcome(codec, frame):
    """The samples, or None if the codec refuses them."""
    try:
        return codec.decode(frame).tolist()
    except ValueError:
        return None


frames_of_fields = st.binary(min_size=32, max_size=32).flatmap(
    lambda octets: st.sampled_from(range(16)).map(lambda low: bytes([0xD0 | low]) + octets)
)


@given(st.lists(frames_of_fields, max_size=20))
def test_any_fields_decode_alike(frames):
    ours, theirs = FullRate(), LibGsm()
    assert np.array_equal(ours.decode(b"".join(frames)), theirs.decode(b"".join(frames)))


steps = st.tuples(st.integers(-32768, 32767), st.integers(-32768, 32767), st.integers(1, 160), st.integers(0, 15))


@given(st.lists(steps, min_size=1, max_size=8))
def test_any_samples_encode_alike(shapes):
    """Squares between any two levels, and noise of any loudness upon them."""
    ours, theirs = FullRate(), LibGsm()
    dither = np.frombuffer(noise(1600), "<i2").astype(int)
    for high, low, period, shift in shapes:
        square = np.where(np.arange(800) // period % 2, low, high)
        pcm = np.clip(square + (dither >> shift), -32768, 32767).astype(np.int16)
        assert ours.encode(pcm) == theirs.encode(pcm)
