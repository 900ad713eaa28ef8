"""The table of floors: what it asks, what it says of cancellers that cancel nothing, and its meters."""

import json

import numpy as np
import pytest

from femtohost.canceller import EchoCanceller
from femtohost.levels import rms_for
from femtohost.measure import floors, floors_css, floors_speech, g168
from femtohost.measure.floors import Figure, Row


class Wire:
    """Cancels nothing."""

    def __init__(self, **settings):
        pass

    def freeze(self, on):
        pass

    def process(self, rin, sin):
        return sin


class Forgets(EchoCanceller):
    """Gives up after 6 s of learning."""

    learnt = 0
    on = False

    def freeze(self, on):
        super().freeze(on)
        self.on = on

    def process(self, rin, sin):
        sout = super().process(rin, sin)
        self.learnt += 0 if self.on else len(rin)
        return sin if self.learnt > 48000 else sout


@pytest.mark.parametrize(
    ("row", "figure", "met", "failed"),
    [
        (Row("", "dB", 1, 0.5), 0.4, (True, True), False),
        (Row("", "dB", 1, 0.5), 0.7, (True, False), False),
        (Row("", "dB", 1, 0.5), 1.1, (False, False), True),
        (Row("", "dB", 8, 12, more=True), 9, (True, False), False),
        (Row("", "dB", 8, 12, more=True), -3, (False, False), True),
        (Row("", "dB", 8, 12, more=True), float("-inf"), (False, False), True),
        (Row("", "dB", 8, 12, more=True), float("nan"), (False, False), True),
        (Row("", "s", 0.1, 0.1), float("inf"), (False, False), True),
        (Row("", "dB", None, 20, more=True), 10, (None, False), False),
        (Row("", "ns", 34, 26, cost=True), 99, (False, False), False),
        (Row("", "ns", 34, 26, cost=True), None, (None, None), False),
    ],
)
def test_a_row_and_its_figure(row, figure, met, failed):
    found = Figure(row, "", figure)
    assert (found.met_floor, found.met_goal) == met
    assert found.failed is failed


def test_goals_are_no_easier_than_floors():
    rows = [row for study in floors.STUDIES for row in study.rows]
    assert len({row.name for row in rows}) == len(rows)
    for row in rows:
        if row.floor is not None:
            assert (row.goal >= row.floor) if row.more else (row.goal <= row.floor)


def test_a_canceller_that_cancels_nothing_misses_floors():
    failed = {item.row.name for item in floors.measure(quick=True, make=Wire) if item.failed}
    spared = {row.name for study in floors.STUDIES for row in study.rows if row.cost or row.floor is None}
    kept = {row.name for study in floors.STUDIES for row in study.rows} - failed - spared
    assert all(name.startswith(("lost to", "near talker", "LRin over")) for name in kept)
    assert len(failed) > 15


def test_figures_are_the_same_every_time_and_printable():
    studies = [number for number, study in enumerate(floors.STUDIES) if study.measure in (
        floors_css.path_changes, floors_css.nlp_path_change, floors_speech.double_talk_from_reset)]  # fmt: skip
    runs = [[floors._study(number, True, EchoCanceller) for number in studies] for _ in range(2)]
    assert runs[0] == runs[1]
    table = json.loads(json.dumps(floors.summary([item for study in runs[0] for item in study])))
    assert table["rows"][0]["name"] == "ERLE in double talk from reset, 0 dB"
    assert table["failed"] == sum(row["met_floor"] is False for row in table["rows"])


def test_lost_is_what_the_disturbance_took_away():
    rin, path = g168.css(10.5, -16), g168.hybrid("d2", 6)
    assert floors_css.lost(Wire, rin, path, None, 5.25, 8.75) == 0
    assert abs(floors_css.lost(EchoCanceller, rin, path, None, 5.25, 8.75)) < 1
    assert floors_css.lost(Forgets, rin, path, None, 5.25, 8.75) > 20


def test_css_near_talker_is_silent_while_learning_and_while_measuring():
    near = floors_css._near_css(-6)
    assert not near[:42000].any()
    assert not near[82000:].any()
    assert len(near) == 42000 * 2 + 4 * 2800


def speech_bursts():
    """(near talker of 5 bursts of 200 ms every 400 ms, the same through a switch that opens 20 ms late)."""
    rng = np.random.default_rng(5)
    near = rng.normal(size=16000) * rms_for(-20)
    late = near.copy()
    for start in range(0, 16000, 3200):
        near[start : start + 1600] = 0
        late[start : start + 1760] = 0
    return near, late


def test_onsets_that_are_cut_are_counted():
    near, late = speech_bursts()
    assert floors_speech._onsets_cut(near, near) == 0
    assert floors_speech._onsets_cut(near, late) == 5
    short = np.arange(16000) % 800 < 400  # pauses of 50 ms make no new onset
    assert floors_speech._onsets_cut(near * short, late * short) == 5
    assert floors_speech._frames_cut(near, late) == pytest.approx(2 / 20)
    assert floors_speech._change(near, near / 2) == pytest.approx(-6.02, abs=0.01)


def test_talk_has_the_level_asked_for():
    from femtohost.audio import active_level

    talk = floors_speech.talk(np.random.default_rng(1), (floors_speech.installed() or ("low",))[0], 6.0, -22.0)
    assert active_level(talk) == pytest.approx(-22, abs=0.2)
    assert len(talk) == 48000


def test_without_recordings_synthetic_speech_talks(monkeypatch, tmp_path):
    monkeypatch.setattr(floors_speech, "SOUNDS", tmp_path)
    assert floors_speech.material().startswith("synthetic speech")
    far, near, path = floors_speech._conversation(0, 4.0)
    assert far.any()
    assert not np.array_equal(far, near)
    assert path.any()
