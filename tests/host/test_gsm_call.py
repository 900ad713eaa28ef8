"""`femtojack call --gsm`: a call of an emulated GSM phone, its figures and its files."""

import json

import pytest

from femtohost.call import CallOptions, make_call
from femtohost.commands.common import with_values
from femtohost.replay import replay


@pytest.mark.parametrize("incoming", [False, True])
def test_a_call_by_sip(incoming):
    made = make_call(CallOptions(gsm="sip", seconds=3, incoming=incoming, number="5550123"))
    call = made.call
    assert call["misuse"] == [] and call["digits"] == "5550123"
    assert (call["direction"], call["sip_final_status"], call["gsm_cause"]) == ("in" if incoming else "out", 200, 16)
    assert 0 < call["delay_up_ms"] < 150 and 0 < call["delay_down_ms"] < 250
    assert call["packets_up"] > 150 and call["frames_up"] > 150
    assert len({len(signal) for signal in made.signals.values()}) == 1
    assert all(abs(signal).max() > 1000 for signal in made.signals.values())
    states = [state["state"] for state in made.states if state["track"] == "GSM"]
    assert states[0] == "null" and "active" in states and states[-1] == "null"


@pytest.mark.parametrize(("incoming", "digits"), [(False, "201"), (True, "100")])
def test_a_call_with_the_telephone_on_the_line(incoming, digits):
    made = make_call(CallOptions(gsm="line", seconds=3, incoming=incoming))
    assert made.call["digits"] == digits and made.call["misuse"] == []
    assert made.call["erle_db"] > 10 and made.call["sip_final_status"] is None
    assert made.call["taps"] == len(made.learnt_path)


def test_the_command_writes_a_report_that_can_be_run_again(run, tmp_path):
    code, out, _ = run("call", "--gsm", "--seconds", "2", "--out", str(tmp_path / "call"), "--json")
    assert code == 0 and json.loads(out)["gsm"] == "sip"
    page = (tmp_path / "call" / "report.html").read_text()
    assert "Delay up" in page and "ERLE</" not in page and "femtojack call --seconds 2.0 --gsm sip" in page
    assert "what the GSM phone hears" in page
    assert not any(part in page for part in ('class="canceller"', "<h2>Echo path</h2>", "ERLE in dB"))
    _, difference = replay(tmp_path / "call" / "trace.jsonl")
    assert difference is None


def test_a_gsm_call_that_cannot_be(run):
    code, _, err = run("call", "--gsm", "fax")
    assert code == 2 and err.endswith("the phone calls by sip or the telephone on the line: sip or line\n")


@pytest.mark.parametrize(
    ("given", "complete"),
    [
        ([], []),
        (["call", "--gsm"], ["call", "--gsm", "sip"]),
        (["call", "--gsm", "line", "--nlp"], ["call", "--gsm", "line", "--nlp"]),
        (["run", "--gsmtap", "--json"], ["run", "--gsmtap", "lo", "--json"]),
        (["run", "--gsmtap=eth0"], ["run", "--gsmtap=eth0"]),
    ],
)
def test_options_that_may_stand_alone(given, complete):
    assert with_values(given) == complete
