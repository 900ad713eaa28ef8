"""Limits of G.168 as masks: which level may be read at Sout, and when.

The Recommendation was not at hand; every limit names its source. S: the tests of SpanDSP; M: a public compliance
matrix written from the 04/2015 edition; I: summaries of the ITU. Where two conflict, the stricter one holds.
Levels are dBm0 of the level meter (6.4.1.2.1). LRin and LSgen are its highest reading, as is what they are compared
with (S): on the composite source signal that is 0.6 dB under the nominal level, so limits are stricter by as much.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from femtohost.audio import RATE

METER_S = 0.035
GRAIN_S = 0.005  # of the readings that are kept
QUIET_DBM0 = -65.0  # under this mu-law has no noise left to imitate: a level below counts as this


class Step(NamedTuple):
    """A stretch of a mask: seconds from the limit's origin, and the levels allowed there (None: no bound)."""

    start: float
    end: float
    high: float | None
    low: float | None = None


class Levels(NamedTuple):
    """What a mask depends on, dBm0: highest readings at Rin and Sgen, and at Sout in the part of reference."""

    rin: float
    sgen: float
    before: float


@dataclass(frozen=True)
class Limit:
    """A mask over a reading; `mask(Levels) -> [Step]`, None when no source gives a figure.

    reading: "Sout"; "residual" = Sout less what Sgen put in; "noise" = Sout over Sgen in dB.
    span_s: the meter's time, or a longer time over which its power is averaged.
    """

    name: str
    source: str
    mask: Callable | None
    reading: str = "residual"
    span_s: float = METER_S
    note: str = ""


def lret_dbm0(rin):
    """Highest returned echo with NLP (2A): the lower of S, M -65 up to -10, 1:1 to -55 at 0, and M -70..-55."""
    rin = float(np.clip(rin, -30, 0))
    return min(-65 + max(rin + 10, 0), -70 + (rin + 30) * 15 / 30)


def lres_dbm0(rin):
    """Highest residual echo without NLP (Fig. 11): from -55 at -30, the lower of M -30 at 0 and M -35 at 0."""
    rin = float(np.clip(rin, -30, 0))
    return -55 + (rin + 30) * 20 / 30


def _nlp_convergence(levels):
    return [
        Step(0, 0.05, levels.rin - 6),
        Step(0.05, 1, levels.rin - 20),
        Step(1, np.inf, lret_dbm0(levels.rin)),
    ]


def _convergence(levels):
    """No source says what holds between 50 ms and 1 s."""
    return [
        Step(0, 0.05, levels.rin - 6),
        Step(1, 10, levels.rin - 20),
        Step(10, np.inf, lres_dbm0(levels.rin)),
    ]


def _noisy_convergence(levels):
    loss = max(levels.rin - levels.sgen - 6, 17)
    return [Step(0, 1, levels.rin - 5), Step(1, np.inf, levels.rin - loss)]


STRICTER = "the stricter of two sources"

CONVERGENCE_NLP = Limit("LRET", "M, S", _nlp_convergence, "Sout", note=STRICTER)
CONVERGENCE = Limit("LRES", "M", _convergence, note=STRICTER)
CONVERGENCE_IN_NOISE = Limit("LRES", "M", _noisy_convergence)
UNDER_SGEN_NLP = Limit("LRET", "M, S", lambda levels: [Step(0, np.inf, levels.sgen)], "Sout")
UNDER_SGEN = Limit("LRES", "M, S", lambda levels: [Step(0, np.inf, levels.sgen)])
SOUT_UNDER_SGEN = Limit("Sout", "M", lambda levels: [Step(0, np.inf, levels.sgen)], "Sout")
SOUT_OVER_SGEN = Limit("Sout", "M", lambda levels: [Step(0, np.inf, levels.sgen + 6)], "Sout")
NOT_WORSE = Limit("LRES", "M, S", lambda levels: [Step(0, np.inf, levels.before + 10)])
TONE = Limit("LRES", "M", lambda levels: [Step(10, np.inf, 0.83 * levels.rin - 30)])
FIGURE_9 = Limit("LRES", "", None, note="Fig. 9 was not at hand")


def figure_11(above_db):
    """Fig. 11 and `above_db` more."""
    return Limit(
        "LRES", "M, S" if above_db == 10 else "M",
        lambda levels: [Step(0, np.inf, lres_dbm0(levels.rin) + above_db)], note=STRICTER,
    )  # fmt: skip


def comfort_noise(within_db, from_s):
    """Noise at Sout as loud as at Sgen, averaged over 1 s, `from_s` seconds after the origin."""
    steps = [Step(from_s, np.inf, within_db, -within_db)]
    return Limit("noise", "M, I", lambda levels: steps, "noise", 1.0, f"levels under {QUIET_DBM0:g} dBm0 count as that")


@dataclass(frozen=True, eq=False)
class Check:
    """A limit, by its name, source, note and reading, held against a run.

    `margin_db`: how far inside the mask the worst reading is, negative outside, None without a mask. `worst`: that
    reading, without a mask the highest one, and `at_s` its time from the limit's origin. `levels`: the highest
    reading of each 5 ms from there, float32. `steps`: the mask, ended where the readings end.
    """

    name: str
    source: str
    note: str
    reading: str
    steps: tuple
    levels: np.ndarray
    margin_db: float | None
    worst: float
    at_s: float


def check(limit, levels, context):
    """Hold readings (dBm0, one a sample from the limit's origin) against the limit's mask at these Levels."""
    length = len(levels) / RATE
    mask = limit.mask(context) if limit.mask else ()
    steps = tuple(step._replace(end=min(step.end, length)) for step in mask if step.start < length)
    margin, at = min((_least(step, levels) for step in steps), default=(None, int(np.argmax(levels))))
    told = (limit.name, limit.source, limit.note, limit.reading)
    return Check(*told, steps, _coarse(levels), margin, float(levels[at]), at / RATE)


def _coarse(levels):
    grain = round(GRAIN_S * RATE)
    return np.maximum.reduceat(levels, np.arange(0, len(levels), grain)).astype(np.float32)


def _least(step, levels):
    """(least margin in dB, sample) of a step."""
    first = round(step.start * RATE)
    part = levels[first : max(round(step.end * RATE), first + 1)]
    margins = np.full(len(part), np.inf)
    if step.high is not None:
        margins = np.minimum(margins, step.high - part)
    if step.low is not None:
        margins = np.minimum(margins, part - step.low)
    at = int(np.argmin(margins))
    return float(margins[at]), first + at
