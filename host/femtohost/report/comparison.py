"""The tables of `femtojack bench ec` for a terminal."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from femtohost.report.table import shown

_CONVERGENCE = {
    "erle_50ms": "50 ms",
    "erle_250ms": "250 ms",
    "erle_500ms": "500 ms",
    "erle_1s": "1 s",
    "erle_5s": "5 s",
    "t20_s": "t20",
    "t30_s": "t30",
    "lres_dbm0": "LRES",
}
_DISTURBANCE = {
    "lost_talk_0": "talk 0",
    "lost_talk_6": "talk -6",
    "lost_talk_15": "talk -15",
    "lost_tones": "2 tones",
    "lost_tone": "1 tone",
    "path_change_s": "change",
}
_LEGEND = (
    "ERLE in dB at a moment, s to 20 and 30 dB of it: median of the paths. LRES, dBm0 of Sout from 1 s on: the worst.\n"
    "talk, tone: dB of ERLE lost to a near talker (dB over Rin) and to tones as Rin. change: s to 20 dB on a new path."
    " The worst path.\nWhere there is a suppressor the figures are those of its output."
)


def comparison(result):
    """What `measure.bench_ec` returns, as something that a rich Console prints."""
    settings = result["settings"]
    title = f"{settings['signal']}, ERL {settings['erl_db']:g} dB, {settings['law']}, {settings['taps']} taps"
    over = shown(result["process_over_c_us"], "us", 2)
    parts = [
        _quality(title, _CONVERGENCE, result["cancellers"]),
        _quality("Disturbed", _DISTURBANCE, result["cancellers"][:-1]),  # the ceiling learns nothing to lose
        Text(_LEGEND + "\n", style="dim"),
        _cost(result),
        Text(f"process() of 80 samples takes {over} over the native call.", style="dim"),
    ]
    notes = [f"{entry['name']}: {entry['note']}." for entry in result["cancellers"] if entry["note"]]
    parts += [Text(note, style="dim") for note in notes]
    parts += [Text(f"missing: {entry['name']}; to have it: {entry['get']}", "yellow") for entry in result["missing"]]
    return Group(*parts)


def _quality(title, columns, cancellers):
    table = _table(title, columns.values())
    for entry in cancellers:
        figures = [_figure(key, entry["quality"][key]) for key in columns]
        table.add_row(entry["name"], *figures)
    return table


def _figure(key, value):
    places = 2 if key.endswith("_s") else 1
    return shown(value if value is None else round(value, places) + 0.0, places=places)


def _cost(result):
    taps = sorted({length for figures in result["cost_ns"].values() for length in figures})
    table = _table("Cost: ns a sample of one core, by taps", [str(length) for length in taps])
    for name, figures in result["cost_ns"].items():
        table.add_row(name, *(shown(figures.get(length), places=0) for length in taps))
    for kernel, ratios in result["to_fastest_peer"].items():
        table.add_row(f"{kernel} / the fastest peer", *(shown(ratios.get(length), places=2) for length in taps))
    return table


def _table(title, columns):
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1), pad_edge=False)
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table
