"""Figures of the table of floors that are taken with the composite source signal, tones and offsets.

CSS of -16 dBm0, ERL 6 dB, 128 taps, NLP off and the eight models unless a name says otherwise. Each study takes
`make` (as for `suite.run`) and `quick`, and returns one float for each of its rows in `floors`.
"""

import numpy as np

from femtohost.audio import RATE
from femtohost.echo_path import NAMES
from femtohost.measure import g168, metrics
from femtohost.measure.procedures import HOTH, Part, Signal
from femtohost.measure.scene import Scene, make_scene, play
from femtohost.measure.suite import following, stage

LEVEL = -16.0
LEVELS = (-10.0, -16.0, -30.0)
NLP_LEVELS = (-2.0, -5.0, -8.0, -11.0, -14.0, -17.0, -20.0, -23.0, -26.0, -30.0)
PERIOD_S = 0.35
CONVERGED_S = 5.25  # 15 periods of CSS
MID_SIGNAL_S = CONVERGED_S + 0.1  # in the noise of a period
SOME = ("d2", "d5", "d7", "d8")
OFFSET = 400  # int16 units
LIMIT_3A, LIMIT_2C = -32.2, -31.4  # LSgen as metered where the margins of the table come from


def css_run(make, path, level=LEVEL, seconds=5.6, taps=128, nlp=False):
    """(Scene, Sout) of CSS over one path from reset."""
    scene = make_scene(g168.css(seconds, level), [(0, path)])
    return scene, play(scene, make(taps=taps, nlp=nlp, comfort_noise=False))


def convergence(make, quick):
    """dB under the mu-law ceiling at each of LEVELS; t20, t30; t20 at 512 taps; LRES from 1 s at each of LEVELS."""
    runs = {level: [css_run(make, g168.hybrid(name, 6), level) for name in NAMES] for level in LEVELS}
    long = [css_run(make, g168.hybrid(name, 6), taps=512) for name in NAMES]
    gaps = [np.median([_gap(*run) for run in runs[level]]) for level in LEVELS]
    times = [np.median([metrics.time_to(s.echo, out, db) for s, out in runs[LEVEL]]) for db in (20, 30)]
    slow = np.median([metrics.time_to(s.echo, out, 20) for s, out in long])
    return *gaps, *times, slow, *(max(_highest(out, 1.0) for _, out in runs[level]) for level in LEVELS)


def _gap(scene, sout):
    """ERLE at 5 s below that of a canceller which knows the echo exactly."""
    return metrics.erle_at(scene.echo, scene.sin - scene.echo, 5.0) - metrics.erle_at(scene.echo, sout, 5.0)


def _highest(samples, start, end=None):
    """Highest reading of the level meter from `start` to `end` s."""
    return g168.meter(samples)[round(start * RATE) : end and round(end * RATE)].max()


def lost(make, rin, path, near, begin, end):
    """dB of ERLE lost between two moments (s): a canceller that learns until `end` against one frozen at `begin`.

    Both are frozen and measured from `end` on, where `near` is silent, so that the signal is the same.
    """
    erle = []
    for stop in (begin, end):
        frozen = [(round(stop * RATE), len(rin))]
        scene = make_scene(rin, [(0, path)], near, frozen)
        sout = play(scene, make(taps=128, nlp=False, comfort_noise=False))
        erle.append(metrics.erle(scene.echo, sout, end))
    return erle[0] - erle[1]


def disturbances(make, quick):
    """ERLE lost, worst path: to a near talker of CSS 0, -6, -15 dB under LRin; tones and pairs; 2 min of silence."""
    paths = [g168.hybrid(name, 6) for name in (SOME if quick else NAMES)]
    learn, after = g168.css(CONVERGED_S, LEVEL), g168.css(4 * PERIOD_S, LEVEL)

    def worst(rins, near=None):
        cases = ((np.concatenate([learn, rin, after]), h) for rin in rins for h in paths)
        return max(_lost_after(make, rin, h, near) for rin, h in cases)

    talk = [_near_css(db) for db in (0, -6, -15)]
    hertz = g168.test6_tones()[:: 2 if quick else 1]
    pairs = [g168.tones(CONVERGED_S, LEVEL, *pair) for pair in hertz]
    silent = worst([np.zeros(120 * RATE)])
    return *(worst([g168.css(CONVERGED_S, LEVEL)], near) for near in talk), worst(pairs), silent


