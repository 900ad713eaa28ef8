"""Curves of the report page, as SVG that takes its colours from the page's style sheet.

matplotlib draws with stand-in colours; `_inline` replaces each by a CSS variable, so one drawing serves the light
and the dark scheme. Every drawing is made for two widths of screen: text keeps its size, curves shrink.
"""

import io
import re
from typing import NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from femtohost.levels import FULL_SCALE_DBM0, FULL_SCALE_RMS

RATE = 8000
SIGNALS = ("rin", "rout", "sin", "sout")
FLOOR_DBM0 = -70
PATH_FLOOR_DB = -80
TRACKS = ("hook", "linefeed", "line", "call", "ring")

_NAMES = ("ink", "muted", "rule", "paper", "rest", "on1", "on2", "on3", "on4", "label", "erle", "alarm", *SIGNALS)
INK = {name: f"#f00d{index:02x}" for index, name in enumerate(_NAMES)}
_HUES = ("on1", "on2", "on3", "on4")


class Screen(NamedTuple):
    """A width to draw for; lengths in CSS pixels, which are the SVG's points."""

    name: str
    width: int
    left: int
    right: int
    font: float

    def fraction(self, pixels):
        return pixels / self.width


WIDE = Screen("wide", 1080, 72, 12, 12)
NARROW = Screen("narrow", 460, 64, 10, 12.5)

_TITLES = {
    "rin": "Rin: from the far end",
    "rout": "Rout: to the phone",
    "sin": "Sin: back from the phone, echo and near talker",
    "sout": "Sout: to the far end, outlined by what Sin was",
}


def duration(record):
    """Seconds of time axis: the end of whatever lasts longest, at least 0.01."""
    ends = [len(signal) / RATE for signal in record.signals.values()]
    ends += [event["t"] for event in (*record.states, *record.sip)]
    ends += [float(np.max(record.erle[0]))] if len(record.erle[0]) else []
    return max([0.01, *ends])


def timeline(record, screen):
    """State tracks, levels of the four signals, and ERLE where it was taken, on one time axis: SVG text."""
    heights = [_ROW * _rows(record), *[_SIGNAL] * len(SIGNALS), *[_ERLE] * _has_erle(record)]
    return _draw(lambda panels: _timeline(panels, record, screen), screen, heights, "The call over time")


def echo_path(true_path, learnt_path, screen):
    """True and learnt impulse response, and what is left of the echo, tap by tap: SVG text.

    Linear gains, one a sample of 8 kHz; either may be None, the learnt one may be shorter (then zero).
    """
    label = "True and learnt echo path"
    return _draw(lambda panels: _echo_path(panels, true_path, learnt_path), screen, _PATH_PANELS, label)


def misalignment_db(true_path, learnt_path):
    """20 log10(|true - learnt| / |true|) in dB; None where it cannot be said."""
    if true_path is None or learnt_path is None or not np.any(true_path):
        return None
    true, learnt = _same_length(true_path, learnt_path)
    return float(20 * np.log10(max(np.linalg.norm(true - learnt) / np.linalg.norm(true), 1e-9)))


def spans(states, end):
    """[(track, [(start s, length s, state)...])...]: known tracks first, then others as they appear."""
    present = list(dict.fromkeys(event["track"] for event in states))
    ordered = [t for t in TRACKS if t in present] + [t for t in present if t not in TRACKS]
    return [(track, _track_spans([s for s in states if s["track"] == track], end)) for track in ordered]


