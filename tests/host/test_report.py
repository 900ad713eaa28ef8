"""The report page: complete, self-contained, and safe against what a far end may send."""

import base64
import io
import re
import wave
from html.parser import HTMLParser
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from femtohost.levels import FULL_SCALE_DBM0
from femtohost.report import call_table, plots, write_report
from femtohost.report.page import render, verdict, wav_uri
from femtohost.report.table import NONE, call_facts

RATE = 8000
HOSTILE = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>&\x00\ud800"


def talk(rng, seconds, bursts, level):
    """int16-sized float noise with a voice's spectrum in syllables, between the given (start, stop) seconds."""
    time = np.arange(int(seconds * RATE)) / RATE
    noise = np.convolve(rng.standard_normal(len(time)), 0.85 ** np.arange(60), "same")
    syllables = np.clip(np.sin(2 * np.pi * 2.1 * time + 3 * np.sin(time)), 0, 1) ** 0.7
    gate = sum((time >= start) & (time < stop) for start, stop in bursts)
    return level * noise * syllables * gate


def converged(rng, length, tau):
    """Echo that is left, over time: e-folding after `tau` seconds of adaptation from 2.4 s on, down to -42 dB."""
    time = np.arange(length) / RATE
    return np.maximum(np.exp(-np.maximum(time - 2.4, 0) / tau), 0.008)


def make_record():
    """20 s of a call that went well: ringing, two talkers, double talk, an echo 12 dB down and its cancelling."""
    rng = np.random.default_rng(7)
    taps = np.arange(128)
    true = 0.25 * np.exp(-(((taps - 22) / 26.0) ** 2)) * np.cos((taps - 18) / 2.6) * (taps > 8)
    learnt = true[:96] + 0.0008 * rng.standard_normal(96)
    far = talk(rng, 20, [(2.4, 7), (10.5, 15)], 1500)
    near = talk(rng, 20, [(7.2, 10.2), (12.5, 13.6), (15.5, 18)], 1200)
    echo = np.convolve(far, true)[: len(far)]
    left = converged(rng, len(far), 0.28)
    signals = {"rin": far, "rout": far, "sin": echo + near, "sout": echo * left + near}
    signals = {
        name: np.clip(np.rint(s + rng.standard_normal(len(s))), -32768, 32767).astype(np.int16)
        for name, s in signals.items()
    }
    times = np.arange(0, 20, 0.02)
    silent = np.convolve(np.abs(far[::160]) > 20, np.ones(9), "same") == 0
    erle = np.where(silent, np.nan, -20 * np.log10(left[::160]) + rng.normal(0, 0.8, len(times)))
    return SimpleNamespace(
        call=make_call(), signals=signals, erle=(times, erle), true_path=true, learnt_path=learnt,
        sip=make_sip(), states=make_states(), seed=7,
        command="femtojack call 555 --seed 7 --path d2 --erl 12 --out report",
    )  # fmt: skip


def make_call():
    return {
        "seed": 7, "taps": 128, "path": "d2", "erl_db": 12.0, "erle_db": 38.24, "t20_s": 0.42, "t30_s": 0.94,
        "residual_dbm0": -58.3, "digits": "555", "setup_ms": 62, "virtual_s": 20.0, "wall_s": 0.318, "speed": 62.9,
        "trace_sha256": "9f2c41d07b6e" + "5a" * 26, "misuse": [], "sip_final_status": 200, "near": "speech b",
        "far": "speech a", "direction": "out", "version": "0.1.0",
    }  # fmt: skip


