"""A saved trace runs again; a run that differs is named at its first difference."""

import json

import numpy as np
import pytest

from femtohost.recorder import ReplayError
from femtohost.replay import replay


@pytest.fixture
def saved(box, tmp_path):
    box.far.answer_after_s = 1.0
    box.run_until(lambda: box.state("fxs") == "ON_HOOK", timeout_s=5)
    box.phone.off_hook()
    box.phone.dial("12#")
    box.run_until(lambda: box.state("call") == "TALKING", timeout_s=15)
    box.phone.talk(np.arange(-4000, 4000, dtype=np.int16))
    box.run_for(1.2345)
    box.network.loss = 0.5
    box.run_for(1)
    box.phone.on_hook()
    box.run_for(3)
    box.recorder.save(tmp_path / "trace.jsonl")
    return box, tmp_path / "trace.jsonl"


def test_a_saved_trace_runs_again_to_the_same_hash(saved):
    box, path = saved
    again, difference = replay(path)
    assert difference is None
    assert again.trace.sha256() == box.trace.sha256()
    assert again.time_s == box.time_s


def changed(path, change):
    """The file with its lines changed."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    change(lines)
    path.write_text("\n".join(json.dumps(line) for line in lines))


def test_the_first_difference_is_named(saved):
    _, path = saved

    def change(lines):
        digit = next(line for line in lines if line.get("p") == "digit")
        digit["d"] = b"7".hex()

    changed(path, change)
    _, difference = replay(path)
    assert "digit" in difference.recorded
    assert difference.recorded.endswith(" 7")
    assert difference.now.endswith(" 1")


def test_another_input_is_another_run(saved):
    _, path = saved

    def change(lines):
        next(line for line in lines if line.get("do") == "phone.dial")["args"] = ["13#"]

    changed(path, change)
    _, difference = replay(path)
    assert "spi" in difference.now  # the DTMF status register of the SLIC is where the firmware learns of it


def test_an_action_that_was_refused_is_refused_again(box, tmp_path):
    box.run_until(lambda: box.state("fxs") == "ON_HOOK", timeout_s=5)
    with pytest.raises(ValueError, match="no incoming call"):
        box.far.answer()
    box.phone.off_hook()
    box.run_for(1)
    box.recorder.save(tmp_path / "trace.jsonl")
    assert replay(tmp_path / "trace.jsonl")[1] is None


def test_an_echo_path_of_ones_own_is_part_of_the_trace(make_box, tmp_path):
    (tmp_path / "path.csv").write_text("0\n0.5\n-0.25\n")
    box = make_box(path=str(tmp_path / "path.csv"))
    (tmp_path / "path.csv").unlink()
    box.phone.off_hook()
    box.run_for(3)
    box.recorder.save(tmp_path / "trace.jsonl")
    assert replay(tmp_path / "trace.jsonl")[1] is None


def test_datagrams_from_nowhere_are_inputs_too(box, tmp_path):
    box.network.inject(bytes((10, 0, 0, 9, 1, 1)), bytes((10, 0, 0, 1, 19, 196)), b"OPTIONS sip:x SIP/2.0\r\n\r\n")
    box.run_for(1)
    box.recorder.save(tmp_path / "trace.jsonl")
    assert replay(tmp_path / "trace.jsonl")[1] is None


def test_what_would_leave_no_record_is_refused(box):
    with pytest.raises(AttributeError, match="would leave no record"):
        box.network.open(bytes(4), 1)
    with pytest.raises(TypeError, match="cannot be written"):
        box.far.talk([1, 2], gate=lambda time: True)


def test_a_box_that_keeps_no_trace_saves_none(make_box, tmp_path):
    with pytest.raises(ValueError, match="keep_trace"):
        make_box(keep_trace=False).recorder.save(tmp_path / "x")


@pytest.mark.parametrize(
    "text", ["", "{}", "nonsense", '{"femtojack": 1}', "[]\n1", '{"femtojack": 1}\n{"sha256": ""}']
)
def test_what_is_no_trace_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    with pytest.raises(ReplayError, match=r"not a complete trace") as error:
        replay(path)
    assert "\n" not in str(error.value)


def test_a_missing_trace_is_refused(tmp_path):
    with pytest.raises(ReplayError, match="No such file"):
        replay(tmp_path / "none.jsonl")


def test_faults_of_the_line_and_the_chip_are_inputs_too(box, tmp_path):
    box.run_until(lambda: box.state("fxs") == "ON_HOOK", timeout_s=5)
    box.slic.overheat(2)
    box.run_for(1)
    box.line.set_path([0.0, 0.25])
    box.line.loop_resistance = 900.0
    box.run_for(8)
    box.recorder.save(tmp_path / "trace.jsonl")
    assert [action["do"] for action in box.recorder.actions] == [
        "slic.overheat",
        "line.set_path",
        "line.loop_resistance=",
    ]
    assert replay(tmp_path / "trace.jsonl")[1] is None


def test_a_part_has_no_setting_that_it_does_not_know(box):
    with pytest.raises(AttributeError, match="far has no answer_after"):
        box.far.answer_after = 3
