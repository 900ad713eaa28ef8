"""Texts and short codes of GSM phones through the whole box."""

import pytest
from test_gsm_calls import covered, until, well  # noqa: F401

HELLO = "Grüße, {world} €5"
LONG = "0123456789" * 30
WIDE = "日本語 😀"


def numbers(phone):
    return [(text.number, text.text) for text in phone.inbox]


def test_from_phone_to_phone(covered):  # noqa: F811
    box, (one, other) = covered(2)
    one.send_text("202", HELLO)
    until(box, lambda: other.inbox)
    assert numbers(other) == [("201", HELLO)]
    assert one.sent and well(box)


def test_a_text_waits_while_its_phone_is_off(covered):  # noqa: F811
    box, (one, other) = covered(2)
    other.power_off()
    until(box, lambda: box.app.status()["gsm"]["phones"] == ["201"])
    for text in ("first", "second"):
        one.send_text("202", text)
        until(box, lambda: one.state == "idle", lambda text=text: box.app.status()["gsm"]["texts"])
    until(box, lambda: box.app.status()["gsm"]["texts"] == 2)
    other.power_on()
    until(box, lambda: len(other.inbox) == 2, timeout_s=40)
    assert numbers(other) == [("201", "first"), ("201", "second")]
    assert well(box) and box.app.status()["gsm"]["texts"] == 0


def test_a_text_is_sent_and_received_during_a_call(covered):  # noqa: F811
    box, (one, other) = covered(2)
    one.dial("5550123")
    until(box, lambda: one.call_state == "ACTIVE")
    other.send_text("201", "are you there?")
    until(box, lambda: one.inbox)
    one.send_text("202", "yes")
    until(box, lambda: other.inbox)
    assert one.call_state == "ACTIVE" and box.far.state == "in-call"
    one.hang_up()
    until(box, lambda: box.far.state == "ended")
    assert well(box)


@pytest.mark.parametrize("text", [HELLO, WIDE])
def test_out_by_sip(covered, text):  # noqa: F811
    box, (phone,) = covered(1)
    phone.send_text("5550123", text)
    until(box, lambda: box.far.texts, lambda: phone.sent)
    assert box.far.texts == [("201", "5550123", text)]
    assert well(box)


def test_a_text_that_nobody_takes_is_refused_to_the_phone(covered):  # noqa: F811
    box, (phone,) = covered(1)
    box.far.text_status = 404
    phone.send_text("5550123", "x")
    until(box, lambda: phone.sent)
    assert box.far.texts == [] and phone.sent[-1] != "sent"


@pytest.mark.parametrize("text", [HELLO, WIDE])
def test_in_by_sip(covered, text):  # noqa: F811
    box, (phone, other) = covered(2)
    box.far.send_text("201", text)
    until(box, lambda: phone.inbox)
    assert numbers(phone) == [("200", text)]
    assert box.far.text_answers == [202] and other.inbox == []
    box.far.send_text("everybody", text)
    until(box, lambda: len(phone.inbox) == 2, lambda: other.inbox)
    assert well(box)


def test_a_long_text_comes_in_parts(covered):  # noqa: F811
    box, (phone,) = covered(1)
    box.far.send_text("201", LONG)
    until(box, lambda: len(phone.inbox) == 2)
    assert "".join(text.text for text in phone.inbox) == LONG
    box.far.send_text("201", LONG * 3)
    until(box, lambda: len(box.far.text_answers) == 2)
    assert box.far.text_answers == [202, 513]


def test_short_codes(covered):  # noqa: F811
    box, (phone,) = covered(1)
    for code in ("*#100#", "*#101#", "*#99#"):
        count = len(phone.ussd_answers)
        phone.ussd(code)
        until(box, lambda count=count: len(phone.ussd_answers) > count, lambda: phone.state == "idle")
    assert phone.ussd_answers[:2] == ["Your number: 201", "SIP not registered, phones 1, calls 0"]
    assert "201" not in str(phone.ussd_answers[2])
    assert well(box)


def test_what_a_tester_may_ask(covered):  # noqa: F811
    box, (phone,) = covered(1)
    (known,) = box.app.gsm("phones")
    assert (known["number"], known["imsi"], known["registered"]) == ("201", phone.imsi, True)
    assert box.app.gsm("text", "201", "from the desk") and not box.app.gsm("text", "999", "x")
    until(box, lambda: phone.inbox)
    assert numbers(phone) == [("100", "from the desk")]
    until(box, lambda: phone.state == "idle")
    assert box.app.gsm("page", "201") and not box.app.gsm("page", "999")
    until(box, lambda: box.trace.find("gsm.connected"))
    phone.set_coverage(False)
    until(box, lambda: True)
    box.run_for(5)
    box.app.gsm("page", "201")
    until(box, lambda: box.trace.find("gsm.lost"), timeout_s=40)
