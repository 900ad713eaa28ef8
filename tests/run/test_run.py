"""`femtojack run` as a process: calls between two boxes over real UDP, commands, and how it ends."""

import os
import signal
import socket
import stat

import numpy as np
import pytest

from femtohost.control import ControlClient, ControlError, from_text, to_text

RATE = 8000


def tone(hz, seconds):
    return np.round(8000 * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)).astype(np.int16)


def purity(samples, hz):
    x = samples * np.hanning(len(samples))
    spectrum = np.abs(np.fft.rfft(x)) ** 2
    k = round(hz * len(x) / RATE)
    return spectrum[k - 4 : k + 5].sum() / spectrum[1:].sum()


def test_two_boxes_call_each_other_and_talk(start):
    callee = start(name="callee")
    caller = start(f'[sip]\nserver = "{callee.ready["addresses"]["sip"]}"\nuser = ""\n', name="caller")
    assert caller.ready["addresses"]["sip"] != callee.ready["addresses"]["sip"]
    for box in (caller, callee):
        box.event("line", state="on-hook")
    caller.ctl("off-hook")
    caller.hears("dial")
    caller.ctl("dial", digits="100#")
    callee.event("line", state="ringing")
    caller.hears("ringback")
    callee.ctl("off-hook")
    caller.event("call", state="talking")
    callee.event("call", state="talking")

    client = ControlClient(callee.profile)  # a second client talks while the first records
    client._socket.sendall(b'{"do": "say", "pcm": "' + to_text(tone(1000, 60)).encode() + b'"}\n')
    heard = from_text(caller.ctl("record", seconds=2))
    assert len(heard) == 2 * RATE
    # A machine that is busy makes gaps: the clearest quarter of a second counts.
    assert max(purity(part, 1000) for part in np.split(heard, 8)) > 0.99
    client.close()

    assert caller.ctl("status")["call"] == "talking"
    assert caller.ctl("status")["misuse"] == []
    callee.ctl("on-hook")
    caller.event("ended", status=200)
    caller.hears("reorder")
    caller.ctl("on-hook")
    caller.event("call", state="idle")
    assert (caller.stop(), callee.stop(signal.SIGTERM)) == (130, 130)


def test_an_interrupt_in_a_call_hangs_up_first(start, box):
    callee = box
    caller = start(f'[sip]\nserver = "{callee.ready["addresses"]["sip"]}"\n', name="caller")
    caller.event("line", state="on-hook")
    caller.ctl("off-hook")
    caller.ctl("dial", digits="1#")
    callee.event("line", state="ringing")
    callee.ctl("off-hook")
    callee.event("call", state="talking")
    assert caller.stop() == 130
    callee.event("ended")


def test_without_a_server_a_call_ends_in_reorder(box):
    assert box.ctl("status")["sip"] == "not configured"
    box.ctl("off-hook")
    box.ctl("dial", digits="5#")
    box.hears("reorder")


def test_power_off_and_on(box):
    box.ctl("power", state="off")
    box.event("power", state="off")
    status = box.ctl("status")
    assert (status["power"], status["line"]) == ("off", "off")
    with pytest.raises(ControlError, match="powered off"):
        box.ctl("off-hook")
    box.ctl("power", state="on")
    box.event("line", state="on-hook")
    assert box.ctl("status")["addresses"] == box.ready["addresses"]


def test_what_waits_is_told_when_the_power_goes(box):
    box.ctl("off-hook")
    waiting = ControlClient(box.profile)
    waiting._socket.sendall(b'{"do": "record", "seconds": 3000}\n')
    box.until(lambda: "silence" in box.ctl("hears") or "dial" in box.ctl("hears"))
    box.ctl("power", state="off")
    assert b"lost its power" in waiting._file.readline()


def test_a_client_that_goes_away_leaves_nothing_behind(box):
    blocks = "len(box.board.pcm.on_block)"
    before = box.ctl("execute", source=blocks)["output"]
    gone = ControlClient(box.profile)
    gone._socket.sendall(b'{"do": "record", "seconds": 3000}\n')
    box.until(lambda: box.ctl("execute", source=blocks)["output"] != before)
    gone.close()
    box.until(lambda: box.ctl("execute", source=blocks)["output"] == before)


