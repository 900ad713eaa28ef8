"""`femtojack run` with a cell: virtual Um, and what testers ask of its phones."""

import json

import pytest

from femtohost.control import ControlError

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


def test_nobody_has_that_number(covered, run):
    for words in (("page", "299"), ("sms", "send", "299", "hello")):
        code, _, err = run("gsm", *words, "--profile", str(covered.profile))
        assert code == 2 and "registered are 201" in err


def test_a_box_without_a_cell(start):
    box = start("")
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