def levels(signal, columns):
    """Level of int16 `signal` in at most `columns` equal stretches: (peak, rms), dBm0 floats, floored."""
    step = max(1, -(-len(signal) // columns))
    stretches = -(-len(signal) // step)
    padded = np.zeros(stretches * step)
    padded[: len(signal)] = signal
    power = padded.reshape(stretches, step) ** 2
    return _dbm0(power.max(axis=1) / 2), _dbm0(power.mean(axis=1))  # the peak as a sine of that height


def _dbm0(power):
    relative = 10 * np.log10(power / FULL_SCALE_RMS**2 + 1e-12)
    return np.maximum(relative + FULL_SCALE_DBM0["ulaw"], FLOOR_DBM0)


def _same_length(true_path, learnt_path):
    paths = [np.zeros(0) if path is None else np.asarray(path, float) for path in (true_path, learnt_path)]
    length = max(2, *map(len, paths))  # an axis needs two points
    return [np.pad(path, (0, length - len(path))) for path in paths]


def _track_spans(events, end):
    events = sorted(events, key=lambda event: event["t"])
    stops = [event["t"] for event in events[1:]] + [end]
    return [(e["t"], stop - e["t"], str(e["state"])) for e, stop in zip(events, stops, strict=True) if stop > e["t"]]


# Both drawings are a column of axes; heights in pixels

_ROW, _SIGNAL, _ERLE, _GAP, _TOP, _BOTTOM = 24, 62, 120, 30, 24, 42
_PATH_PANELS = (180, 126)


def _total(heights):
    return _TOP + sum(heights) + _GAP * (len(heights) - 1) + _BOTTOM


def _has_erle(record):
    return bool(np.any(np.isfinite(record.erle[1])))


def _rows(record):
    """Rows of the state panel: tracks, and one for SIP."""
    return len({event["track"] for event in record.states}) + 1


def _timeline(panels, record, screen):
    end = duration(record)
    for axes in panels:
        axes.set_xlim(0, end)
        axes.tick_params(labelbottom=axes is panels[-1])
        axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 5, 10]))
        axes.grid(axis="x", color=INK["rule"], linewidth=0.8)
    _states(panels[0], record, end, screen)
    columns = screen.width // 2
    for axes, name in zip(panels[1:], SIGNALS, strict=False):
        _signal(axes, name, record.signals, columns)
    if _has_erle(record):
        _erle(panels[-1], record.erle)
    panels[-1].set_xlabel("seconds since power-on")


def _column(screen, heights):
    """A figure, and its axes stacked from the top, all between the screen's margins."""
    total = _total(heights)
    figure = Figure(figsize=(screen.width / 72, total / 72), facecolor="none")
    panels, top = [], total - _TOP
    width = screen.width - screen.left - screen.right
    for height in heights:
        box = (screen.left / screen.width, (top - height) / total, width / screen.width, height / total)
        panels.append(figure.add_axes(box, facecolor="none"))
        top -= height + _GAP
    return figure, panels


def _title(axes, text):
    axes.set_title(text, loc="left", color=INK["muted"], fontsize="medium", pad=6)


