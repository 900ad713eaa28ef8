"""Running the tests of G.168: one place plays any procedure, holds it against its limits and collects the verdicts."""

import functools
import re
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import groupby, pairwise
from multiprocessing import get_context

import numpy as np
from scipy.ndimage import uniform_filter1d

from femtohost import echo_path
from femtohost.audio import RATE
from femtohost.canceller import EchoCanceller
from femtohost.errors import UserError
from femtohost.measure import g168
from femtohost.measure.limits import METER_S, QUIET_DBM0, Check, Levels, check
from femtohost.measure.procedures import NO_SOURCE, PROCEDURES
from femtohost.measure.scene import make_scene, play

LEVELS = (-30.0, -16.0, -10.0, 0.0)  # LRin of G.168: -30..0
QUICK_LEVELS = (-16.0,)
TAPS = 128
SEED = 168

PASSED, FAILED, MEASURED = "passed", "failed", "measured"


@dataclass(frozen=True)
class Case:
    """A procedure (its label), on one path and at one level of Rin, with a canceller of `taps`."""

    test: str
    path: str
    level: float
    taps: int = TAPS


@dataclass(frozen=True, eq=False)
class Result:
    """What a case gave: a Check for each of its limits."""

    case: Case
    checks: tuple[Check, ...]

    @property
    def worst(self):
        """The check with the least margin; one without a limit only when there is no other."""
        return min(self.checks, key=lambda found: np.inf if found.margin_db is None else found.margin_db)

    @property
    def verdict(self):
        margin = self.worst.margin_db
        return MEASURED if margin is None else FAILED if margin < 0 else PASSED


def choose(tests=(), paths=(), levels=(), taps=TAPS, quick=False):
    """The cases of a run, in a fixed order. UserError when a test, path, level or `taps` is not known."""
    chosen = [p.label for p in PROCEDURES if not tests or any(_named(p.name, p.label, name) for name in tests)]
    for name in tests:
        _known_test(name)
    for level in levels:
        if not -30 <= level <= 0:
            raise UserError(f"level {level:g} dBm0: must be -30 to 0")
    if not 16 <= taps <= 1024 or taps % 16:
        raise UserError(f"{taps} taps: must be 16 to 1024, a multiple of 16")
    for path in paths:
        echo_path.load_path(path)
    levels = levels or (QUICK_LEVELS if quick else LEVELS)
    return [
        Case(test, path, float(level), taps) for test in chosen for path in paths or echo_path.NAMES for level in levels
    ]


def without_source(tests=()):
    """{number: subject} of the tests that cannot be run, of all or of the named ones."""
    return {number: text for number, text in NO_SOURCE.items() if not tests or any(_plain(t) == number for t in tests)}


def run(cases, workers=1, progress=lambda done, of: None, make=EchoCanceller):
    """Results of the cases, in their order, which the number of worker processes does not change.

    make(taps=, nlp=, comfort_noise=) gives a canceller with `process` and `freeze`; progress is told (done, of).
    """
    results = []
    for result in in_processes(functools.partial(run_case, make=make), cases, workers):
        results.append(result)
        progress(len(results), len(cases))
    return results


def in_processes(function, items, workers):
    """Yields function(item) for each item, in order, from `workers` processes; from this one when there is one."""
    if workers <= 1:
        yield from map(function, items)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(function, items)


def run_case(case, make=EchoCanceller):
    """Play one case and hold it against its limits."""
    procedure = next(p for p in PROCEDURES if p.label == case.test)
    scene = stage(procedure.parts, case.path, case.level)
    sout = play(scene, make(taps=case.taps, nlp=procedure.nlp, comfort_noise=procedure.comfort_noise))
    return Result(case, tuple(_checks(procedure.parts, scene, sout)))


def stage(parts, path, level):
    """The Scene of a list of parts, for a path and a level of Rin in dBm0."""
    starts = _starts(parts)
    return make_scene(
        _signal(parts, "far", level, g168.SINGLE_TALK),
        [(start, _response(part, path)) for start, part in zip(starts, parts, strict=False)],
        _signal(parts, "near", level, g168.DOUBLE_TALK),
        [(start, end) for (start, end), part in zip(pairwise(starts), parts, strict=True) if part.frozen],
    )


def _starts(parts):
    """First sample of each part, and the end."""
    return [0, *(int(n) for n in np.cumsum([round(part.seconds * RATE) for part in parts]))]


