import re

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from femtohost.audio import AudioError, LimitWarning, active_level, level_to, load, save
from femtohost.levels import dbm0
from femtohost.speech import speech_like


def tone(rate, seconds=1.0, dbm0_level=-16.0):
    peak = 10 ** ((dbm0_level - 3.17) / 20)
    return peak * np.sin(2 * np.pi * 1004 / rate * np.arange(round(rate * seconds)))


@pytest.mark.parametrize("suffix", ["wav", "flac"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_any_rate_and_any_number_of_channels(tmp_path, rate, channels, suffix):
    file = tmp_path / f"tone.{suffix}"
    soundfile.write(file, np.repeat(tone(rate)[:, None], channels, axis=1), rate, subtype="PCM_24")
    samples = load(file)
    assert samples.dtype == np.int16
    assert samples.size == pytest.approx(8000, abs=2)
    assert dbm0(samples[200:-200]) == pytest.approx(-16.0, abs=0.1)


def test_stereo_is_mixed(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.column_stack([tone(8000), -tone(8000)]), 8000, subtype="FLOAT")
    assert not load(tmp_path / "x.wav").any()


def test_what_is_above_4_khz_does_not_come_back_as_something_else(tmp_path):
    high = np.sin(2 * np.pi * 6000 / 16000 * np.arange(16000))
    soundfile.write(tmp_path / "x.wav", high, 16000)
    assert dbm0(load(tmp_path / "x.wav")[200:-200]) < -60


def test_save_and_load_are_exact(tmp_path):
    samples = np.array([0, 1, -1, 32767, -32768, 1234], dtype=np.int16)
    save(tmp_path / "x.wav", samples)
    assert np.array_equal(load(str(tmp_path / "x.wav")), samples)
    assert soundfile.info(tmp_path / "x.wav").subtype == "PCM_16"


def test_non_finite_and_too_loud_samples(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.array([np.nan, 0.5, np.inf, -np.inf, 2.0, -3.0]), 8000, subtype="FLOAT")
    assert load(tmp_path / "x.wav").tolist() == [0, 16384, 0, 0, 32767, -32768]


def test_error_messages(tmp_path):
    (tmp_path / "text.wav").write_text("not audio at all")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 8000)
    expected = {
        "missing.wav": "no such file; give a WAV or FLAC file",
        ".": "not a file; give a WAV or FLAC file",
        "text.wav": r"not audio \(.+\); give a WAV or FLAC file",
        "empty.wav": r"no audio in the file; at least one sample of 8 kHz \(0.125 ms\) is needed",
    }
    for name, text in expected.items():
        with pytest.raises(AudioError) as error:
            load(tmp_path / name)
        assert re.fullmatch(f"{re.escape(str(tmp_path / name))}: {text}", str(error.value)), error.value
    with pytest.raises(AudioError, match=r"no/x\.wav: cannot be written \(No such file"):
        save(tmp_path / "no" / "x.wav", np.zeros(3))


def test_unreadable_file(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    save(tmp_path / "x.wav", np.zeros(8))
    monkeypatch.setattr("pathlib.Path.open", refuse)  # root may read everything, so mode bits prove nothing
    with pytest.raises(AudioError, match=r"x\.wav: cannot be read \(Permission denied\); give a readable"):
        load(tmp_path / "x.wav")


def test_pauses_do_not_count():
    burst = 32767 * tone(8000)
    with_pauses = np.concatenate([burst, np.zeros(24000), burst])
    assert active_level(with_pauses) == pytest.approx(-16.0, abs=0.05)
    assert active_level(with_pauses + 1.0) == pytest.approx(-16.0, abs=0.05)
    assert active_level(np.zeros(1000)) == active_level([]) == -np.inf


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), gain=st.floats(0.02, 1.0), level=st.floats(-40, -16))
def test_level_to_reaches_the_level(seed, gain, level):
    speech = speech_like(2.0, np.random.default_rng(seed)) * gain
    assert active_level(level_to(speech, level)) == pytest.approx(level, abs=0.5)


def test_level_to_says_what_it_limits():
    speech = speech_like(2.0, np.random.default_rng(1))
    with pytest.warns(LimitWarning, match=r"[1-9]\d* of 16000 samples limited at 0 dBm0"):
        loud = level_to(speech, 0.0)
    assert loud.dtype == np.int16 and loud.max() == 32767
    assert np.array_equal(np.sign(loud[np.abs(speech) > 50]), np.sign(speech[np.abs(speech) > 50]))


def test_silence_stays_silence():
    assert not level_to(np.zeros(800, np.int16), -16.0).any()
    assert level_to([], -16.0).size == 0