def _states(axes, record, end, screen):
    tracks = spans(record.states, end)
    pixels = (screen.width - screen.left - screen.right) / end
    for row, (_, track) in enumerate(tracks):
        _bars(axes, row, track, pixels)
    _marks(axes, len(tracks), record.sip)
    axes.set_yticks(range(len(tracks) + 1), [track for track, _ in tracks] + ["SIP"])
    axes.set_ylim(len(tracks) + 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")
    _title(axes, "States of the box")


def _bars(axes, row, track, pixels):
    """One track; the state it starts in is its rest and stays quiet."""
    names = list(dict.fromkeys(state for _, _, state in track))
    for start, length, state in track:
        index = names.index(state)
        colour = INK["rest"] if index == 0 else INK[_HUES[(index - 1) % len(_HUES)]]
        axes.barh(row, length, 0.78, start, color=colour, edgecolor=INK["paper"], linewidth=1)
        if len(state) * 7 + 8 < length * pixels:
            text = INK["muted"] if index == 0 else INK["label"]
            axes.text(start + 5 / pixels, row, state, color=text, va="center", fontsize="small", clip_on=True)


def _marks(axes, row, sip):
    """SIP messages: up and filled what the box sent, down and open what came."""
    for source, marker, fill, above in (("box", "^", INK["ink"], 0.2), ("far", "v", "none", -0.2)):
        times = [message["t"] for message in sip if message["source"] == source]
        rows = [row - above] * len(times)
        axes.plot(times, rows, marker, color=INK["ink"], markerfacecolor=fill, markersize=6, clip_on=False)


def _signal(axes, name, signals, columns):
    signal = np.asarray(signals[name])
    if len(signal):
        peak, rms = levels(signal, columns)
        times = np.linspace(0, len(signal) / RATE, len(peak))
        axes.fill_between(times, FLOOR_DBM0, peak, color=INK[name], alpha=0.28, linewidth=0)
        axes.fill_between(times, FLOOR_DBM0, rms, color=INK[name], linewidth=0)
        if name == "sout":
            axes.plot(times, levels(signals["sin"], columns)[1], color=INK["sin"], linewidth=0.9)
    axes.set_ylim(FLOOR_DBM0, 5)
    axes.set_yticks([-60, -30, 0])
    _title(axes, _TITLES[name])


def _erle(axes, erle):
    times, values = (np.asarray(part, float) for part in erle)
    finite = values[np.isfinite(values)]
    axes.plot(times, values, color=INK["erle"], linewidth=1.6)
    axes.set_ylim(min(0, *finite, 0), max(40, *finite, 0) * 1.05)
    axes.set_yticks(range(0, int(axes.get_ylim()[1]) + 1, 10))
    axes.grid(axis="y", color=INK["rule"], linewidth=0.8)
    _title(axes, "ERLE in dB, while the far end talks")


def _echo_path(panels, true_path, learnt_path):
    gain, loss = panels
    true, learnt = _same_length(true_path, learnt_path)
    used = _used(np.maximum(np.abs(true), np.abs(learnt)))
    ms = np.arange(used) * 1000 / RATE
    if true_path is not None:
        gain.fill_between(ms, true[:used], color=INK["sin"], alpha=0.35, linewidth=0, step="mid", label="true")
        loss.plot(ms, _magnitude_db(true[:used]), color=INK["sin"], linewidth=1.3, label="true")
    if learnt_path is not None:
        gain.plot(ms, learnt[:used], color=INK["rin"], linewidth=1.3, marker="o", markersize=2.4, label="learnt")
        label, ink = ("learnt", "rin") if true_path is None else ("true minus learnt", "alarm")
        loss.plot(ms, _magnitude_db((true - learnt)[:used]), color=INK[ink], linewidth=1.3, label=label)
    gain.tick_params(labelbottom=False)
    loss.set_xlabel("milliseconds of delay, one tap each 0.125 ms")
    for axes, title in zip(panels, ("Gain", "Magnitude in dB"), strict=True):
        axes.set_xlim(0, ms[-1])
        axes.grid(color=INK["rule"], linewidth=0.8)
        axes.legend(loc="lower right", bbox_to_anchor=(1, 0.97), frameon=False, labelcolor=INK["muted"], ncols=2)
        _title(axes, title)


def _used(size):
    """How many taps are worth drawing: up to the last one within 60 dB of the largest, and an eighth more."""
    significant = np.flatnonzero(size > size.max() / 1000)
    last = significant[-1] if len(significant) else 0
    return min(len(size), max(16, (last + 1) * 9 // 8))


def _magnitude_db(path):
    return np.maximum(20 * np.log10(np.abs(path) + 1e-9), PATH_FLOOR_DB)


# From matplotlib to a page


def _draw(build, screen, heights, label):
    """SVG of what `build(panels)` draws on axes of these heights."""
    with rc_context(_style(screen) | {"svg.hashsalt": f"{label} {screen.name}"}):
        figure, panels = _column(screen, heights)
        build(panels)
        svg = io.StringIO()
        figure.savefig(svg, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return _inline(svg.getvalue(), label)


def _style(screen):
    return {
        "font.size": screen.font,
        "text.parse_math": False,
        "text.color": INK["ink"],
        "axes.edgecolor": INK["rule"],
        "axes.labelcolor": INK["muted"],
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "axes.unicode_minus": True,
        "xtick.color": INK["muted"],
        "ytick.color": INK["muted"],
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "xtick.major.pad": 8,
        "svg.fonttype": "none",
    }


def _inline(svg, label):
    """matplotlib's SVG file as an element of a page: no prologue, no size, no ids but those referred to."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<svg [^>]*?(viewBox=\"[^\"]*\")[^>]*>", rf'<svg \1 role="img" aria-label="{label}">', svg, count=1)
    svg = re.sub(r'<(g|path) id="(?!m[0-9a-f]{10}")[^"]*"', r"<\1", svg)
    svg = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), svg)
    for name, colour in INK.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg
