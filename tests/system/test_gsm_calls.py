"""Calls of GSM phones through the whole box: air, baseband, firmware, SIP and the line."""

import numpy as np
import pytest

from femtohost.full_rate import FullRate

RATE = 8000
FRAME = 33  # octets of 20 ms
IMSI = "00101000000000{}"
LOW, HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
KEYS = ("123A", "456B", "789C", "*0#D")


def tone(hz, seconds=1.0, peak=8000):
    return np.round(peak * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)).astype(np.int16)


def purity(samples, hz):
    """Share of the power that is at `hz`."""
    x = samples * np.hanning(len(samples))
    spectrum = np.abs(np.fft.rfft(x)) ** 2
    k = round(hz * len(x) / RATE)
    return spectrum[k - 3 : k + 4].sum() / spectrum[1:].sum()


def keys(samples):
    """The DTMF keys in `samples`, one a tone, found in blocks of 25.6 ms."""
    found = ""
    for block in samples[: len(samples) // 205 * 205].reshape(-1, 205):
        spectrum = [abs(np.dot(block, np.exp(-2j * np.pi * hz * np.arange(205) / RATE))) for hz in (*LOW, *HIGH)]
        low, high = int(np.argmax(spectrum[:4])), int(np.argmax(spectrum[4:]))
        pair = spectrum[low] ** 2 + spectrum[4 + high] ** 2
        total = 205 / 2 * (np.dot(block.astype(float), block) + 1)
        key = KEYS[low][high] if pair > 0.7 * total and pair > 1e9 else " "
        found += key if found[-1:] != key else ""
    return found.replace(" ", "")


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


def until(box, *conditions, timeout_s=20):
    box.run_until(lambda: all(condition() for condition in conditions), timeout_s=timeout_s)


def in_call(*phones):
    return lambda: all(phone.call_state == "ACTIVE" for phone in phones)


def rings(phone):
    return lambda: phone.call_state == "RINGING"


def well(box):
    """Nothing that a standard forbids, and nothing left behind."""
    box.run_for(34)  # SIP's longest timer, 64 * T1, and a little
    assert box.misuse == []
    assert all(phone.bad == (0, 0) for phone in box.gsm)
    assert all(phone.state == "idle" for phone in box.gsm)
    status = box.app.status()
    assert status["idle"] and status["gsm"]["calls"] == 0
    return True


def sip_call(box, phone, number="5550123"):
    """`phone` and the far end in a call; the Call."""
    call = phone.dial(number)
    until(box, in_call(phone), lambda: box.far.state == "in-call")
    return call


def called(box, phone):
    """The far end and `phone`, which is 201, in a call; the phone's Call."""
    box.far.call("201")
    until(box, rings(phone))
    phone.answer()
    until(box, in_call(phone), lambda: box.far.state == "in-call")
    return phone.call


# -- SIP ----------------------------------------------------------------------------------------------------------


def test_a_phone_calls_by_sip_both_hear_each_other_and_the_phone_hangs_up(covered):
    box, (phone,) = covered(1)
    phone.recording = True
    box.far.talk(tone(1000))
    sip_call(box, phone)
    assert box.far.dialled == "5550123"
    assert b'From: "201"' in next(data for _, way, data in box.far.messages if way == "received" and b"INVITE" in data)
    phone.talk(FullRate().encode(tone(500, 4)))
    box.run_for(3)
    heard = FullRate().decode(b"".join(phone.heard[-100:]))
    assert purity(heard, 1000) > 0.95
    assert purity(box.far.heard()[-2 * RATE :], 500) > 0.95
    phone.hang_up()
    until(box, lambda: box.far.state == "ended", lambda: phone.state == "idle")
    assert well(box)


def test_the_far_end_calls_a_phone_and_hangs_up(covered):
    box, (phone, other) = covered(2)
    box.far.call("201")
    until(box, rings(phone), lambda: box.far.state == "ringing")
    assert phone.call.number == "200"
    assert other.call is None and not box.phone.ringing
    phone.answer()
    until(box, in_call(phone), lambda: box.far.state == "in-call")
    box.run_for(1)
    box.far.hang_up()
    until(box, lambda: phone.state == "idle")
    assert phone.call.cause == 16
    assert well(box)


@pytest.mark.parametrize(("status", "cause"), [(486, 17), (404, 1), (603, 21), (503, 41)])
def test_a_refusal_by_sip_is_the_cause_of_the_phone(covered, status, cause):
    box, (phone,) = covered(1)
    box.far.reject = status
    call = phone.dial("555")
    until(box, lambda: call.state == "NULL")
    assert call.cause == cause


@pytest.mark.parametrize(("way", "status"), [("busy", 486), ("reject", 603)])
def test_a_phone_that_refuses_is_a_refusal_by_sip(covered, way, status):
    box, (phone,) = covered(1)
    box.far.call("201")
    until(box, rings(phone))
    getattr(phone, way)()
    until(box, lambda: box.far.state == "ended")
    assert box.far.final_status == status


def test_a_phone_out_of_coverage_is_unavailable(covered):
    box, (phone,) = covered(1)
    phone.set_coverage(False)
    box.far.call("201")
    until(box, lambda: box.far.state == "ended", timeout_s=30)
    assert box.far.final_status == 480


def test_the_far_end_gives_up_before_the_phone_answers(covered):
    box, (phone,) = covered(1)
    box.far.call("201")
    until(box, rings(phone))
    box.far.cancel()
    until(box, lambda: phone.state == "idle")
    assert box.far.final_status == 487
    assert well(box)


def test_a_lost_phone_ends_the_call_of_the_far_end(covered):
    box, (phone,) = covered(1)
    sip_call(box, phone)
    phone.pull_battery()
    until(box, lambda: box.far.state == "ended", timeout_s=30)
    box.run_for(40)
    assert box.app.status()["idle"] and box.misuse == []


def test_an_emergency_call_goes_to_its_number(covered):
    box, (phone,) = covered(1, emergency_number="911")
    call = phone.emergency()
    until(box, lambda: call.state == "ACTIVE", lambda: box.far.state == "in-call")
    assert box.far.dialled == "911"


def test_an_emergency_call_takes_the_channel_of_an_ordinary_one(covered):
    """TS 22.101 10.1; whoever it is."""
    box, (one, other, stranger) = covered(3, traffic_channels=1)
    ordinary = sip_call(box, one)
    call = other.dial("5550123")
    until(box, lambda: call.state == "NULL")
    assert call.cause == 34 and ordinary.state == "ACTIVE"  # an ordinary one does not
    urgent = stranger.emergency()
    until(box, lambda: ordinary.state == "NULL", timeout_s=3)
    assert ordinary.cause == 25
    until(box, lambda: urgent.state == "ACTIVE", lambda: box.far.dialled == "112", timeout_s=10)
    stranger.hang_up()
    until(box, lambda: stranger.state == "idle")
    assert well(box)


def test_an_emergency_call_needs_no_registration(make_box):
    box = make_box({"gsm": {"enabled": True, "registration": "listed"}})
    phone = box.gsm.add(IMSI.format(1))
    phone.power_on()
    box.run_until(lambda: phone.refused is not None, timeout_s=20)
    assert not phone.registered
    call = phone.emergency()
    until(box, lambda: call.state == "ACTIVE", lambda: box.far.state == "in-call")
    assert box.far.dialled == "112"
    phone.hang_up()
    until(box, lambda: phone.state == "idle")
    assert box.misuse == []


# -- the line -----------------------------------------------------------------------------------------------------


def test_a_phone_calls_the_telephone_on_the_line(covered):
    box, (phone,) = covered(1)
    phone.recording = True
    phone.dial("100")
    until(box, lambda: box.phone.ringing, lambda: phone.call_state == "ALERTING")
    box.phone.off_hook()
    until(box, in_call(phone))
    assert box.state("call") == "TALKING"
    box.phone.talk(tone(1000))
    box.run_for(3)
    assert purity(FullRate().decode(b"".join(phone.heard[-100:])), 1000) > 0.9
    box.phone.stop_talking()
    phone.talk(FullRate().encode(tone(500, 4)))
    box.run_for(3)
    assert purity(box.phone.earpiece(2), 500) > 0.9
    box.phone.on_hook()
    until(box, lambda: phone.state == "idle")
    assert phone.call.cause == 16
    assert well(box)


def test_the_telephone_calls_a_phone_which_hangs_up(covered):
    box, (phone,) = covered(1)
    box.phone.off_hook()
    box.phone.dial("201#")
    until(box, rings(phone), lambda: box.phone.hears("ringback"))
    assert phone.call.number == "100"
    phone.answer()
    until(box, in_call(phone))
    box.run_for(1)
    phone.hang_up()
    until(box, lambda: box.phone.hears("reorder"), lambda: phone.state == "idle")
    box.phone.on_hook()
    assert well(box)


def test_a_busy_phone_is_busy_tone_at_the_telephone(covered):
    box, (phone,) = covered(1)
    box.phone.off_hook()
    box.phone.dial("201#")
    until(box, rings(phone))
    phone.busy()
    until(box, lambda: box.phone.hears("busy"))


def test_a_telephone_in_use_is_busy_to_a_phone(covered):
    box, (phone,) = covered(1)
    box.phone.off_hook()
    box.run_for(0.5)
    call = phone.dial("100")
    until(box, lambda: call.state == "NULL")
    assert call.cause == 17


def test_what_is_no_phone_goes_out_by_sip_from_the_line_as_ever(covered):
    box, _ = covered(1)
    box.phone.off_hook()
    box.phone.dial("5550123#")
    until(box, lambda: box.far.state == "in-call")
    assert box.far.dialled == "5550123"
    box.phone.on_hook()
    until(box, lambda: box.far.state == "ended")
    assert well(box)


# -- phone to phone ---------------------------------------------------------------------------------------------------


def test_speech_from_phone_to_phone_is_carried_bit_by_bit(covered):
    box, (one, other) = covered(2)
    one.dial("202")
    until(box, rings(other))
    assert other.call.number == "201"
    other.answer()
    until(box, in_call(one, other))
    box.run_for(0.5)
    one.recording = other.recording = True
    frames = np.random.default_rng(1).integers(0, 256, (250, FRAME), np.uint8)
    frames[:, 0] = 0xD0 | frames[:, 0] & 0x0F
    one.talk(frames.tobytes())
    other.talk(frames[::-1].tobytes())
    box.run_for(6)
    for phone, said in ((other, frames.tobytes()), (one, frames[::-1].tobytes())):
        assert said in b"".join(phone.heard)
    one.hang_up()
    until(box, lambda: one.state == other.state == "idle")
    assert well(box)


def test_calling_oneself_is_busy(covered):
    box, (phone,) = covered(1)
    call = phone.dial("201")
    until(box, lambda: call.state == "NULL")
    assert call.cause == 17


# -- who rings --------------------------------------------------------------------------------------------------------


def test_all_ring_and_the_first_to_answer_has_the_call(covered):
    box, (one, other) = covered(2)
    box.far.call("anybody")
    until(box, rings(one), rings(other), lambda: box.phone.ringing)
    other.answer()
    until(box, in_call(other), lambda: box.far.state == "in-call", lambda: one.state == "idle")
    assert not box.phone.ringing and one.call.cause == 26
    other.hang_up()
    until(box, lambda: box.far.state == "ended")
    assert well(box)


def test_all_ring_and_the_telephone_answers(covered):
    box, (one, other) = covered(2)
    box.far.talk(tone(1000))
    box.far.call("anybody")
    until(box, rings(one), rings(other), lambda: box.phone.ringing)
    box.phone.off_hook()
    until(box, lambda: box.far.state == "in-call", lambda: one.state == other.state == "idle")
    box.run_for(2.5)
    assert purity(box.phone.earpiece(1), 1000) > 0.9
    box.phone.on_hook()
    until(box, lambda: box.far.state == "ended")
    assert well(box)


@pytest.mark.parametrize(("ring", "phones", "line"), [("line", False, True), ("phones", True, False)])
def test_who_rings_is_configured(covered, ring, phones, line):
    box, (phone,) = covered(1, ring=ring)
    box.far.call("anybody")
    until(box, lambda: box.far.state == "ringing")
    box.run_for(1)
    assert (phone.call_state == "RINGING", box.state("fxs") == "RINGING") == (phones, line)


def test_nobody_answers_and_the_caller_hears_why(covered):
    box, (one, other) = covered(2, ring="phones")
    box.far.call("anybody")
    until(box, rings(one), rings(other))
    one.busy()
    box.run_for(1)
    assert box.far.state == "ringing"
    other.reject()
    until(box, lambda: box.far.state == "ended")
    assert box.far.final_status == 603


# -- keys, hold, waiting --------------------------------------------------------------------------------------------


def test_keys_are_acknowledged_and_heard_by_the_far_end(covered):
    box, (phone,) = covered(1)
    call = sip_call(box, phone)
    box.run_for(1)
    phone.press("159*0#D")
    until(box, lambda: len(call.dtmf) == 7, timeout_s=30)
    box.run_for(0.5)
    assert (call.dtmf, call.dtmf_refused) == ("159*0#D", "")
    assert keys(box.far.heard()) == "159*0#D"


@pytest.mark.parametrize("far_calls", [False, True])
@pytest.mark.parametrize("payload_type", [101, 96])
def test_keys_go_as_events_where_the_far_end_takes_them_and_come_as_tones(covered, far_calls, payload_type):
    """RFC 4733, offered by either side."""
    box, (phone,) = covered(1)
    box.far.events = payload_type
    call = (called if far_calls else sip_call)(box, phone)
    phone.talk(FullRate().encode(tone(500, 30)))
    box.run_for(1)
    phone.press("159*0#D")
    until(box, lambda: len(call.dtmf) == 7, timeout_s=30)
    box.run_for(1)
    stream = box.far.stream
    assert (stream.keys, keys(box.far.heard()), stream.refused) == ("159*0#D", "", 0)
    firsts = [packet for packet in stream.event_packets if packet[0]]
    assert len(firsts) == 7 and all(packet[-1] == 160 for packet in firsts)
    assert sum(packet[4] for packet in stream.event_packets) == 21
    phone.stop_talking()
    phone.recording = True
    box.far.press("123A4")
    box.run_for(2)
    assert keys(FullRate().decode(b"".join(phone.heard))) == "123A4"
    box.far.talk(tone(1000))
    box.run_for(2)
    assert purity(FullRate().decode(b"".join(phone.heard))[-RATE:], 1000) > 0.9
    phone.hang_up()
    until(box, lambda: phone.state == "idle", lambda: box.far.state == "ended")
    assert well(box)


def test_hold_keeps_the_events(covered):
    box, (phone,) = covered(1)
    box.far.events = 101
    call = sip_call(box, phone)
    for on in (True, False):
        (phone.hold if on else phone.retrieve)()
        until(box, lambda on=on: call.held == on and box.far.on_hold == on)
    phone.press("7")
    until(box, lambda: box.far.stream.keys == "7")


def test_keys_are_heard_by_another_phone_and_by_the_line(covered):
    box, (one, other) = covered(2)
    call = one.dial("202")
    until(box, rings(other))
    other.answer()
    until(box, in_call(one, other))
    other.recording = True
    one.press("258")
    until(box, lambda: call.dtmf == "258")
    box.run_for(0.5)
    assert keys(FullRate().decode(b"".join(other.heard))) == "258"
    one.hang_up()
    until(box, lambda: one.state == "idle")
    call = one.dial("100")
    until(box, lambda: box.phone.ringing)
    box.phone.off_hook()
    until(box, in_call(one))
    one.press("7")
    until(box, lambda: call.dtmf == "7")
    box.run_for(0.3)
    assert keys(box.phone.earpiece(1)) == "7"


def test_a_held_far_end_hears_nothing_until_it_is_retrieved(covered):
    box, (phone,) = covered(1)
    call = sip_call(box, phone)
    phone.talk(FullRate().encode(tone(500, 1)), loop=True)
    box.run_for(1)
    phone.hold()
    until(box, lambda: call.held, lambda: box.far.on_hold)
    box.run_for(1)
    before = len(box.far.heard())
    box.run_for(2)
    assert np.abs(box.far.heard()[before:]).max(initial=0) < 50
    phone.retrieve()
    until(box, lambda: not call.held, lambda: not box.far.on_hold)
    box.run_for(2)
    assert purity(box.far.heard()[-RATE:], 500) > 0.9
    phone.hang_up()
    until(box, lambda: phone.state == "idle")
    assert well(box)


def test_a_far_end_that_holds_is_silence_until_it_comes_back(covered):
    box, (phone,) = covered(1)
    box.far.talk(tone(1000))
    sip_call(box, phone)
    phone.talk(FullRate().encode(tone(500, 1)), loop=True)
    box.run_for(1)
    box.far.hold()
    box.far.stop_talking()
    box.run_for(1)
    before = len(box.far.heard())
    box.run_for(2)
    assert len(box.far.heard()) == before  # nothing is sent to who does not listen
    box.far.hold(False)
    box.far.talk(tone(1000))
    phone.recording = True
    box.run_for(2)
    assert purity(box.far.heard()[-RATE:], 500) > 0.9
    assert purity(FullRate().decode(b"".join(phone.heard))[-RATE:], 1000) > 0.9
    phone.hang_up()
    until(box, lambda: phone.state == "idle")
    assert well(box)


@pytest.mark.parametrize("far_calls", [False, True])
def test_both_hold_at_once_and_both_come_back(covered, far_calls):
    """The re-INVITEs meet on the way: 491, and another attempt (RFC 3261 14.1)."""
    box, (phone,) = covered(1)
    call = (called if far_calls else sip_call)(box, phone)
    phone.talk(FullRate().encode(tone(500, 30)))
    box.run_for(1)
    box.network.delay_ms = 400  # longer than the phone waits for its acknowledgement
    for on in (True, False):
        (phone.hold if on else phone.retrieve)()
        until(box, lambda on=on: call.held == on, timeout_s=2)
        box.far.hold(on)
        box.run_for(10)
        assert box.far.on_hold == on
    assert any(b" 491 " in data for _, _, data in box.far.messages)
    assert purity(box.far.heard()[-RATE:], 500) > 0.9
    phone.hang_up()
    until(box, lambda: phone.state == "idle", lambda: box.far.state == "ended")
    assert well(box)


def test_a_waiting_call_is_taken_and_the_first_one_is_still_there(covered):
    box, (one, other) = covered(2)
    first = sip_call(box, one)
    other.dial("201")
    until(box, rings(one))
    one.hold()
    until(box, lambda: first.held)
    one.answer()
    until(box, in_call(one, other))
    box.run_for(0.5)
    frames = np.random.default_rng(2).integers(0, 256, (50, FRAME), np.uint8)
    frames[:, 0] = 0xD0 | frames[:, 0] & 0x0F
    one.recording = True
    other.talk(frames.tobytes())
    box.run_for(1.5)
    assert frames.tobytes() in b"".join(one.heard)
    other.hang_up()
    until(box, lambda: len(one.calls) == 1)
    one.retrieve()
    until(box, lambda: not first.held)
    one.hang_up()
    until(box, lambda: one.state == "idle", lambda: box.far.state == "ended")
    assert well(box)


def test_shutting_down_ends_calls_of_phones(covered):
    box, (phone,) = covered(1)
    sip_call(box, phone)
    box.app.shut_down(box.processor.ticks())
    until(box, lambda: phone.state == "idle", lambda: box.far.state == "ended")


def test_a_long_hold_leaves_nothing_old_behind(covered):
    """What the far end said during the hold would be heard late for the rest of the call."""
    box, (phone,) = covered(1)
    call = sip_call(box, phone)
    phone.hold()
    until(box, lambda: call.held)
    box.far.talk(tone(1000))
    box.run_for(3)
    box.far.talk(tone(400))
    phone.recording = True
    phone.retrieve()
    until(box, lambda: not call.held)
    box.run_for(1)
    assert purity(FullRate().decode(b"".join(phone.heard[-30:])), 400) > 0.9
    heard = FullRate().decode(b"".join(phone.heard[:5]))
    assert purity(heard, 1000) < 0.5
