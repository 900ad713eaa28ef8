"""The table of what the canceller must reach: a floor that a change must not fall under, and the goal beyond it."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

from femtohost.canceller import EchoCanceller
from femtohost.measure import floors_css as css
from femtohost.measure import floors_speech as speech
from femtohost.measure.suite import in_processes


class Row(NamedTuple):
    """A line of the table. `more`: a larger figure is better. floor None: nothing to fall under. cost: of the machine,
    never failed."""

    name: str
    unit: str
    floor: float | None
    goal: float | None
    more: bool = False
    cost: bool = False


@dataclass(frozen=True)
class Study:
    """`measure(make, quick)` gives one figure for each row; `how` says what is done."""

    how: str
    measure: Callable
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Figure:
    """A row with its figure, None where this machine has none; met: None where there is nothing to meet."""

    row: Row
    how: str
    figure: float | None

    @property
    def met_floor(self):
        return self._met(self.row.floor)

    @property
    def met_goal(self):
        return self._met(self.row.goal)

    @property
    def failed(self):
        """Whether the floor is missed by a figure that is not a cost."""
        return self.met_floor is False and not self.row.cost

    def _met(self, limit):
        if limit is None or self.figure is None:
            return None
        return bool(self.figure >= limit if self.row.more else self.figure <= limit)


def cost(make, quick):
    """ns a sample at 128 and 1024 taps with AVX2 and SSE2; us of the binding for a block of 80. Of EchoCanceller."""
    from femtohost.measure import cost as clock

    figures = clock.cost((), (128, 1024), 3 if quick else 7)
    kernels = (figures.get(f"femtojack, {kernel}", {}) for kernel in ("avx2", "sse2"))
    return *(taps.get(n) for taps in kernels for n in (128, 1024)), clock.call_overhead_us(figures)


STUDIES = (
    Study("CSS from reset, eight models, medians; at the ceiling only the noise of mu-law is left", css.convergence, (
        Row("ERLE under the ceiling at 5 s, -10 dBm0", "dB", 1, 0.5),
        Row("ERLE under the ceiling at 5 s, -16 dBm0", "dB", 1, 0.5),
        Row("ERLE under the ceiling at 5 s, -30 dBm0", "dB", 1, 0.5),
        Row("t20", "s", 0.16, 0.13),
        Row("t30", "s", 0.38, 0.34),
        Row("t20 at 512 taps", "s", 0.6, 0.43),
        Row("LRES from 1 s, -10 dBm0, worst", "dBm0", -51.5, -52),
        Row("LRES from 1 s, -16 dBm0, worst", "dBm0", -56.5, -57.5),
        Row("LRES from 1 s, -30 dBm0, worst", "dBm0", -69, -69.5),
    )),
    Study("converged, disturbed for 5 s (silence 2 min), then frozen, against one frozen before", css.disturbances, (
        Row("lost to a near talker of CSS, 0 dB", "dB", 1, 0.5),
        Row("lost to a near talker of CSS, -6 dB", "dB", 1, 0.5),
        Row("lost to a near talker of CSS, -15 dB", "dB", 1, 0.5),
        Row("lost to tones and pairs", "dB", 1, 0.5),
        Row("lost to 2 min of silence", "dB", 1, 0.5),
    )),
    Study("speech both ways, 4 s to learn, 5 s of near talk at 0, -6, -15 dB, measured frozen", speech.near_talk, (
        Row("lost to near speech, median", "dB", 1, 0.5),
        Row("lost to near speech, worst", "dB", 5, 3),
    )),
    Study("speech both ways from reset, ERLE at 6 to 10 s, medians", speech.double_talk_from_reset, (
        Row("ERLE in double talk from reset, 0 dB", "dB", 8, 12, True),
        Row("ERLE in double talk from reset, -6 dB", "dB", 8, 12, True),
    )),
    Study("CSS, the path changes or opens in mid-signal", css.path_changes, (
        Row("20 dB back after a change of path, worst", "s", 0.4, 0.2),
        Row("LRin over LRES 1 s after the path opens", "dB", 60, 60, True),
    )),
    Study("tests 3A and 2C at -16 dBm0, limits -32.2 and -31.4 dBm0", css.margins, (
        Row("inside the limit of 3A, worst", "dB", 11, 12, True),
        Row("inside the limit of 2C, worst", "dB", 9, 10, True),
    )),
    Study("NLP on, CSS from reset at -2 to -30 dBm0", css.nlp_from_reset, (
        Row("2A a: least loss from 50 ms", "dB", 20, 20, True),
        Row("2A a: highest LRET from 1 s", "dBm0", -65, -65),
        Row("2A a, random paths: least loss from 50 ms", "dB", None, 20, True),
        Row("2A a, random paths: highest LRET from 1 s", "dBm0", None, -65),
    )),
    Study("NLP on, the path changes in mid-signal, four pairs, -10, -16, -30 dBm0", css.nlp_path_change, (
        Row("2A b: least loss from the change on", "dB", 6, 6, True),
        Row("2A b: least loss from 50 ms", "dB", None, 20, True),
        Row("2A b: highest LRET from 1 s", "dBm0", -65, -65),
    )),
    Study("NLP on, speech both ways after 4 s of learning", speech.near_under_nlp, (
        Row("near talker under NLP, 0/-6 dB: level change", "dB", 1, 0.1),
        Row("near talker under NLP, 0/-6 dB: onsets cut", "", 0, 0),
        Row("near talker under NLP, -15 dB: frames cut", "%", 7, 2),
    )),
    Study("CSS with an offset of 400, ERLE at 5 s, worst path", css.offsets, (
        Row("lost to an offset on the return", "dB", 1, 0.3),
        Row("lost to an offset on both inputs", "dB", 6, 1),
    )),
    Study("processor time on this machine", cost, (
        Row("AVX2, 128 taps", "ns", 34, 26, cost=True),
        Row("AVX2, 1024 taps", "ns", 105, 80, cost=True),
        Row("SSE2, 128 taps", "ns", 41, 34, cost=True),
        Row("SSE2, 1024 taps", "ns", 145, 120, cost=True),
        Row("process() of 80 over the native call", "us", 3, 1.5, cost=True),
    )),
)  # fmt: skip


def measure(quick=False, workers=1, progress=lambda done, of: None, make=EchoCanceller):
    """Every row as a Figure, in the table's order; cost is measured last, with the machine to itself.

    quick: disturbances over fewer paths, fewer tones and levels, cost in fewer turns. workers, progress, make: as for
    suite.run.
    """
    figures, studies = [], STUDIES[:-1]
    one = functools.partial(_study, quick=quick, make=make)
    for done, found in enumerate(in_processes(one, range(len(studies)), workers), 1):
        figures += found
        progress(done, len(STUDIES))
    figures += one(len(studies))
    progress(len(STUDIES), len(STUDIES))
    return figures


def _study(number, quick, make):
    study = STUDIES[number]
    found = study.measure(make, quick)
    return [
        Figure(row, study.how, None if value is None else round(float(value), 3))
        for row, value in zip(study.rows, found, strict=True)
    ]


def summary(figures):
    """The table as one dict for JSON; a figure that was never reached is null."""
    return {
        "speech": speech.material(),
        "failed": sum(item.failed for item in figures),
        "rows": [_row_dict(item) for item in figures],
    }


def _row_dict(item):
    reached = item.figure is not None and isfinite(item.figure)
    return {
        **item.row._asdict(),
        "how": item.how,
        "figure": item.figure if reached else None,
        "met_floor": item.met_floor,
        "met_goal": item.met_goal,
    }
