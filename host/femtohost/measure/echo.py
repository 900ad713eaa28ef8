"""What is left of the echo: meters for a run in which the echo is known apart from the near talker."""

from dataclasses import dataclass

import numpy as np

from femtohost.levels import dbm0_of_rms

RATE = 8000
WINDOW = 128  # 16 ms
ACTIVE_DB = 30  # a window counts as far speech when its echo is within this of the loudest
SETTLED = 5  # windows whose median must have reached a figure: one lucky window is none
FLOOR = 1.0 / 12  # power of the rounding to int16, the least residual there is


@dataclass(frozen=True)
class EchoFigures:
    """`erle_db` and `residual_dbm0`: median over the last 2 s of far speech; `t20_s`, `t30_s`: seconds of far
    speech until ERLE is 20 and 30 dB, None if never; `times`, `erle`: the curve, nan where the far end is silent."""

    erle_db: float | None
    residual_dbm0: float | None
    t20_s: float | None
    t30_s: float | None
    times: np.ndarray
    erle: np.ndarray


def windows(x):
    """Mean power of each whole window of 16 ms."""
    whole = len(x) // WINDOW * WINDOW
    return np.mean(np.square(x[:whole], dtype=np.float64).reshape(-1, WINDOW), axis=1)


def echo_figures(echo, near, sout):
    """Figures from the echo component of Sin, the near talker's, and Sout: arrays of one length, 8 kHz."""
    loud = windows(echo)
    left = windows(sout - near)
    times = (np.arange(len(loud)) + 0.5) * WINDOW / RATE
    active = loud > max(loud.max(initial=0) * 10 ** (-ACTIVE_DB / 10), FLOOR)
    erle = np.full(len(loud), np.nan)
    erle[active] = 10 * np.log10(loud[active] / np.maximum(left[active], FLOOR))
    if not active.any():
        return EchoFigures(None, None, None, None, times, erle)
    last = np.flatnonzero(active)[-int(2 * RATE / WINDOW) :]
    residual = dbm0_of_rms(np.sqrt(np.median(left[last])))
    curve = erle[active]
    median = float(np.median(erle[last]))
    return EchoFigures(median, float(residual), _reached(curve, 20), _reached(curve, 30), times, erle)


def _reached(curve, db):
    """Seconds of far speech until the running median of the curve is `db`."""
    if len(curve) < SETTLED:
        return None
    medians = np.median(np.lib.stride_tricks.sliding_window_view(curve, SETTLED), axis=1)
    there = np.flatnonzero(medians >= db)
    return float(there[0] * WINDOW / RATE) if len(there) else None
