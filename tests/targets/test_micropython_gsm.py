"""Calls of GSM phones in a real MicroPython: baseband and codec over the pipe, and the same trace."""

import pytest

from femtohost.call import CallOptions, make_call

pytestmark = pytest.mark.usefixtures("micropython")


@pytest.mark.parametrize("gsm", ["sip", "line"])
def test_the_trace_of_a_call_is_the_same(gsm):
    here, there = (make_call(CallOptions(gsm=gsm, seconds=1, target=target)) for target in ("cpython", "micropython"))
    assert here.call["trace_sha256"] == there.call["trace_sha256"]
    assert there.call["misuse"] == [] and there.call["gsm_cause"] == 16


def test_what_a_tester_asks_goes_over_the_pipe(make_box):
    box = make_box({"gsm": {"enabled": True}}, target="micropython")
    phone = box.gsm.add("001010000000001")
    phone.power_on()
    box.run_until(lambda: phone.registered and phone.state == "idle", timeout_s=10)
    (known,) = box.app.gsm("phones")
    assert (known["number"], known["imsi"], known["registered"]) == ("201", phone.imsi, True)
    assert box.app.gsm("text", "201", "Dinner is ready") and not box.app.gsm("text", "299", "nobody")
    box.processor.wake()
    box.run_until(lambda: phone.inbox, timeout_s=20)
    assert phone.inbox[0].text == "Dinner is ready"
