"""Synthetic speech: a talker who needs no recording, and two talkers taking turns.

Not meant to be understood, but to be to an echo canceller what speech is: a pitch that moves, formants, hiss between
the vowels, syllables at four to five a second, phrases and pauses, over a quiet room.
"""

import numpy as np
from scipy.signal import butter, lfilter, sosfilt

from femtohost.audio import FRAME, RATE, active_frames, frame_powers, level_to
from femtohost.levels import rms_for

LEVEL_DBM0 = -16.0  # active speech level of a talker
ROOM_DBM0 = -68.0  # the room behind him: pauses are quiet, not zero

PITCH_HZ = {"low": 115.0, "high": 205.0}
TRACT = {"low": 1.0, "high": 1.16}  # a shorter vocal tract has higher formants

# First three formants of vowels in Hz, after Peterson and Barney 1952 (rounded means, men).
VOWELS_HZ = np.array(
    [
        (270, 2290, 3010),
        (530, 1840, 2480),
        (660, 1720, 2410),
        (730, 1090, 2440),
        (570, 840, 2410),
        (440, 1020, 2240),
        (300, 870, 2240),
        (640, 1190, 2390),
        (490, 1350, 1690),
    ]
)
BANDWIDTHS_HZ = np.array([70, 100, 150])

HISS = 0.35  # consonants to vowels
RING = 240  # samples: formants ring on for 30 ms

PAUSE_FRAMES = 10  # a pause is longer than 200 ms ...
GUARD = RATE // 5  # ... and 200 ms lie between two turns
LONGEST_TURN = 200  # frames: 4 s
EARLIEST_CUT = 150  # frames: 3 s


def speech_like(seconds, rng, voice="low"):
    """Synthetic speech as int16 at 8 kHz, at an active level of -16 dBm0, over a room of -68 dBm0.

    rng: numpy.random.Generator; the same state gives the same speech. voice: "low" or "high".
    Phrases last 1 to 3 s, pauses 0.3 to 0.8 s; it begins with a phrase.
    """
    n = round(seconds * RATE)
    length = n + 4 * RATE  # to spare: the last phrase is spoken to its end
    syllables = list(_syllables(n, rng))
    voiced, hiss = _voiced(syllables, length, rng, voice), _hiss(syllables, length, rng)
    band = butter(2, (200, 3500), "band", fs=RATE, output="sos")  # what a handset passes
    speech = level_to(1000 * sosfilt(band, voiced + HISS * hiss)[:n], LEVEL_DBM0)
    return level_to(speech + rng.normal(0.0, rms_for(ROOM_DBM0), n), LEVEL_DBM0)


def _syllables(n, rng):
    """(start, samples of hiss, end, accent 0.4..1) of each syllable, in samples."""
    position = 0
    while position < n:
        last = position + round(rng.uniform(0.9, 2.7) * RATE)
        while position < last:
            onset = round(rng.uniform(0.04, 0.11) * RATE) if rng.random() < 0.6 else 0
            end = position + onset + round(rng.uniform(0.12, 0.24) * RATE)
            yield position, onset, end, rng.uniform(0.4, 1.0)
            position = end
        position += round(rng.uniform(0.3, 0.8) * RATE)


def _voiced(syllables, length, rng, voice):
    """The vowels, at an rms of one over the whole length."""
    gate, pitch, out = np.zeros(length), np.full(length, PITCH_HZ[voice]), np.zeros(length)
    for start, onset, end, accent in syllables:
        gate[start + onset : end] = accent * _swell(end - start - onset)
        pitch[start:end] *= np.linspace(0.9 + 0.25 * accent, 0.85 + 0.1 * accent, end - start)
    source = _pulses(pitch) * gate
    for start, onset, end, _ in syllables:
        sound = slice(start + onset, end + RING)
        out[sound] += sosfilt(_formants(rng, voice), source[sound])
    return out / max(np.sqrt(np.mean(out * out)), 1e-9)


def _hiss(syllables, length, rng):
    """The consonants: noise above 1.8 kHz."""
    gate = np.zeros(length)
    for start, onset, _, _ in syllables:
        gate[start : start + onset] = _swell(onset)
    return gate * sosfilt(butter(2, 1800, "high", fs=RATE, output="sos"), rng.standard_normal(length))


def _swell(n):
    """Rise of a quarter, fall of a half: the envelope of a sound."""
    t = np.arange(n) / max(n, 1)
    return np.sin(np.pi / 2 * np.minimum(1, np.minimum(4 * t, 2 * (1 - t)))) ** 2


def _pulses(pitch):
    """Glottal pulses: one impulse a period of `pitch` (Hz a sample), falling 12 dB an octave."""
    phase = np.floor(np.cumsum(pitch / RATE))
    impulses = np.diff(phase, prepend=0.0)
    return lfilter([1.0, -1.0], np.poly([0.95, 0.95]), impulses)


def _formants(rng, voice):
    """Three resonators in a row, each with a gain of one at 0 Hz, as second-order sections."""
    centre = VOWELS_HZ[rng.integers(len(VOWELS_HZ))] * TRACT[voice] * rng.uniform(0.95, 1.05)
    radius = np.exp(-np.pi * BANDWIDTHS_HZ / RATE)
    a1 = -2 * radius * np.cos(2 * np.pi * centre / RATE)
    a2 = radius**2
    zero = np.zeros(3)
    return np.column_stack([1 + a1 + a2, zero, zero, np.ones(3), a1, a2])


def take_turns(near, far, seconds):
    """Two talkers who never overlap: (near, far), int16 arrays of round(seconds * 8000) samples each.

    Both inputs are cut into phrases at their pauses over 200 ms. The phrases are then played in turn, the far end
    first, with 200 ms of zeros between two; each talker starts over when his phrases are used up. What has no such
    pause (tones, music) is cut at the quietest 20 ms of its fourth second, so that no turn lasts longer than 4 s.
    A silent talker leaves his turns to the other. The last turn is cut off at the end.
    """
    n = round(seconds * RATE)
    turns = {"far": np.zeros(n, np.int16), "near": np.zeros(n, np.int16)}
    phrases = {"far": list(_phrases(far)), "near": list(_phrases(near))}
    position, turn = 0, 0
    while position < n and any(phrases.values()):
        for talker in turns:
            if phrases[talker] and position < n:
                phrase = phrases[talker][turn % len(phrases[talker])][: n - position]
                turns[talker][position : position + phrase.size] = phrase
                position += phrase.size + GUARD
        turn += 1
    return turns["near"], turns["far"]


def _phrases(samples):
    """The stretches of speech between pauses over 200 ms, none longer than 4 s."""
    samples = np.asarray(samples, dtype=np.int16)
    powers = frame_powers(samples)
    active = np.flatnonzero(active_frames(powers))
    for stretch in np.split(active, np.flatnonzero(np.diff(active) > PAUSE_FRAMES + 1) + 1):
        if stretch.size:
            yield from _turns(samples, powers, stretch[0], stretch[-1] + 1)


def _turns(samples, powers, first, last):
    while last - first > LONGEST_TURN:
        cut = first + EARLIEST_CUT + int(np.argmin(powers[first + EARLIEST_CUT : first + LONGEST_TURN]))
        yield samples[first * FRAME : cut * FRAME]
        first = cut
    yield samples[first * FRAME : last * FRAME]
