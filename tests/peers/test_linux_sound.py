"""The box as a sound card of a Linux machine: full duplex in loopback, to the bit, by ALSA's own programs."""

import numpy as np
import pytest
from programs import realtime
from scipy.stats import theilslopes
from tone_figures import tone

from femtohost.audio import RATE

SNR_DB = 90
RATE_ERROR = 0.001
MARKS = 500


@pytest.fixture(autouse=True)
def quickly(pc, usb_box):
    with realtime(pc.process, usb_box.process):
        yield


@pytest.fixture
def loopback(usb_box):
    usb_box.ctl("loopback", on=True)
    yield
    usb_box.ctl("loopback", on=False)


def stream(pc, played, meanwhile=lambda: None):
    """Play, and record until a second later: (complaints of ALSA's, {"p" or "c": frames a second}, samples)."""
    pc.sound(np.asarray(played, "<i2").tobytes(), record=True)
    meanwhile()
    told, octets = pc.finish_sound()
    complaints = [complaint for _, complaint in told.values() if complaint]
    return complaints, {kind: speed(marks) for kind, (marks, _) in told.items()}, np.frombuffer(octets, "<i2")


def duplex(pc, played, meanwhile=lambda: None):
    """Play and record without an xrun: ({"p" or "c": frames a second}, samples)."""
    complaints, speeds, heard = stream(pc, played, meanwhile)
    assert complaints == []
    return speeds, heard


def speed(marks):
    """Frames a second of (s, frames), after the first second: the median slope, since a delay bends some of them."""
    marks = np.array([mark for mark in marks if mark[0] > marks[0][0] + 1])
    times, frames = marks[:: len(marks) // MARKS + 1].T
    return float(theilslopes(frames, times).slope)


def snr_db(played, heard):
    """Of the whole of `played`, where `heard` has it; infinite when it is there to the bit, -infinite: not all is."""
    start = int(np.flatnonzero(heard)[0]) - int(np.flatnonzero(played)[0]) if np.any(heard) else len(heard)
    if len(heard) < start + len(played):
        return -np.inf
    error = heard[start : start + len(played)].astype(float) - played
    noise = np.mean(error**2)
    return float(10 * np.log10(np.mean(np.square(played, dtype=float)) / noise)) if noise else np.inf


def test_ten_seconds_both_ways(pc, loopback):
    played = tone(997, 10, peak=30000)
    speeds, heard = duplex(pc, played)
    assert snr_db(played, heard) >= SNR_DB
    for speed_ in speeds.values():
        assert abs(speed_ / RATE - 1) <= RATE_ERROR


def test_the_disc_is_read_meanwhile(pc, loopback, disc):
    hashes, played = [], tone(1234, 6, peak=30000)
    _, heard = duplex(pc, played, lambda: hashes.append(pc.hash_disc()[1]))
    assert snr_db(played, heard) >= SNR_DB
    assert hashes == [disc[1].sha256]


def test_16_khz_can_be_played(pc):
    pc.sound(bytes(2 * 16000), rate=16000)
    told, _ = pc.finish_sound()
    assert told["p"][1] == ""


def test_the_mixer(pc):
    streams, mixer = pc.sound_card()
    assert "Rates: 8000" in streams and "Rates: 16000" in streams
    assert "pvolume" in mixer and "pswitch" in mixer
    for words, shown in ((("50%", "mute"), "[off]"), (("100%", "unmute"), "[0.00dB] [on]")):
        code, output = pc.mix("PCM", *words)
        assert code == 0 and shown in output
