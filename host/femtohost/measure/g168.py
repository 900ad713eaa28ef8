"""Signals, level meter and hybrid of ITU-T G.168.

Samples are float64 in int16 units at 8 kHz, levels dBm0 on the mu-law scale (femtohost.levels).
"""

from functools import cache
from pathlib import Path

import numpy as np
import soxr
from scipy.signal import fftconvolve, firwin, lfilter

from femtohost.audio import RATE, to_int16
from femtohost.echo_path import load_path, speech_gain
from femtohost.levels import FULL_SCALE_DBM0, FULL_SCALE_RMS, rms_for
from femtohost.voice import Voice

DATA = Path(__file__).parent.parent / "data" / "g168"
CSS_RATE = 44100
NOISE_SIZE = 8192  # points of the inverse transform (Annex C)
METER_POLE = np.exp(-1 / (0.035 * RATE))  # 35 ms (6.4.1.2.1)

# One period of the composite source signal: table, then samples at 44.1 kHz of voiced sound, noise and pause (Annex C).
SINGLE_TALK = ("css_c1_voiced.csv", 2144, 8820, 4471)
DOUBLE_TALK = ("css_c3_voiced.csv", 3206, 8820, 5614)


def _table(name):
    return np.loadtxt(DATA / name, delimiter=",", comments=("#", "n", "k", "f"))


@cache
def _two_periods(kind, seed):
    """A period and its inverse at 8 kHz, with an rms of one over the active part."""
    table, voiced_length, noise_length, pause = kind
    voiced = np.resize(_table(table)[:, 1], voiced_length)
    noise = np.resize(_noise(kind, seed), noise_length)
    noise *= np.std(voiced) / np.std(noise)
    period = np.concatenate([voiced, noise, np.zeros(pause)])
    three_times = soxr.resample(np.tile(np.concatenate([period, -period]), 3), CSS_RATE, RATE, "VHQ")
    samples = three_times[len(three_times) // 3 :][: len(three_times) // 3]  # without the edges
    active = round((voiced_length + noise_length) * RATE / CSS_RATE)
    return samples / np.sqrt(np.mean(samples[:active] ** 2))


def _noise(kind, seed):
    """Weighted noise of 8192 points: random signs (single talk) or Gaussian values (double talk) in each bin."""
    rng = np.random.default_rng(seed)
    frequency, level = _table("css_noise_weighting.csv").T
    bins = np.fft.rfftfreq(NOISE_SIZE, 1 / CSS_RATE)
    weight = 10 ** (np.interp(bins, frequency, level, left=-60, right=-60) / 20)
    if kind is SINGLE_TALK:
        return np.fft.irfft(weight * rng.choice([-1.0, 1.0], len(bins)), NOISE_SIZE)
    return np.fft.irfft(weight * (rng.normal(size=len(bins)) + 1j * rng.normal(size=len(bins))), NOISE_SIZE)


def css(seconds, dbm0, kind=SINGLE_TALK, seed=168):
    """Composite source signal: its level over the active part is `dbm0`. Every other period is inverted."""
    return np.resize(_two_periods(kind, seed), round(seconds * RATE)) * rms_for(dbm0)


def hoth(seconds, dbm0, rng):
    """Noise of the spectrum of a room: it falls by 5 dB an octave from 100 Hz to 3.4 kHz (after IEEE 269, Hoth)."""
    n = round(seconds * RATE)
    frequency = np.fft.rfftfreq(n, 1 / RATE)
    weight = np.where((frequency > 100) & (frequency < 3400), np.maximum(frequency, 1) ** (-5 / 6.02), 0)
    noise = np.fft.irfft(np.fft.rfft(rng.normal(size=n)) * weight, n)
    return noise * rms_for(dbm0) / np.std(noise)


def tones(seconds, dbm0, *hertz):
    """Sines of equal power, together `dbm0`; a frequency of 0 is left out."""
    t = np.arange(round(seconds * RATE)) / RATE
    hertz = [f for f in hertz if f]
    return rms_for(dbm0) * np.sqrt(2 / len(hertz)) * sum(np.sin(2 * np.pi * f * t) for f in hertz)


def test6_tones():
    """The (f1, f2) of Test 6 (6.4.2.7), Hz; f2 is 0 for a single tone."""
    return [tuple(pair) for pair in _table("test6_tones_hz.csv")]


def meter(samples):
    """The level meter of 6.4.1.2.1: band-pass, square, one pole of 35 ms; dBm0 at each sample."""
    banded = lfilter(_table("level_bandpass_fir.csv")[:, 1], 1, np.asarray(samples, float))
    power = lfilter([1 - METER_POLE], [1, -METER_POLE], banded**2)
    return 10 * np.log10(np.maximum(power, 1e-6) / FULL_SCALE_RMS**2) + FULL_SCALE_DBM0["ulaw"]


def companded(samples):
    """Through a mu-law coder and decoder: int16."""
    voice, pcm = Voice(), to_int16(samples)
    octets, out = bytearray(len(pcm)), np.empty(len(pcm), np.int16)
    voice.ulaw_encode(pcm, octets)
    voice.ulaw_decode(octets, out)
    return out


def hybrid(name, erl_db, delay=0):
    """Impulse response of a built-in path at an echo return loss of `erl_db`, after `delay` samples."""
    return np.concatenate([np.zeros(delay), load_path(name).scaled(erl_db)])


def random_path(rng, erl_db, length=96):
    """A path of no table: sparse or dispersive, its onset within 10 ms, scaled for noise with the spectrum of CSS."""
    h = np.zeros(length)
    onset = rng.integers(0, min(80, length // 2))
    tail = length - onset
    h[onset:] = rng.normal(size=tail) * np.exp(-np.arange(tail) / rng.uniform(4, 20))
    if rng.random() < 0.5:
        h *= rng.random(length) < 0.3
        h[onset] = 1.0
    h = lfilter(firwin(31, [0.06, 0.85], pass_zero=False), 1, h)
    return h / np.sqrt(speech_gain(h)) * 10 ** (-erl_db / 20)


def echo(h, rout):
    """What the path makes of Rout, as long as Rout."""
    return fftconvolve(rout, h)[: len(rout)]
