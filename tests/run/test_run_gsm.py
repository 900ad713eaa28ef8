"""`femtojack run` with a cell: virtual Um, and what testers ask of its phones."""

import json
import os

import numpy as np
import pytest

from femtohost.bridges.gsmtap import GsmtapBridge
from femtohost.clock import Clock
from femtohost.control import ControlError
from femtohost.models.gsm_air import Air
from femtohost.peers.gsm_phone import GsmPhone
from femtohost.wallclock import WallClock

CELL = "[gsm]\nenabled = true\n"
IMSI = "001010000000001"


def execute(box, source):
    """A line at the box's prompt; what it printed."""
    return box.ctl("execute", source=source)["output"].strip()


@pytest.fixture(scope="module")
def covered(start_module):
    """A box with one registered phone, `p` at its prompt; its number is 201."""
    box = start_module(CELL)
    assert execute(box, f"p = gsm.add({IMSI!r})") == ""
    execute(box, "p.power_on()")
    box.until(lambda: [phone["registered"] for phone in box.ctl("gsm-phones")] == [True])
    box.until(lambda: execute(box, "p.state") == "'idle'")
    return box


def test_phones(covered, run):
    code, out, _ = run("gsm", "phones", "--profile", str(covered.profile), "--json")
    (phone,) = json.loads(out)["phones"]
    assert code == 0 and (phone["number"], phone["imsi"], phone["registered"]) == ("201", IMSI, True)
    code, out, _ = run("gsm", "phones", "--profile", str(covered.profile))
    assert code == 0 and IMSI in out and "registered" in out
    assert covered.ctl("status")["gsm"]["phones"] == ["201"]


def test_a_text(covered, run):
    code, *_ = run("gsm", "sms", "send", "201", "Dinner is ready", "--profile", str(covered.profile))
    assert code == 0
    covered.until(lambda: "Dinner is ready" in execute(covered, "p.inbox"))


def test_a_phone_that_answers_a_page_and_one_that_does_not(covered, run):
    code, out, _ = run("gsm", "page", "201", "--profile", str(covered.profile), "--json")
    assert code == 0 and json.loads(out) == {"number": "201", "answered": True}
    covered.until(lambda: execute(covered, "p.state") == "'idle'")
    execute(covered, "p.set_coverage(False)")
    code, _, err = run("gsm", "page", "201", "--profile", str(covered.profile))
    assert code == 1 and err.strip() == "201 does not answer"
    execute(covered, "p.set_coverage(True)")


def test_triplets_are_provisioned_while_it_runs(start, run):
    """The phone with the right key comes in; with another it is told that it may not."""
    box, ki, opc = start(CELL), "11" * 16, "22" * 16
    for name, imsi, key in (("right", IMSI, ki), ("wrong", "001010000000002", "33" * 16)):
        words = ("milenage", imsi, "--ki", ki, "--opc", opc, "--profile", str(box.profile))
        assert run("gsm", "provision", *words)[0] == 0
        keys = f"bytes.fromhex({key!r}), opc=bytes.fromhex({opc!r})"
        assert execute(box, f"{name} = gsm.add({imsi!r}, {keys})") == ""
        execute(box, f"{name}.power_on()")
    box.until(lambda: execute(box, "right.registered, wrong.refused") == "(True, 6)")  # 6: AUTHENTICATION REJECT


def test_nobody_has_that_number(covered, run):
    for words in (("page", "299"), ("sms", "send", "299", "hello")):
        code, _, err = run("gsm", *words, "--profile", str(covered.profile))
        assert code == 2 and "registered are 201" in err


def test_a_box_without_a_cell(box):
    with pytest.raises(ControlError, match=r"\[gsm\]"):
        box.ctl("gsm-phones")


def test_virtual_um_takes_a_cell(start, tmp_path):
    box = start("", "--gsmtap")
    assert box.ctl("gsm-phones") == []
    assert box.stop() == 130


@pytest.mark.parametrize(
    ("config", "interface", "says"),
    [(CELL, "nowhere0", "no such network interface"), ("[gsm]\nenabled = false\n", "lo", "no cell")],
)
def test_where_virtual_um_cannot_be(run, tmp_path, config, interface, says):
    file = tmp_path / "gateway.toml"
    file.write_text(config)
    code, _, err = run("run", "--config", str(file), "--gsmtap", interface)
    assert code == 2 and says in err and err.count("\n") == 1


class PhoneOnUm:
    """An emulated phone in this process, in real time, at the other side of virtual Um."""

    def __init__(self, arfcn):
        self.loop, clock = WallClock(), Clock()
        self.loop.follow(clock)
        air = Air(clock, np.random.default_rng(1))
        self.bridge = GsmtapBridge(self.loop.watch, self.loop.unwatch, cell=False)
        self.bridge.join(air)
        self.phone = GsmPhone(clock, air, np.random.default_rng(2), IMSI, arfcn=arfcn)

    def until(self, condition, seconds=60):
        assert self.loop.run_until(condition, seconds), (self.phone.state, self.phone.call_state)


@pytest.fixture
def on_um(start):
    """(box, phone) on virtual Um, on carriers of their own: others may be using it on this machine."""
    arfcn = 1 + os.getpid() % 60
    box = start(f"{CELL}arfcn = {arfcn}\narfcn_dedicated = {arfcn + 60}\n", "--gsmtap")
    um = PhoneOnUm(arfcn)
    um.phone.power_on()
    um.until(lambda: um.phone.registered and um.phone.state == "idle")
    yield box, um
    um.bridge.close()


def test_a_phone_on_virtual_um_registers_and_calls_the_line(on_um):
    box, um = on_um
    assert box.ctl("status")["gsm"]["phones"] == ["201"]
    call = um.phone.dial("100")
    um.until(lambda: call.state == "ALERTING")
    box.event("line", state="ringing")
    box.ctl("off-hook")
    um.until(lambda: call.state == "ACTIVE")
    heard = []
    um.phone.on_speech.append(heard.append)
    um.until(lambda: len(heard) > 50)
    um.phone.hang_up()
    um.until(lambda: um.phone.state == "idle")
    assert call.cause == 16 and um.phone.bad == (0, 0)
    assert box.ctl("status")["misuse"] == []
