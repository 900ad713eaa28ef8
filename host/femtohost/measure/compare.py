"""Quality of echo cancellers on the same signals: convergence, what they lose to disturbances, a change of the path.

128 taps; CSS of -16 dBm0 over the paths of G.168 Annex D at an ERL of 6 dB; mu-law on Rin and on Sin. Everything
begins and ends with a period of CSS, so that figures are taken in the same part of it.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from femtohost.audio import RATE
from femtohost.echo_path import NAMES
from femtohost.measure import g168, metrics

TAPS = 128
LEVEL_DBM0 = -16.0
ERL_DB = 6.0
PERIOD_S = 0.35  # of CSS in single talk
GRAIN = 320  # samples: every signal is a multiple of every canceller's frame

LEARN_S, DISTURBED_S, AFTER_S = 20 * PERIOD_S, 15 * PERIOD_S, 4 * PERIOD_S
CONVERGE_S = 5.6
NEAR_S = 5.2  # 13 periods of double-talk CSS: the near talker ends with a pause
JUST_AFTER_S = 0.05

MOMENTS_S = {"erle_50ms": 0.05, "erle_250ms": 0.25, "erle_500ms": 0.5, "erle_1s": 1.0, "erle_5s": 5.0}
TALK_DB = {"lost_talk_0": 0.0, "lost_talk_6": -6.0, "lost_talk_15": -15.0}  # near talker over LRin
TONES_HZ = {"lost_tones": (941, 1633), "lost_tone": (697,)}
DISTURBANCES = (*TALK_DB, *TONES_HZ)
CHANGES = (("d2", "d5"), ("d3", "d6"), ("d4", "d7"), ("d5", "d8"))
SOME = ("d2", "d5", "d7", "d8")  # paths of the disturbances
FEW = ("d2", "d5", "d8")  # of the quick form
FIGURES = (*MOMENTS_S, "t20_s", "t30_s", "lres_dbm0", *DISTURBANCES, "path_change_s")


@dataclass(frozen=True, eq=False)
class Scene:
    """Signals of one run: what a canceller is given, and the echo that is in Sin. int16, int16, float64."""

    rin: np.ndarray
    sin: np.ndarray
    echo: np.ndarray


def _scene(rin, paths, near):
    """Rout meets `paths` one after the other: (impulse response, from which second on)."""
    rin = g168.companded(rin)
    rin = rin[: len(rin) // GRAIN * GRAIN]
    echo = np.zeros(len(rin))
    for h, start in paths:
        begin = round(start * RATE)
        echo[begin:] = g168.echo(h, rin)[begin:]
    return Scene(rin, g168.companded(echo + near[: len(rin)]), echo)


@cache
def convergence(path):
    """CSS from reset."""
    rin = g168.css(CONVERGE_S, LEVEL_DBM0)
    return _scene(rin, [(g168.hybrid(path, ERL_DB), 0)], np.zeros(len(rin)))


@cache
def disturbed(path, kind):
    """CSS to learn from; a near talker, or tones as Rin; CSS again."""
    rin = g168.css(LEARN_S + DISTURBED_S + AFTER_S, LEVEL_DBM0)
    near = np.zeros(len(rin))
    begin = round(LEARN_S * RATE)
    if kind in TALK_DB:
        talk = g168.css(NEAR_S, LEVEL_DBM0 + TALK_DB[kind], g168.DOUBLE_TALK)
        near[begin : begin + len(talk)] = talk
    else:
        tones = g168.tones(DISTURBED_S, LEVEL_DBM0, *TONES_HZ[kind])
        rin[begin : begin + len(tones)] = tones
    return _scene(rin, [(g168.hybrid(path, ERL_DB), 0)], near)


@cache
def changed(before, after):
    """CSS; the path changes at a period's beginning."""
    rin = g168.css(LEARN_S + 2 * AFTER_S, LEVEL_DBM0)
    return _scene(rin, [(g168.hybrid(before, ERL_DB), 0), (g168.hybrid(after, ERL_DB), LEARN_S)], np.zeros(len(rin)))


def quality(peer, quick=False, progress=lambda: None):
    """The FIGURES of one canceller as a dict: dB, dBm0 or s by the name's ending, None for never.

    ERLE, t20 and t30: median of the paths; lres_dbm0 (the highest level of Sout from 1 s on), what is lost of ERLE
    just after a disturbance, and 20 dB again after a change of the path: the worst. Missing, if it is not installed.
    """

    def sout(scene):
        left = peer.start(TAPS).process(scene.rin, scene.sin)
        progress()
        return left

    paths, some, changes = plan(quick)
    met = [(scene, sout(scene)) for scene in map(convergence, paths)]
    figures = _converged(met)
    for kind in DISTURBANCES:
        figures[kind] = max(_lost(scene.echo, sout(scene)) for scene in (disturbed(path, kind) for path in some))
    figures["path_change_s"] = max(_back(scene.echo, sout(scene)) for scene in (changed(*pair) for pair in changes))
    return {key: _shown(value) for key, value in figures.items()}


def ceiling(quick=False):
    """What a canceller that knows the echo exactly would reach: only the noise of mu-law is left."""
    met = [(scene, np.asarray(scene.sin - scene.echo)) for scene in map(convergence, plan(quick)[0])]
    figures = _converged(met)
    return {key: _shown(figures.get(key)) for key in FIGURES}


def plan(quick):
    """(paths of convergence, paths of disturbances, changes of path)."""
    return (FEW, FEW[:2], CHANGES[:2]) if quick else (NAMES, SOME, CHANGES)


def runs(quick):
    """How often `quality` reports progress."""
    paths, some, changes = plan(quick)
    return len(paths) + len(some) * len(DISTURBANCES) + len(changes)


def _converged(met):
    """Figures of convergence from (scene, Sout) of every path."""
    figures = {
        key: np.median([metrics.erle_at(scene.echo, left, moment) for scene, left in met])
        for key, moment in MOMENTS_S.items()
    }
    for key, decibels in (("t20_s", 20), ("t30_s", 30)):
        figures[key] = np.median([metrics.time_to(scene.echo, left, decibels) for scene, left in met])
    figures["lres_dbm0"] = max(g168.meter(left)[RATE:].max() for _, left in met)
    return figures


def _lost(echo, left):
    """dB of ERLE between the last half second of learning and the first moment after the disturbance."""
    end = LEARN_S + DISTURBED_S
    before = metrics.erle_at(echo[: round(LEARN_S * RATE)], left[: round(LEARN_S * RATE)], LEARN_S, 0.5)
    begin = -(-round(end * RATE) // metrics.WINDOW) * metrics.WINDOW
    return before - metrics.erle_at(echo[begin:], left[begin:], JUST_AFTER_S, JUST_AFTER_S)


def _back(echo, left):
    """Seconds from the change of the path to 20 dB."""
    begin = round(LEARN_S * RATE)
    return metrics.time_to(echo[begin:], left[begin:], 20)


def _shown(value):
    return None if value is None or not np.isfinite(value) else round(float(value), 3) + 0.0  # no -0.0
