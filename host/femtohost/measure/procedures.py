"""The tests of G.168 as data: who sounds when, over which path, and which limit holds from which moment.

Times and levels that no other source gives follow the tests of SpanDSP (S): 0.2 s of silence first, 5 s to converge,
0.5 s after Sgen has ceased before a frozen canceller is read. Stretches of CSS are whole periods of 350 ms, so that a
path changes where the signal begins anew, as there.
"""

from dataclasses import dataclass
from typing import NamedTuple

from femtohost.measure import g168, limits
from femtohost.measure.limits import Limit


class Signal(NamedTuple):
    """kind: "css" (of double talk at Sgen), "hoth", "white", "ramp" or "tone". dB over LRin, or dBm0 if `absolute`;
    a ramp goes from `level` to `end`."""

    kind: str
    level: float = 0.0
    absolute: bool = False
    hertz: tuple = ()
    end: float = 0.0


class Part(NamedTuple):
    """A stretch of a test. A signal goes on where the part before had the same one, else it starts anew.

    path: 0 the tested path, 1 the next one, None an open line; `erl` is its loss in dB. frozen: adaptation inhibited.
    reference: the highest reading of LRES here is what later limits compare with. limits: from the part's start to its
    end.
    """

    seconds: float
    far: Signal | None = Signal("css")
    near: Signal | None = None
    path: int | None = 0
    erl: float = 6.0
    frozen: bool = False
    reference: bool = False
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True)
class Procedure:
    """A test: its number, what it is about, the canceller's settings and what happens."""

    name: str
    variant: str
    title: str
    parts: tuple[Part, ...]
    nlp: bool = False
    comfort_noise: bool = False

    @property
    def label(self):
        return f"{self.name} {self.variant}".strip()


LEAD = Part(0.2, far=None)
CONVERGE = Part(5.25)
SETTLE = Part(10.5)


def _double_talk(level, seconds=5.0, **more):
    return Part(seconds, near=Signal("css", level), **more)


def _stability(name, variant, level, above_db):
    after = Part(5.0, frozen=True, limits=(limits.figure_11(above_db),))
    parts = (LEAD, CONVERGE, _double_talk(level), _double_talk(level, 1.0, frozen=True), Part(0.5, frozen=True), after)
    return Procedure(name, variant, "Double talk on a converged canceller", parts)


def _open_path(variant, nlp, limit):
    parts = (LEAD, CONVERGE, Part(15.75, path=None, limits=(limit,)))
    return Procedure("5A", variant, "The path opens: infinite return loss", parts, nlp)


def _loss_steps(variant, nlp, limit):
    parts = (LEAD, CONVERGE, Part(15.75, erl=46, limits=(limit,)), Part(15.75, limits=(limit,)))
    return Procedure("5B", variant, "Return loss 6 dB, 46 dB and back", parts, nlp)


HOTH = Signal("hoth", -15)


def _tones():
    return tuple(Part(5.0, far=Signal("tone", hertz=pair)) for pair in g168.test6_tones())


def _noise(level, seconds, far=None, **more):
    return Part(seconds, far=far, near=Signal("white", level, absolute=True), **more)


NOISE_STEP = (limits.comfort_noise(2, 1.0),)
WHITE = Signal("white", -10, absolute=True)