def make_sip():
    def message(t, source, first):
        text = (f"{first}\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK776asdhds\r\nMax-Forwards: 70\r\n"
                "To: <sip:555@192.0.2.1>\r\nFrom: <sip:100@192.0.2.1>;tag=1928301774\r\n"
                "Call-ID: a84b4c76e66710\r\nCSeq: 314159 INVITE\r\nContent-Length: 0\r\n\r\n")  # fmt: skip
        return {"t": t, "source": source, "first": first, "text": text}

    return [
        message(0.120, "box", "REGISTER sip:192.0.2.1 SIP/2.0"),
        message(0.141, "far", "SIP/2.0 200 OK"),
        message(1.902, "box", "INVITE sip:555@192.0.2.1 SIP/2.0"),
        message(1.923, "far", "SIP/2.0 180 Ringing"),
        message(2.204, "far", "SIP/2.0 200 OK"),
        message(2.205, "box", "ACK sip:555@192.0.2.1 SIP/2.0"),
        message(18.660, "box", "BYE sip:555@192.0.2.1 SIP/2.0"),
        message(18.681, "far", "SIP/2.0 200 OK"),
    ]


def make_states():
    changes = {
        "hook": [(0, "on-hook"), (0.4, "off-hook"), (18.65, "on-hook")],
        "linefeed": [(0, "open"), (0.08, "forward active")],
        "line": [(0, "IDLE"), (0.45, "DIALLING"), (1.9, "IN CALL"), (18.66, "IDLE")],
        "call": [(0, "idle"), (1.9, "calling"), (2.21, "confirmed"), (18.66, "idle")],
    }
    return [{"t": t, "track": track, "state": state} for track, rows in changes.items() for t, state in rows]


