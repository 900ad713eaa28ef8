"""What a person reads after `femtojack ec`: a short table, and one page with signals, ERLE and the learnt path."""

from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator
from rich.table import Table
from rich.text import Text

from femtohost.report import plots
from femtohost.report.page import wav_uri
from femtohost.report.table import shown

_LISTEN = {
    "rin": ("Rin", "what the far end says"),
    "sin": ("Sin", "what comes back: its echo, and the near talker"),
    "sout": ("Sout", "what the far end hears"),
}
_LONGEST_S = 120  # of audio in the page, 2.6 MB a signal; beyond that the files must do
_HEIGHTS = (62, 62, 62, 120)  # pixels: three signals, ERLE


def ec_facts(figures):
    """(label, text) pairs of the figures of `offline.cancel_files`."""
    levels = " / ".join(shown(figures[f"{name}_dbm0"]) for name in _LISTEN)
    settings = f"{figures['taps']} taps{', NLP' * figures['nlp']}{', comfort noise' * figures['comfort_noise']}"
    return [
        ("ERLE", f"{shown(figures['erle_db'], 'dB')}, median while the far end is active"),
        ("Delay of the echo", shown(figures["delay_ms"], "ms", 3)),
        ("Rin shifted by", shown(figures["shift_ms"], "ms", 3)),
        ("ERL", shown(figures["erl_db"], "dB")),
        ("Rin / Sin / Sout", f"{levels} dBm0, active"),
        ("Length", shown(figures["seconds"], "s")),
        ("Canceller", settings),
        ("Sout", figures["sout"]),
    ]


def ec_table(figures):
    """`ec_facts` and the notes as a rich Table of two columns."""
    table = Table.grid(padding=(0, 2))
    for label, text in ec_facts(figures):
        table.add_row(Text(label, style="dim"), Text(text))
    for note in figures["notes"]:
        table.add_row(Text("Note", style="dim"), Text(note, style="yellow"))
    return table


def render(run):
    """The page of an `offline.Run` as text; the same run gives the same text."""
    here = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(here), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["minus"] = lambda text: text.replace("-", "\N{MINUS SIGN}")
    figures = run.figures
    return environment.get_template("ec.html").render(
        verdict=_verdict(figures),
        notes=figures["notes"],
        tiles=_tiles(figures),
        facts=ec_facts(figures),
        seconds=figures["seconds"],
        timeline=_screens(lambda screen: _timeline(run, screen)),
        players=[_player(name, run.signals[name]) for name in _LISTEN],
        path=None if run.path is None else _screens(lambda screen: plots.echo_path(None, run.path, screen)),
        command=run.options.command(),
    )


def _verdict(figures):
    if figures["delay_ms"] is None:
        return "No echo of Rin was found in Sin"
    return f"Echo {shown(figures['erle_db'], 'dB')} down, {shown(figures['delay_ms'], 'ms', 3)} after Rin"


def _tiles(figures):
    """(label, figure, unit, note) of the large figures."""
    return [
        ("ERLE", shown(figures["erle_db"]), "dB", "median, far end active"),
        ("Delay", shown(figures["delay_ms"], "", 3), "ms", "Rin to its echo"),
        ("ERL", shown(figures["erl_db"]), "dB", "of the learnt path"),
        ("Sin", shown(figures["sin_dbm0"]), "dBm0", "active level"),
        ("Sout", shown(figures["sout_dbm0"]), "dBm0", "active level"),
    ]


def _player(name, signal):
    title, note = _LISTEN[name]
    wav = wav_uri(signal) if len(signal) <= _LONGEST_S * plots.RATE else None
    return {"name": name, "title": title, "note": note, "wav": wav}


def _screens(draw):
    return [(screen, Markup(draw(screen))) for screen in (plots.WIDE, plots.NARROW)]


def _timeline(run, screen):
    label = "Levels of Rin, Sin and Sout, and ERLE, over time"
    return plots._draw(lambda panels: _panels(panels, run, screen), screen, _HEIGHTS, label)


def _panels(panels, run, screen):
    for axes in panels:
        axes.set_xlim(0, max(run.figures["seconds"], 0.01))
        axes.tick_params(labelbottom=axes is panels[-1])
        axes.xaxis.set_major_locator(MaxNLocator(10, steps=[1, 2, 5, 10]))
        axes.grid(axis="x", color=plots.INK["rule"], linewidth=0.8)
    for axes, name in zip(panels, _LISTEN, strict=False):
        plots._signal(axes, name, run.signals, screen.width // 2)
    plots._erle(panels[-1], _thinned(run.erle, screen.width))
    panels[-1].set_xlabel("seconds")


def _thinned(erle, columns):
    """The curve as medians over stretches, so that an hour is no larger a drawing than a minute."""
    times, curve = erle
    step = -(-len(curve) // columns)
    if step == 1:
        return erle
    whole = len(curve) // step * step
    stretches = curve[:whole].reshape(-1, step)
    some = np.isfinite(stretches).any(axis=1)
    medians = np.full(len(stretches), np.nan)
    medians[some] = np.nanmedian(stretches[some], axis=1)
    return times[:whole:step], medians
