"""The report of a call: one HTML page that needs nothing else, to look at, to listen to and to hand on."""

import base64
import io
import wave
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from femtohost.report import plots
from femtohost.report.table import NONE, call_facts, is_gsm_by_sip, misuse_count, shown

_LISTEN = {
    "rin": ("Rin", "what the far end says"),
    "rout": ("Rout", "what goes to the line: Rin, and the tones of the exchange"),
    "sin": ("Sin", "what comes back: its echo, and the near talker"),
    "sout": ("Sout", "what the far end hears"),
}
_LISTEN_GSM = {
    "rin": ("Rin", "what the far end says"),
    "rout": ("Rout", "what the GSM phone hears"),
    "sin": ("Sin", "what is said into the GSM phone"),
    "sout": ("Sout", "what the far end hears"),
}
_PAUSE_S = 1.0  # a longer silence between two SIP messages is drawn as a break


def write_report(folder, record):
    """Write `report.html` into `folder` (a Path that exists) and return its path.

    `record` has these attributes; times are seconds since power-on unless said otherwise:
    call        dict of figures as in call.json; see `table.call_facts`. `misuse`: list of Misuse.as_dict(), `t` in ns
    signals     "rin", "rout", "sin", "sout": int16 arrays of one length, 8 kHz, from time 0
    erle        (times, dB): two float arrays, nan where the far end is silent
    true_path, learnt_path    impulse responses, linear gain a tap of 8 kHz; None allowed, learnt may be shorter
    sip         dicts t, source ("box" or "far"), first (the start line), text (the message)
    states      dicts t, track, state; a state holds until the next of its track
    seed, command             what makes the same run again
    """
    report = Path(folder) / "report.html"
    report.write_text(render(record), encoding="utf-8", errors="replace", newline="\n")
    return report


def render(record):
    """The page as text; the same record gives the same text."""
    here = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(here), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["minus"] = lambda text: text.replace("-", "\N{MINUS SIGN}")
    call = record.call
    return environment.get_template("page.html").render(
        call=call,
        seed=record.seed,
        command=record.command,
        verdict=verdict(call),
        tiles=_tiles(call),
        facts=[*call_facts(call), *_origin(call)],
        timeline=_screens(lambda screen: plots.timeline(record, screen)),
        seconds=plots.duration(record),
        states=sorted(record.states, key=lambda state: state["t"]),
        players=[_player(name, record.signals[name], *_listen(call)[name]) for name in plots.SIGNALS],
        echo=not is_gsm_by_sip(call),
        path=_path(record),
        ladder=_ladder(record.sip),
        misuse=call.get("misuse") or [],
    )


def verdict(call):
    """The call in one sentence of figures, without a judgement that no standard makes."""
    misuse = len(call.get("misuse") or ())
    return f"{_outcome(call)}; {misuse or 'no'} misuse{'s' if misuse > 1 else ''}"


def _outcome(call):
    if is_gsm_by_sip(call):
        return f"Speech {shown(call.get('delay_up_ms'), 'ms', 0)} late at the far end"
    erle = shown(call.get("erle_db"), "dB")
    echo = "Echo not measured" if erle == NONE else f"Echo {erle} down"
    t20 = shown(call.get("t20_s"), "s", 2)
    if t20 != NONE:
        echo += f", 20 dB of it within {t20}"
    return echo


def wav_uri(signal):
    """int16 samples of 8 kHz as a data: URI of a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, plots.RATE, 0, "NONE", ""))
        out.writeframes(signal.astype("<i2").tobytes())
    return "data:audio/wav;base64," + base64.b64encode(file.getvalue()).decode()


def _tiles(call):
    """(label, figure, unit, note, tone) of the large figures; tone "good", "bad" or ""."""
    status = call.get("sip_final_status")
    misuse = misuse_count(call)
    return [
        *(_speech_tiles(call) if is_gsm_by_sip(call) else _echo_tiles(call)),
        ("Set-up", shown(call.get("setup_ms"), "", 0), "ms", f"final SIP status {shown(status)}", ""),
        ("Misuse", misuse, "", "of hardware, by datasheet", "good" if misuse == "none" else "bad"),
    ]


def _echo_tiles(call):
    return [
        ("ERLE", shown(call.get("erle_db")), "dB", "echo taken away", ""),
        ("20 dB after", shown(call.get("t20_s"), "", 2), "s", f"30 dB after {shown(call.get('t30_s'), 's', 2)}", ""),
        ("Residual", shown(call.get("residual_dbm0")), "dBm0", "echo that is left", ""),
    ]


def _speech_tiles(call):
    return [
        ("Delay up", shown(call.get("delay_up_ms"), "", 0), "ms", "from Um to RTP", ""),
        ("Delay down", shown(call.get("delay_down_ms"), "", 0), "ms", "from RTP to Um", ""),
        ("Frames", shown(call.get("frames_up")), "", f"to the phone {shown(call.get('frames_down'))}", ""),
    ]


def _origin(call):
    """Where the run came from: shown on the page, too long for a terminal."""
    keys = ("direction", "near", "far", "seed", "version")
    return [(key.capitalize(), shown(call[key])) for key in keys if call.get(key) is not None]


def _screens(draw):
    return [(screen, Markup(draw(screen))) for screen in (plots.WIDE, plots.NARROW)]


def _listen(call):
    return _LISTEN_GSM if is_gsm_by_sip(call) else _LISTEN


def _player(name, signal, title, note):
    return {"name": name, "title": title, "note": note, "wav": wav_uri(signal) if len(signal) else None}


def _path(record):
    """Drawings of the echo path and its misalignment, or None when neither path is known."""
    if record.true_path is None and record.learnt_path is None:
        return None
    drawings = _screens(lambda screen: plots.echo_path(record.true_path, record.learnt_path, screen))
    return drawings, shown(plots.misalignment_db(record.true_path, record.learnt_path), "dB")


def _ladder(sip):
    """Messages in time order, each with the pause before it: None or seconds."""
    rows, last = [], None
    for message in sorted(sip, key=lambda message: message["t"]):
        pause = None if last is None or message["t"] - last < _PAUSE_S else message["t"] - last
        rows.append({**message, "label": _short(message["first"]), "pause": pause})
        last = message["t"]
    return rows


def _short(first):
    """A start line without the version, which is the same in all of them."""
    return first.removeprefix("SIP/2.0 ").removesuffix(" SIP/2.0")
