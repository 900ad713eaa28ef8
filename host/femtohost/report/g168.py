"""The G.168 suite for a person: tables for a terminal, and one page that draws every mask with what was measured."""

from itertools import groupby
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rich.console import Group
from rich.table import Table
from rich.text import Text

from femtohost.measure.floors_speech import material
from femtohost.measure.limits import GRAIN_S
from femtohost.measure.procedures import PROCEDURES
from femtohost.measure.suite import FAILED, MEASURED, PASSED
from femtohost.report.table import NONE

STYLES = {PASSED: "green", FAILED: "bold red", MEASURED: "dim"}

# A panel, in units of its drawing
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 200, 116, 24, 4, 16
POINTS = 150
LEVELS_DBM0, DIFFERENCES_DB = (-80.0, 0.0), (-10.0, 10.0)
LOG_FROM_S = 0.01
TICKS_S = {0.05: "50 ms", 1.0: "1 s", 10.0: "10 s"}


def by_test(results):
    """[(procedure, {path: the result with the least margin})] in the order of the tests."""
    found = []
    for label, group in groupby(results, key=lambda result: result.case.test):
        paths = {}
        for result in group:
            kept = paths.get(result.case.path)
            if kept is None or _margin(result) < _margin(kept):
                paths[result.case.path] = result
        found.append((next(p for p in PROCEDURES if p.label == label), paths))
    return found


def _margin(result):
    """What results are compared by: the least margin, else how far the highest reading is under 0 dBm0."""
    worst = result.worst
    return -worst.worst if worst.margin_db is None else worst.margin_db


def verdict(paths):
    """A test's verdict over its paths."""
    verdicts = {result.verdict for result in paths.values()}
    return FAILED if FAILED in verdicts else PASSED if PASSED in verdicts else MEASURED


def shown(result):
    """Margin in dB with its sign; of what has no limit the highest reading in brackets."""
    check = result.worst
    figure = f"({check.worst:.1f})" if check.margin_db is None else f"{check.margin_db:+.1f}"
    return figure.replace("-", "\N{MINUS SIGN}")


def suite_table(results, no_source, folder=None):
    """Tests by paths with the least margin in dB, and what was not run, for a rich Console."""
    tests = by_test(results)
    names = list(dict.fromkeys(result.case.path for result in results))
    table = Table(box=None, padding=(0, 1), header_style="dim")
    for title in ("test", "", *(Path(name).stem for name in names)):
        table.add_column(title, justify="right" if title not in ("test", "") else "left", no_wrap=True)
    for procedure, paths in tests:
        end = verdict(paths)
        cells = [Text(shown(paths[name]), STYLES[paths[name].verdict]) for name in names]
        table.add_row(procedure.label, Text(end, STYLES[end]), *cells)
    words = ["Least margin of all levels in dB, negative outside the limit; in brackets, without a limit: dBm0."]
    if no_source:
        words.append(f"Not run, no source: {', '.join(f'{number} {text}' for number, text in no_source.items())}.")
    if folder:
        words.append(f"report: {folder / 'g168.html'}")
    return Group(*[table] * bool(results), *(Text(line, "dim") for line in words))


def sources(procedure):
    """The sources of a test's limits, in words."""
    limits = [limit for part in procedure.parts for limit in part.limits]
    return "; ".join(dict.fromkeys(limit.source for limit in limits if limit.source))


def floors_table(figures):
    """Row, figure, floor and goal, for a rich Console."""
    table = Table(box=None, padding=(0, 1), header_style="dim")
    for title in ("", "figure", "floor", "goal", "unit"):
        table.add_column(title, justify="left" if title in ("", "unit") else "right")
    for item in figures:
        row = item.row
        style = "yellow" if row.cost and item.met_floor is False else "bold red" if item.failed else ""
        style = "green" if item.met_goal else style
        values = (_number(value) for value in (item.figure, row.floor, row.goal))
        table.add_row(row.name, *(Text(text, style if i == 0 else "dim") for i, text in enumerate(values)), row.unit)
    failed = sum(item.failed for item in figures)
    words = f"{failed or 'no'} floor{'s' if failed != 1 else ''} missed; green: the goal is met; costs never fail"
    return Group(table, Text(words, "dim"), Text(material(), "dim"))


def _number(value):
    return NONE if value is None else f"{value:g}" if abs(value) >= 100 else f"{round(value, 2):g}"


def write_suite(folder, results, no_source):
    """Write `g168.html` into `folder`, which exists, and return its path."""
    page = Path(folder) / "g168.html"
    page.write_text(render(results, no_source), encoding="utf-8", newline="\n")
    return page


def render(results, no_source):
    """The page as text; the same results give the same text."""
    here = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(here), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    tests = [_section(procedure, paths) for procedure, paths in by_test(results)]
    failed = sum(test["verdict"] == FAILED for test in tests)
    return environment.get_template("g168.html").render(
        tests=tests,
        paths=list(dict.fromkeys(result.case.path for result in results)),
        levels=sorted({result.case.level for result in results}),
        taps=results[0].case.taps if results else None,
        failed=failed,
        no_source=no_source,
        size=(WIDTH, HEIGHT, LEFT, TOP, BOTTOM),
    )


