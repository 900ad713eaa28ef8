"""The figures of a call in words: formatted once, for the terminal and for the page."""

import math

from rich.table import Table
from rich.text import Text

NONE = "\N{EN DASH}"


def shown(value, unit="", places=1):
    """A number with its unit, or a dash for None and nan (not measured, never reached)."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NONE
    text = f"{value:.{places}f}" if isinstance(value, float) else str(value)
    return f"{text} {unit}".strip()


def misuse_count(call):
    """ "none", or how many breaches of a datasheet there were."""
    return str(len(call.get("misuse") or ()) or "none")


def call_facts(call):
    """The short table: (label, text) pairs, at most ten, from the figures of call.json.

    Units by the ending of the key: `_db` dB, `_dbm0` dBm0, `_s` seconds, `_ms` milliseconds; a missing or
    empty figure becomes a dash. `speed` is virtual over wall time. The optional `report` is a file name.
    """
    setup = f"{shown(call.get('setup_ms'), 'ms', 0)}, final SIP status {shown(call.get('sip_final_status'))}"
    virtual, wall = shown(call.get("virtual_s"), "s"), shown(call.get("wall_s"), "s", 2)
    facts = [
        ("Digits", shown(call.get("digits"))),
        *(_speech_facts(call) if is_gsm_by_sip(call) else _echo_facts(call)),
        ("Set-up", setup),
        ("Run", f"{virtual} in {wall}, {shown(call.get('speed'), '', 0)} times real time"),
        ("Misuse", misuse_count(call)),
        ("Trace", (call.get("trace_sha256") or NONE)[:12]),
    ]
    return facts + ([("Report", str(call["report"]))] if call.get("report") else [])


def is_gsm_by_sip(call):
    """Whether the telephone on the line, and so the canceller, has no part in it."""
    return call.get("gsm") == "sip"


def _echo_facts(call):
    path = f"{call.get('path', NONE)}, ERL {shown(call.get('erl_db'), 'dB')}, {shown(call.get('taps'), 'taps')}"
    return [
        ("Echo path", path),
        ("ERLE", shown(call.get("erle_db"), "dB")),
        ("Time to 20 / 30 dB", f"{shown(call.get('t20_s'), 's', 2)} / {shown(call.get('t30_s'), 's', 2)}"),
        ("Residual echo", shown(call.get("residual_dbm0"), "dBm0")),
    ]


def _speech_facts(call):
    """Delays through the box, from Um to the uplink and back."""
    return [
        ("Delay up / down", f"{shown(call.get('delay_up_ms'), 'ms')} / {shown(call.get('delay_down_ms'), 'ms')}"),
        ("Speech frames up / down", f"{shown(call.get('frames_up'))} / {shown(call.get('frames_down'))}"),
        ("RTP packets up / down", f"{shown(call.get('packets_up'))} / {shown(call.get('packets_down'))}"),
    ]


def call_table(call):
    """`call_facts(call)` as a rich Table of two columns; misuse stands out."""
    table = Table.grid(padding=(0, 2))
    for label, text in call_facts(call):
        alarm = label == "Misuse" and text != "none"
        table.add_row(Text(label, style="dim"), Text(text, style="bold red" if alarm else ""))
    return table