def _response(part, path):
    if part.path is None:
        return None
    return g168.hybrid(following(path) if part.path else path, part.erl)


def following(path):
    """The path that an abrupt change leads to: the next of the models, the first after the last or after a file."""
    names = echo_path.NAMES
    return names[(names.index(path) + 1) % len(names)] if path in names else names[0]


def _signal(parts, end, level, kind):
    """Far or near end over all parts; equal neighbours are one signal."""
    rng = np.random.default_rng([SEED, end == "near"])
    return np.concatenate(
        [_sound(signal, sum(part.seconds for part in group), level, kind, rng)
         for signal, group in groupby(parts, key=lambda part: getattr(part, end))]
    )  # fmt: skip


def _sound(signal, seconds, rin, kind, rng):
    if signal is None:
        return np.zeros(round(seconds * RATE))
    level = signal.level + (0 if signal.absolute else rin)
    if signal.kind == "css":
        return g168.css(seconds, level, kind, SEED if kind is g168.SINGLE_TALK else SEED + 1)
    if signal.kind == "tone":
        return g168.tones(seconds, level, *signal.hertz)
    if signal.kind == "hoth":
        return g168.hoth(seconds, level, rng)
    noise = rng.normal(size=round(seconds * RATE)) * g168.rms_for(level)
    rise = signal.end - level if signal.kind == "ramp" else 0.0
    return noise * 10 ** (rise * np.linspace(0, 1, len(noise)) / 20)


def _checks(parts, scene, sout):
    """A Check for each limit of each part."""
    meters = {
        "rin": g168.meter(scene.rin),
        "sgen": g168.meter(scene.sgen),
        "Sout": g168.meter(sout),
        "residual": g168.meter(sout - scene.sgen),
        "heard": g168.meter(g168.companded(scene.sgen)),
    }
    near, before = -np.inf, -np.inf
    for part, (start, end) in zip(parts, pairwise(_starts(parts)), strict=True):
        here = slice(start, end)
        if part.near:
            near = meters["sgen"][here].max()
        if part.reference:
            before = meters["residual"][here].max()
        context = Levels(float(meters["rin"][here].max()), float(near), float(before))
        for limit in part.limits:
            yield check(limit, _reading(limit, meters, here), context)


def _reading(limit, meters, here):
    if limit.reading != "noise":
        return meters[limit.reading][here]
    sout, heard = (np.maximum(_averaged(meters[name][here], limit.span_s), QUIET_DBM0) for name in ("Sout", "heard"))
    return sout - heard


def _averaged(levels, seconds):
    """Readings with their power averaged over the `seconds` before."""
    if seconds <= METER_S:
        return levels
    span = round(seconds * RATE)
    return 10 * np.log10(np.maximum(uniform_filter1d(10 ** (levels / 10), span, origin=(span - 1) // 2), 1e-20))


def _plain(name):
    return re.sub(r"[^0-9a-z]", "", name.lower()).removeprefix("test")


def _named(number, label, asked):
    """Whether `asked` means this test: "3", "3b", "3B b" or all of it."""
    names = (re.sub(r"\D", "", number), number, label[: len(number) + 2], label)
    return _plain(asked) in map(_plain, names)


def _known_test(name):
    known = any(_named(p.name, p.label, name) for p in PROCEDURES) or _plain(name) in NO_SOURCE
    if not known:
        names = ", ".join(dict.fromkeys(p.name for p in PROCEDURES))
        raise UserError(f"test {name!r}: not known; give one of {names}")


def summary(results, tests=()):
    """A run as one dict for JSON: what was asked, how many cases passed, failed or were only measured, all checks."""
    verdicts = [result.verdict for result in results]
    return {
        "taps": results[0].case.taps if results else TAPS,
        PASSED: verdicts.count(PASSED),
        FAILED: verdicts.count(FAILED),
        MEASURED: verdicts.count(MEASURED),
        "no_source": without_source(tests),
        "cases": [_case_dict(result) for result in results],
    }


def _case_dict(result):
    case = result.case
    return {
        "test": case.test,
        "path": case.path,
        "level_dbm0": case.level,
        "verdict": result.verdict,
        "margin_db": _rounded(result.worst.margin_db),
        "checks": [
            {"limit": c.name, "source": c.source, "note": c.note, "margin_db": _rounded(c.margin_db),
             "reading": _rounded(c.worst), "at_s": round(c.at_s, 3)}
            for c in result.checks
        ],
    }  # fmt: skip


def _rounded(value):
    return None if value is None else round(value, 2)