PROCEDURES = (
    Procedure("2A", "a", "Convergence, NLP on", (LEAD, Part(10.5, limits=(limits.CONVERGENCE_NLP,))), nlp=True),
    Procedure(
        "2A", "b", "Reconvergence after a change of path, NLP on",
        (LEAD, SETTLE, Part(10.5, path=1, limits=(limits.CONVERGENCE_NLP,))), nlp=True,
    ),
    Procedure("2B", "a", "Convergence, NLP off", (LEAD, Part(15.75, limits=(limits.CONVERGENCE,)))),
    Procedure(
        "2B", "b", "Reconvergence after a change of path, NLP off",
        (LEAD, SETTLE, Part(15.75, path=1, limits=(limits.CONVERGENCE,))),
    ),
    Procedure(
        "2C", "NLP on", "Convergence in Hoth noise 15 dB under LRin",
        (LEAD, Part(1.0, near=HOTH), Part(0.5, frozen=True), Part(5.0, frozen=True, limits=(limits.UNDER_SGEN_NLP,))),
        nlp=True,
    ),
    Procedure(
        "2C", "NLP off", "Convergence in Hoth noise 15 dB under LRin",
        (LEAD, Part(5.0, near=HOTH, limits=(limits.CONVERGENCE_IN_NOISE,))),
    ),
    Procedure(
        "3A", "", "Double talk from reset, near talker 15 dB under LRin",
        (LEAD, _double_talk(-15), Part(0.5, frozen=True), Part(5.0, frozen=True, limits=(limits.UNDER_SGEN,))),
    ),
    _stability("3B", "a 0 dB", 0, 10),
    _stability("3B", "b -6 dB", -6, 3),
    _stability("3B", "b -15 dB", -15, 3),
    _stability("3B", "b -30 dB", -30, 3),
    Procedure(
        "3C", "", "A conversation",
        (LEAD, _double_talk(-15, 5.6), Part(1.4, limits=(limits.SOUT_UNDER_SGEN,)), Part(5.0),
         _double_talk(0, 5.6, limits=(limits.SOUT_OVER_SGEN,)), Part(5.0), Part(5.0, limits=(limits.FIGURE_9,))),
    ),
    Procedure(
        "4", "", "Leak: two minutes of silence",
        (LEAD, CONVERGE, Part(5.25, reference=True), Part(120.0, far=None),
         Part(5.25, frozen=True, limits=(limits.NOT_WORSE,))),
    ),
    _open_path("NLP on", True, limits.CONVERGENCE_NLP),
    _open_path("NLP off", False, limits.CONVERGENCE),
    _loss_steps("NLP on", True, limits.CONVERGENCE_NLP),
    _loss_steps("NLP off", False, limits.CONVERGENCE),
    Procedure(
        "6", "", "Tones and pairs of tones, 5 s each, on a converged canceller",
        (LEAD, CONVERGE, *_tones(), Part(0.5, far=None, frozen=True),
         Part(5.25, frozen=True, limits=(limits.figure_11(10),))),
    ),
    Procedure(
        "7", "", "A tone for two minutes from reset",
        (LEAD, Part(120.0, far=Signal("tone", hertz=g168.test6_tones()[0]), limits=(limits.TONE,))),
    ),
    Procedure(
        "9A", "", "Comfort noise after steps of the noise",
        (LEAD, CONVERGE, _noise(-45, 30.0), _noise(-45, 2.0, WHITE, limits=NOISE_STEP),
         _noise(-55, 10.0), _noise(-55, 2.0, WHITE, limits=NOISE_STEP)),
        nlp=True, comfort_noise=True,
    ),
    Procedure(
        "9B", "", "Comfort noise while the noise rises from \N{MINUS SIGN}86 to \N{MINUS SIGN}20 dBm0",
        (LEAD, CONVERGE, Part(170.0, near=Signal("ramp", -86, True, end=-20), limits=(limits.comfort_noise(6, 1.0),))),
        nlp=True, comfort_noise=True,
    ),
    Procedure(
        "12", "", "Path A, path B 10 dB weaker, path A, without reset, NLP on",
        (LEAD, SETTLE, Part(10.5, path=1, erl=16, limits=(limits.CONVERGENCE_NLP,)),
         Part(10.5, limits=(limits.CONVERGENCE_NLP,))), nlp=True,
    ),
)  # fmt: skip

NO_SOURCE = {
    "8": "in-band signalling",
    "10": "fax, call establishment",
    "11": "tandem cancellers",
    "13": "low-bit-rate coders in the path",
    "14": "voice-band modems",
    "15": "PCM offset",
    "16": "transparency to DTMF",
}  # no procedure, or none with figures, was at hand