def test_a_second_box_on_the_same_profile_is_refused(box, run):
    code, _, err = run("run", "--profile", box.profile)
    assert (code, err.count("\n")) == (2, 1)
    assert "another box runs" in err
    assert box.ctl("status")["power"] == "on"


def test_the_socket_keeps_others_out_and_goes_with_the_box(start, run):
    """In a folder with a name that is too long for a socket's."""
    box = start(name="deep/" * 40 + "x" * 100)
    path = box.profile / "ctl.sock"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    box.stop()
    assert not path.exists()
    code, _, err = run("ctl", "status", "--profile", box.profile)
    assert (code, err.count("\n")) == (2, 1)
    assert "no box runs on it" in err


def test_a_box_that_was_killed_leaves_nothing_that_stops_the_next(start, tmp_path):
    start().kill()
    assert start().ctl("status")["power"] == "on"


def test_a_port_that_is_taken(tmp_path, run):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        (tmp_path / "g.toml").write_text(f"[sip]\nport = {taken.getsockname()[1]}\n")
        code, _, err = run("run", "--config", tmp_path / "g.toml")
    assert (code, err.count("\n")) == (2, 1)
    assert "UDP port" in err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[sip]\nsever = 1\n", "sip.sever"),
        ('[sip]\nserver = "x"\n', "sip.server"),
        ('[line]\ncountry = "xx"\n', "line.country"),
        ("[sip\n", "not TOML"),
    ],
)
def test_a_wrong_configuration_is_one_line_with_file_and_key(tmp_path, run, text, said):
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    code, out, err = run("run", "--config", path)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert str(path) in err
    assert said in err


def test_no_configuration_there(tmp_path, run):
    code, _, err = run("run", "--config", tmp_path / "none.toml")
    assert (code, err.count("\n")) == (2, 1)


def test_bad_requests_are_answered_and_harm_nobody(box):
    client = ControlClient(box.profile)
    for line in (
        b"garbage\n",
        b"[]\n",
        b"{}\n",
        b'{"do": "fly"}\n',
        b'{"do": "dial"}\n',
        b'{"do": "record", "seconds": -1}\n',
    ):
        client._socket.sendall(line)
        assert b'"error"' in client._file.readline()
    client._socket.sendall(b'{"do": "status"}')  # not a whole line: nothing comes, and the box goes on
    assert box.ctl("status")["line"] == "on-hook"
    with pytest.raises(ControlError, match="on-hook; lift it"):
        box.ctl("dial", digits="1")


def test_the_commands_of_a_tester(box, run):
    def ctl(*arguments):
        code, out, err = run("ctl", "--profile", box.profile, *arguments)
        assert (code, err) == (0, "")
        return out

    ctl("phone", "off-hook")
    box.hears("dial")
    assert ctl("phone", "hears") == "dial\n"
    ctl("phone", "record", "heard.wav", "0.5")
    assert os.path.getsize("heard.wav") == 44 + RATE
    ctl("phone", "say", "heard.wav")
    ctl("phone", "flash")
    box.event("line", state="opened")
    box.event("line", state="off-hook")
    assert "off-hook" in ctl("status")
    assert "off-hook" in run("ctl", "status", "--profile", box.profile)[1]
    code, _, err = run("ctl", "phone", "dial", "12x", "--profile", box.profile)
    assert (code, err.count("\n")) == (2, 1)


def test_a_command_to_no_box_in_particular_is_one_line(run):
    code, _, err = run("ctl", "status")
    assert (code, err.count("\n")) == (2, 1)
    assert "--profile" in err


def test_the_prompt_at_a_running_box(box):
    assert box.ctl("execute", source="app.control.state")["output"] == "'IDLE'\n"
    assert "ZeroDivisionError" in box.ctl("execute", source="1/0")["output"]
    assert box.ctl("execute", source="for i in (1, 2):") == {"more": True, "output": ""}
    box.ctl("execute", source="x = 41")
    assert box.ctl("execute", source="x + 1")["output"] == "42\n"
    assert "goes on" in box.ctl("execute", source="exit()")["output"]
    assert "box.phone" in box.ctl("complete", text="box.ph")
    assert box.ctl("status")["power"] == "on"
