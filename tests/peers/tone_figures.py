"""What became of a tone that went through a call: how pure it is, and where it is interrupted.

Samples are int16 units at 8 kHz. Both figures are of the part from the first to the last 10 ms in which the tone
holds most of the energy, so that what was said before and after does not count.
"""

import numpy as np

from femtohost import audio

BLOCK = 80  # samples, 10 ms
FRAME = 800  # samples, 100 ms: a slip by a packet spoils one of them
WINDOW = 20  # samples, 2.5 ms
AUDIBLE = 0.01  # of the tone's power: -20 dB


def tone(hz, seconds, peak=8000):
    """A sine as int16 samples."""
    time = np.arange(round(seconds * audio.RATE)) / audio.RATE
    return audio.to_int16(peak * np.sin(2 * np.pi * hz * time))


def tone_part(samples, hz):
    """The part with the tone, less a block at either end, which it may share with something else."""
    blocks = _frames(samples, BLOCK)
    sine, everything = _energies(blocks, hz)
    there = np.flatnonzero((sine > 0.5 * everything) & (sine > AUDIBLE * sine.max(initial=1)))
    assert len(there) > 2, f"no tone of {hz} Hz"
    return blocks[there[0] + 1 : there[-1]].ravel()


def longest_gap_ms(samples, hz):
    """The longest silence in the tone, ms."""
    powers = np.mean(_frames(tone_part(samples, hz), WINDOW) ** 2, axis=1)
    longest = length = 0
    for silent in powers < AUDIBLE * np.median(powers):
        length = length + 1 if silent else 0
        longest = max(longest, length)
    return longest * WINDOW * 1000 / audio.RATE


def purity(samples, hz):
    """Share of the energy that a sine of `hz` explains, its phase free in each 100 ms."""
    sine, everything = _energies(_frames(tone_part(samples, hz), FRAME), hz)
    return float(sine.sum() / everything.sum())


def check_tone(samples, hz, seconds):
    """At least `seconds` of the tone, as G.711 and no lost packet leave it."""
    assert len(tone_part(samples, hz)) > seconds * audio.RATE
    assert purity(samples, hz) > 0.99
    assert longest_gap_ms(samples, hz) <= 20


def _frames(samples, size):
    x = np.asarray(samples, float)
    return x[: len(x) // size * size].reshape(-1, size)


def _energies(frames, hz):
    """(energy of the sine of `hz`, energy) of each frame."""
    phase = 2 * np.pi * hz * np.arange(frames.shape[1]) / audio.RATE
    basis, _ = np.linalg.qr(np.stack([np.cos(phase), np.sin(phase)], axis=1))
    return np.sum((frames @ basis) ** 2, axis=1), np.sum(frames**2, axis=1)