def _section(procedure, paths):
    limits = dict.fromkeys(limit for part in procedure.parts for limit in part.limits)
    return {
        "label": procedure.label,
        "id": procedure.label.replace(" ", "-"),
        "title": procedure.title,
        "story": story(procedure.parts),
        "settings": ["NLP on" if procedure.nlp else "NLP off"] + ["comfort noise"] * procedure.comfort_noise,
        "sources": sources(procedure),
        "notes": list(dict.fromkeys(limit.note for limit in limits if limit.note)),
        "verdict": verdict(paths),
        "panels": [panel(result) for result in paths.values()],
    }


def story(parts):
    """What happens in a test, part after part: a list of short texts. Equal neighbours are one text; the silence that
    a test begins with is left out."""
    told, before = [], parts[0]
    for part in parts[1:]:
        told.append(_told(part, (part.path, part.erl) != (before.path, before.erl)))
        before = part
    counted = ((text, len(list(same))) for text, same in groupby(told))
    return [f"{count} \N{MULTIPLICATION SIGN} {text}" if count > 1 else text for text, count in counted]


def _told(part, changed):
    facts = [_sound(part.far)] + ([f"Sgen {_sound(part.near)}"] if part.near else [])
    facts += [_line(part)] * changed + ["frozen"] * part.frozen
    return f"{part.seconds:g} s {', '.join(facts)}".replace("-", "\N{MINUS SIGN}")


def _line(part):
    if part.path is None:
        return "path open"
    return f"{('first', 'next')[part.path]} path at {part.erl:g} dB"


def _sound(signal):
    if signal is None:
        return "silence"
    names = {"css": "CSS", "hoth": "Hoth noise", "white": "white noise", "ramp": "white noise", "tone": "tone"}
    if signal.kind == "ramp":
        return f"{names['ramp']} {signal.level:g} to {signal.end:g} dBm0"
    level = f" {signal.level:g} dBm0" if signal.absolute else f" {signal.level:+g} dB" if signal.level else ""
    return names[signal.kind] + level


def panel(result):
    """One small drawing, as the template wants it: axes, mask, curve and the worst moment."""
    check = result.worst
    scale = _Scale(check)
    x, y = scale.x(max(check.at_s, LOG_FROM_S if scale.log else 0)), scale.y(check.worst)
    return {
        "path": Path(result.case.path).stem,
        "level": f"{result.case.level:g}".replace("-", "\N{MINUS SIGN}"),
        "margin": shown(result),
        "verdict": result.verdict,
        "limit": check.name,
        "curve": scale.curve(),
        "bars": [box for step in check.steps for box in scale.forbidden(step)],
        "worst": (x, y),
        "x_ticks": scale.x_ticks(),
        "y_ticks": scale.y_ticks(),
    }


class _Scale:
    """Where seconds and levels of a check stand in its panel; a mask of convergence is drawn over log time."""

    def __init__(self, check):
        self.check = check
        self.end = len(check.levels) * GRAIN_S
        self.log = any(step.end <= 0.1 for step in check.steps)
        self.low, self.high = DIFFERENCES_DB if check.reading == "noise" else LEVELS_DBM0

    def x(self, seconds):
        part = np.log(seconds / LOG_FROM_S) / np.log(self.end / LOG_FROM_S) if self.log else seconds / self.end
        return round(float(LEFT + np.clip(part, 0, 1) * (WIDTH - LEFT)), 1)

    def y(self, level):
        part = (np.clip(level, self.low, self.high) - self.low) / (self.high - self.low)
        return round(float(HEIGHT - BOTTOM - part * (HEIGHT - BOTTOM - TOP)), 1)

    def curve(self):
        """The highest reading of each of at most POINTS stretches, as points of a polyline."""
        levels = self.check.levels
        last = len(levels) - 1
        stretches = np.geomspace(LOG_FROM_S / GRAIN_S, last, POINTS) if self.log else np.linspace(0, last, POINTS)
        edges = np.unique(stretches.astype(int))
        highest = np.maximum.reduceat(levels, edges)
        return " ".join(f"{self.x(i * GRAIN_S)},{self.y(level)}" for i, level in zip(edges, highest, strict=True))

    def forbidden(self, step):
        """Rectangles (x, y, width, height) that the curve must keep out of."""
        left = self.x(max(step.start, LOG_FROM_S if self.log else 0))
        width = round(self.x(step.end) - left, 1)
        if step.high is not None:
            yield left, TOP, width, round(self.y(step.high) - TOP, 1)
        if step.low is not None:
            yield left, self.y(step.low), width, round(HEIGHT - BOTTOM - self.y(step.low), 1)

    def x_ticks(self):
        if self.log:
            return [(self.x(seconds), text) for seconds, text in TICKS_S.items() if seconds < self.end]
        middle = float(f"{self.end / 2:.1g}")
        return [(self.x(middle), f"{middle:g} s"), (self.x(self.end), f"{self.end:g} s")]

    def y_ticks(self):
        ticks = (-5, 0, 5) if self.high > 0 else (-60, -40, -20)
        return [(self.y(tick), str(tick).replace("-", "\N{MINUS SIGN}")) for tick in ticks]
