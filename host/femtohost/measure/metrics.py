"""Figures of an echo canceller: how much it takes away, how soon, and what it does to the near talker.

Signals are arrays in int16 units at 8 kHz. `echo` is what the path made of Rout, `residual` is what is left of it:
Sout less what Sgen put in, so that the near talker is not counted as echo.
"""

import numpy as np

from femtohost.audio import RATE

WINDOW = 128  # samples, 16 ms
HOLD = 0.1  # s of active windows that a figure must last to count as reached
ACTIVE_DB = 20.0  # windows of the echo this much under the loudest are pauses


def window_powers(samples):
    """Mean square of each whole window of 16 ms."""
    x = np.asarray(samples, float)
    x = x[: len(x) // WINDOW * WINDOW].reshape(-1, WINDOW)
    return np.mean(x * x, axis=1)


def erle_windows(echo, residual):
    """(time of each active window's end in s, its ERLE in dB); at most 99 dB."""
    e, r = window_powers(echo), window_powers(residual)
    active = e > e.max() * 10 ** (-ACTIVE_DB / 10)
    figures = 10 * np.log10(e / np.maximum(r, e * 10**-9.9 + 1e-12))
    return (np.flatnonzero(active) + 1) * WINDOW / RATE, figures[active]


def erle(echo, residual, start=0.0, end=None):
    """ERLE in dB over the time from `start` to `end` s: one ratio of energies."""
    part = slice(round(start * RATE), None if end is None else round(end * RATE))
    e, r = (np.sum(np.asarray(x, float)[part] ** 2) for x in (echo, residual))
    return 10 * np.log10(max(e, 1e-9) / max(r, 1e-9))


def erle_at(echo, residual, seconds, span=0.1):
    """ERLE in dB at a moment: mean over the last active windows before it, as many as fill `span` s."""
    times, figures = erle_windows(echo, residual)
    until = np.flatnonzero(times <= seconds + 1e-9)
    count = max(1, round(span * RATE / WINDOW))
    return float(np.mean(figures[until[-count:]]))


def time_to(echo, residual, decibels):
    """Seconds to the end of the first window from which ERLE stays at `decibels` or more for 100 ms; inf if never."""
    times, figures = erle_windows(echo, residual)
    good = figures >= decibels
    held = round(HOLD * RATE / WINDOW)
    for i in np.flatnonzero(good):
        if good[i : i + held].all() and len(good) >= i + held:
            return float(times[i])
    return float("inf")