class Page(HTMLParser):
    """Tags that nest, headings, and every address the page would load."""

    VOID = frozenset({"meta", "link", "img", "br", "input"})

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.addresses, self.ids, self.text = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.handle_startendtag(tag, attributes)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "xlink:href", "srcset")]
        self.ids += [value for name, value in attributes if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def good():
    return render(make_record())


def test_page_is_complete_and_well_formed(good):
    page = Page(good)
    assert {"time", "listen", "path", "sip", "misuse", "figures", "again"} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert page.tags.count("audio") == 4
    assert page.tags.count("details") == 8 + 1  # a message each, and the list of states
    assert "femtojack call 555 --seed 7" in good
    assert make_call()["trace_sha256"] in good


def test_page_loads_nothing_from_elsewhere(good):
    addresses = Page(good).addresses
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert not re.search(r"(url\(|@import|src=|href=)[\"']?\s*(https?:)?//", good)
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", good))


def test_clip_paths_are_all_there(good):
    wanted = set(re.findall(r"url\(#([^)]*)\)", good))
    assert wanted and wanted <= set(Page(good).ids)


def test_curves_take_their_colours_from_the_page(good):
    assert "#f00d" not in good
    style = good[good.index("<style>") : good.index("</style>")]
    assert all(style.count(f"--{name}:") == 2 for name in plots.INK)


def test_written_page_is_small_and_always_the_same(tmp_path):
    report = write_report(tmp_path, make_record())
    assert report == tmp_path / "report.html"
    assert report.stat().st_size < 3_000_000
    assert report.read_bytes().decode() == render(make_record())


def test_hostile_text_stays_text(tmp_path):
    record = make_record()
    record.sip[2] |= {"first": HOSTILE, "text": HOSTILE}
    record.states.append({"t": 5.0, "track": "<b>$x^$", "state": "<script>$\\frac$"})
    record.command = record.call["far"] = record.call["digits"] = HOSTILE
    record.call["misuse"] = [{"t": 1_500_000, "part": "<u>", "section": HOSTILE, "text": HOSTILE}]
    page = Page(write_report(tmp_path, record).read_text("utf-8"))
    assert page.tags.count("script") == 1
    assert not {"img", "b>", "u"} & set(page.tags)
    assert "<img src=x onerror=alert(2)>" in "".join(page.text)


def test_ladder_is_in_time_order_with_its_pauses():
    record = make_record()
    record.sip.reverse()
    page = render(record)
    assert re.findall(r"([0-9.]+) s later", page) == ["1.8", "16.5"]
    times = [float(time) for time in re.findall(r"<time>([0-9.]+) s", page)]
    assert len(times) == 8 and times == sorted(times)


def test_misuse_is_counted_and_named():
    record = make_record()
    record.call["misuse"] = [{"t": 1_234_567_000, "part": "slic", "section": "Si3210 reg 31", "text": "written busy"}]
    page = render(record)
    assert "1.234567" in page and "Si3210 reg 31" in page and "written busy" in page
    assert verdict(record.call).endswith("; 1 misuse")
    assert 'class="bad"' in page


def test_page_of_a_call_that_never_was():
    record = make_record()
    record.signals = {name: np.zeros(0, np.int16) for name in record.signals}
    record.erle = (np.zeros(0), np.zeros(0))
    record.sip, record.states, record.true_path, record.learnt_path = [], [], None, None
    record.call = {}
    page = Page(render(record))
    assert "audio" not in page.tags
    text = "".join(page.text)
    for words in ("Echo not measured; no misuse", "No SIP message", "No echo path", "Nothing was recorded"):
        assert words in text


@pytest.mark.parametrize("missing", ["true_path", "learnt_path"])
def test_one_path_alone_is_drawn(missing):
    record = make_record()
    setattr(record, missing, None)
    page = render(record)
    assert "no pair of paths" in page
    assert "true minus learnt" not in page


def test_erle_of_silence_is_no_curve():
    record = make_record()
    record.erle = (record.erle[0], np.full(len(record.erle[0]), np.nan))
    record.erle[1][7] = np.inf  # nothing is left of the echo
    Page(render(record))


def test_wav_holds_the_samples():
    signal = np.array([0, 1, -32768, 32767], np.int16)
    data = base64.b64decode(wav_uri(signal).partition(",")[2])
    with wave.open(io.BytesIO(data)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, RATE, 2)
        assert np.array_equal(np.frombuffer(file.readframes(9), "<i2"), signal)


def test_levels_of_a_full_scale_sine():
    sine = 32767 * np.sin(2 * np.pi * 1000 / RATE * np.arange(RATE))
    peak, rms = plots.levels(sine, 50)
    assert np.allclose(rms, FULL_SCALE_DBM0["ulaw"], atol=0.01)
    assert np.allclose(peak, FULL_SCALE_DBM0["ulaw"], atol=0.01)
    assert plots.levels(np.zeros(100), 50)[1].tolist() == [plots.FLOOR_DBM0] * 50


def test_misalignment():
    true = np.array([0.0, 0.5, -0.25])
    assert plots.misalignment_db(true, true[:2]) == pytest.approx(20 * np.log10(0.25 / np.hypot(0.5, 0.25)))
    assert plots.misalignment_db(true, None) is None
    assert plots.misalignment_db(true * 0, true) is None


state_changes = st.lists(
    st.builds(
        lambda t, track, state: {"t": t, "track": track, "state": state},
        st.floats(0, 10),
        st.sampled_from(["line", "hook", "other"]),
        st.sampled_from(["a", "b"]),
    )
)


@given(state_changes)
@settings(max_examples=100, deadline=None)
def test_spans_of_a_track_are_gapless(states):
    for track, rows in plots.spans(states, 10):
        first = min(state["t"] for state in states if state["track"] == track)
        assert sum(length for _, length, _ in rows) == pytest.approx(10 - first)
        assert all(a + length == pytest.approx(b) for (a, length, _), (b, _, _) in pairwise(rows))


@given(st.lists(st.integers(-32768, 32767)), st.integers(1, 40))
@settings(max_examples=100, deadline=None)
def test_levels_bound_each_other(samples, columns):
    peak, rms = plots.levels(np.array(samples, np.int16), columns)
    assert len(peak) <= columns
    assert np.all(rms <= peak + 10 * np.log10(2) + 1e-9)
    assert np.all(peak >= plots.FLOOR_DBM0) and np.all(peak < 3.2)


def test_table_of_a_call():
    console = Console(width=100, file=io.StringIO())
    console.print(call_table(make_call() | {"report": "runs/[7]/report.html"}))
    lines = console.file.getvalue().splitlines()
    assert len(lines) == 10
    assert "0.42 s / 0.94 s" in lines[3]
    assert lines[8].split() == ["Trace", "9f2c41d07b6e"]
    assert "runs/[7]/report.html" in lines[9]


def test_table_of_an_empty_call_has_dashes():
    assert ("ERLE", NONE) in call_facts({"erle_db": float("nan")})
