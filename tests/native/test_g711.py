"""G.711 against the standard's own definition of its intervals, and against libsndfile."""

import array
import io

import numpy as np
import pytest
import soundfile

from femtohost.voice import Voice

VOICE = Voice()
ALL_PCM = np.arange(-32768, 32768).astype(np.int16)
ALL_OCTETS = np.arange(256, dtype=np.uint8)


def encode(law, pcm):
    out = bytearray(len(pcm))
    getattr(VOICE, f"{law}_encode")(array.array("h", pcm.tobytes()), out)
    return np.frombuffer(out, np.uint8)


def decode(law, octets):
    out = array.array("h", bytes(2 * len(octets)))
    getattr(VOICE, f"{law}_decode")(bytearray(octets), out)
    return np.array(out)


def ulaw_thresholds():
    """Decision values x1..x128 in 16-bit units: 15 steps of 2 after a first of 1, then segments of doubled steps."""
    steps = [1] + [2] * 15 + [2 << segment for segment in range(1, 8) for _ in range(16)]
    return 4 * np.cumsum(steps)


def alaw_thresholds():
    """Decision values of table 1 in 16-bit units: two segments of one step size, then doubled ones."""
    steps = [1 << max(segment - 1, 0) for segment in range(8) for _ in range(16)]
    return 16 * np.cumsum(steps)


@pytest.mark.parametrize(
    ("law", "thresholds", "inverted", "top"),
    [("ulaw", ulaw_thresholds(), 0x7F, 32636), ("alaw", alaw_thresholds(), 0x55, 32768)],
)
def test_intervals_of_the_standard(law, thresholds, inverted, top):
    assert thresholds[-1] == top
    magnitude = np.where(ALL_PCM < 0, ~ALL_PCM, ALL_PCM).astype(int)
    index = np.minimum(np.searchsorted(thresholds, magnitude, side="right"), 127)
    expected = (index ^ inverted) | np.where(ALL_PCM >= 0, 0x80, 0)
    assert np.array_equal(encode(law, ALL_PCM), expected)


@pytest.mark.parametrize(("law", "subtype"), [("ulaw", "ULAW"), ("alaw", "ALAW")])
def test_decoding_agrees_with_libsndfile(law, subtype):
    raw = io.BytesIO(ALL_OCTETS.tobytes())
    theirs, _ = soundfile.read(raw, dtype="int16", samplerate=8000, channels=1, format="RAW", subtype=subtype)
    assert np.array_equal(decode(law, ALL_OCTETS), theirs)


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_encoding_is_the_inverse_of_decoding(law):
    octets = ALL_OCTETS[ALL_OCTETS != 0x7F] if law == "ulaw" else ALL_OCTETS  # 0x7F is mu-law's second zero
    assert np.array_equal(encode(law, decode(law, octets)), octets)


def test_known_octets():
    assert decode("ulaw", np.array([0xFF, 0x7F, 0x80, 0x00], np.uint8)).tolist() == [0, 0, 32124, -32124]
    assert decode("alaw", np.array([0xD5, 0x55, 0xAA, 0x2A], np.uint8)).tolist() == [8, -8, 32256, -32256]


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_wrong_sizes(law):
    pcm = array.array("h", [0] * 80)
    with pytest.raises(ValueError, match="equal"):
        getattr(VOICE, f"{law}_encode")(pcm, bytearray(79))
    with pytest.raises(ValueError, match="equal"):
        getattr(VOICE, f"{law}_decode")(bytearray(81), pcm)
    with pytest.raises(ValueError, match="array"):
        getattr(VOICE, f"{law}_encode")(bytearray(160), bytearray(80))
