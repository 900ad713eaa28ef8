"""Calls of GSM phones through the whole box: air, baseband, firmware, SIP and the line."""

import pytest

IMSI = "00101000000000{}"


@pytest.fixture
def covered(make_box):
    """`covered(n, **gsm) -> (box, phones)`: a box with n registered phones, 201 and so on, and its line in service."""

    def make(count, **gsm):
        box = make_box({"gsm": {"enabled": True, **gsm}})
        phones = [box.gsm.add(IMSI.format(i + 1)) for i in range(count)]
        box.run_until(lambda: box.state("fxs") == "ON_HOOK", timeout_s=5)
        for phone in phones:
            phone.power_on()
            box.run_until(lambda phone=phone: phone.registered, timeout_s=20)
        box.run_until(lambda: all(phone.state == "idle" for phone in phones), timeout_s=10)
        assert box.app.status()["gsm"]["phones"] == [str(201 + i) for i in range(count)]
        return box, phones

    return make


def well(box):
    """Nothing that a standard forbids, and nothing left behind."""
    box.run_for(35)
    assert box.misuse == []
    assert all(phone.bad == (0, 0) for phone in box.gsm)
    status = box.app.status()
    assert status["idle"] and status["gsm"]["calls"] == 0
    return True


def test_a_phone_calls_a_number_by_sip_and_hangs_up(covered):
    box, (phone,) = covered(1)
    call = phone.dial("5550123")
    box.run_until(lambda: box.far.state == "ringing", timeout_s=10)
    assert box.far.dialled == "5550123"
    box.run_until(lambda: call.state == "ACTIVE" and box.far.state == "in-call", timeout_s=10)
    box.run_for(1)
    phone.hang_up()
    box.run_until(lambda: box.far.state == "ended" and phone.state == "idle", timeout_s=10)
    assert well(box)