def _near_css(db):
    """Double talk of 5 s that begins 5.25 s into a run."""
    near = np.zeros(round((2 * CONVERGED_S + 4 * PERIOD_S) * RATE))
    begin = round(CONVERGED_S * RATE)
    near[begin : begin + 5 * RATE] = g168.css(5, LEVEL + db, g168.DOUBLE_TALK, 169)
    return near


def _lost_after(make, rin, path, near):
    return lost(make, rin, path, near, CONVERGED_S, len(rin) / RATE - 4 * PERIOD_S)


def path_changes(make, quick):
    """Path changes in mid-signal: s until 20 dB are back, the worst; it opens: dB under LRin 1 s later, the least."""
    rin, begin = g168.css(2 * CONVERGED_S, LEVEL), round(MID_SIGNAL_S * RATE)
    back, down = [], []
    for name in NAMES:
        before = g168.hybrid(name, 6)
        for after in (g168.hybrid(following(name), 6), None):
            scene = make_scene(rin, [(0, before), (begin, after)])
            sout = play(scene, make(taps=128, nlp=False, comfort_noise=False))
            if after is None:
                down.append(LEVEL - _highest(sout, MID_SIGNAL_S + 1, MID_SIGNAL_S + 1 + PERIOD_S))
            else:
                back.append(metrics.time_to(scene.echo[begin:], sout[begin:], 20))
    return max(back), min(down)


TEST_3A = (
    Part(5.0, near=Signal("css", -15)),
    Part(0.5, frozen=True),
    Part(5.25, frozen=True),
)
TEST_2C = (Part(2.0, near=HOTH),)


def margins(make, quick):
    """dB inside the limits of 3A, read as in the suite, and of 2C, read in the period from 1 s on; the worst path."""
    inside = []
    for parts, limit, start, end in ((TEST_3A, LIMIT_3A, 5.5, None), (TEST_2C, LIMIT_2C, 1.0, 1.0 + PERIOD_S)):
        scenes = (stage(parts, name, LEVEL) for name in NAMES)
        residuals = (play(s, make(taps=128, nlp=False, comfort_noise=False)) - s.sgen for s in scenes)
        inside.append(limit - max(_highest(residual, start, end) for residual in residuals))
    return tuple(inside)


def nlp_from_reset(make, quick):
    """2A a: least loss from 50 ms to 1 s and highest LRET from 1 s on; the models, -2..-30 dBm0; then random paths."""
    levels = NLP_LEVELS[::3] if quick else NLP_LEVELS
    models = [(g168.hybrid(name, 6), level) for name in NAMES for level in levels]
    rng = np.random.default_rng(168)
    chance = [(g168.random_path(rng, 6), level) for level in (-12.0, -18.0, -26.0) for _ in range(2 if quick else 6)]
    figures = []
    for cases in (models, chance):
        runs = [(level, css_run(make, h, level, 5.25, nlp=True)[1]) for h, level in cases]
        figures.append(min(level - _highest(out, 0.05, 1.0) for level, out in runs))
        figures.append(max(_highest(out, 1.0) for _, out in runs))
    return tuple(figures)


def nlp_path_change(make, quick):
    """2A b in mid-signal: least loss from 0 s, from 50 ms (both to 1 s) and highest LRET from 1 s on."""
    first, later, lret = [], [], []
    begin = MID_SIGNAL_S
    for name in ("d2", "d4", "d6", "d8"):
        paths = [(0, g168.hybrid(name, 6)), (round(begin * RATE), g168.hybrid(following(name), 6))]
        for level in LEVELS:
            scene = make_scene(g168.css(2 * CONVERGED_S, level), paths)
            sout = play(scene, make(taps=128, nlp=True, comfort_noise=False))
            first.append(level - _highest(sout, begin, begin + 1))
            later.append(level - _highest(sout, begin + 0.05, begin + 1))
            lret.append(_highest(sout, begin + 1))
    return min(first), min(later), max(lret)


def offsets(make, quick):
    """ERLE at 5 s lost to an offset of 400 on Sin, and on Sin and Rin; the worst path."""
    losses = {False: [], True: []}
    for name in NAMES:
        plain, sout = css_run(make, g168.hybrid(name, 6))
        best = metrics.erle_at(plain.echo, sout, 5.0)
        for both, found in losses.items():
            scene = Scene(_offset(plain.rin, both), plain.echo, plain.sgen, _offset(plain.sin, True))
            left = play(scene, make(taps=128, nlp=False, comfort_noise=False))
            found.append(best - metrics.erle_at(scene.echo, left, 5.0))
    return max(losses[False]), max(losses[True])


def _offset(samples, present):
    return np.clip(samples.astype(np.int32) + OFFSET * present, -32768, 32767).astype(np.int16)
