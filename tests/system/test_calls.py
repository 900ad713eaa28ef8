"""Calls through the whole box: telephone, SLIC, firmware, SIP, network, far end."""

import numpy as np
import pytest

RATE = 8000


def tone(hz, seconds=1.0, peak=8000):
    return np.round(peak * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)).astype(np.int16)


def purity(samples, hz):
    """Share of the power that is at `hz`."""
    x = samples * np.hanning(len(samples))
    spectrum = np.abs(np.fft.rfft(x)) ** 2
    k = round(hz * len(x) / RATE)
    return spectrum[k - 3 : k + 4].sum() / spectrum[1:].sum()


def in_service(box):
    box.run_until(lambda: box.state("fxs") == "ON_HOOK", timeout_s=5)


def talking(box):
    return box.state("call") == "TALKING" and box.far.state == "in-call"


def call_out(box, number="555"):
    in_service(box)
    box.phone.off_hook()
    box.phone.dial(number)
    box.run_until(lambda: talking(box), timeout_s=20)


def ended(box):
    return box.far.state == "ended" and box.state("call") == "IDLE"


def well(box):
    """Nothing that the datasheets forbid, and nothing left behind."""
    box.run_for(35)  # the longest SIP timer, 64 * T1
    assert box.misuse == []
    assert box.app.status()["idle"]
    return True


def test_dial_tone_comes_within_half_a_second(box):
    in_service(box)
    box.phone.off_hook()
    box.run_until(lambda: box.phone.hears("dial"), timeout_s=0.5)
    assert well(box)


def test_a_call_out_rings_is_answered_and_ends_when_the_phone_hangs_up(box):
    in_service(box)
    box.phone.off_hook()
    box.phone.dial("5550123#")
    box.run_until(lambda: box.far.state == "ringing", timeout_s=5)
    assert box.far.dialled == "5550123"
    box.run_until(lambda: box.phone.hears("ringback"), timeout_s=3)
    box.run_until(lambda: talking(box), timeout_s=5)
    box.run_for(0.5)
    assert not box.phone.hears("ringback")
    box.phone.on_hook()
    box.run_until(lambda: ended(box), timeout_s=5)
    assert box.far.final_status == 200
    assert well(box)


def test_without_a_hash_the_number_is_complete_four_seconds_after_the_last_digit(box):
    in_service(box)
    box.phone.off_hook()
    box.phone.dial("42")
    box.run_until(lambda: len(box.trace.find("digit")) == 2, timeout_s=5)
    last = box.clock.now
    box.run_until(lambda: box.trace.find("call.number"), timeout_s=5)
    assert box.trace.find("call.number")[0] == (last + 4_000_000_000, b"42")


def test_every_key_arrives(box):
    call_out(box, "0123456789#")
    assert b"".join(key for _, key in box.trace.find("digit")) == b"0123456789#"


@pytest.mark.box({"line": {"dial_plan": "[2-9]xx|9T"}})
def test_the_digit_map_of_the_configuration_decides(box):
    in_service(box)
    box.phone.off_hook()
    box.phone.dial("234")
    box.run_until(lambda: box.trace.find("call.number"), timeout_s=3)
    assert box.trace.find("call.number")[0][1] == b"234"


def test_a_number_that_no_plan_has_gets_the_reorder_tone(make_box):
    box = make_box({"line": {"dial_plan": "[2-9]xx"}})
    in_service(box)
    box.phone.off_hook()
    box.phone.dial("1")
    box.run_until(lambda: box.phone.hears("reorder"), timeout_s=6)
    assert box.far.state == "idle"


def test_talk_goes_both_ways(box):
    call_out(box)
    box.far.talk(tone(800))
    box.run_for(3)
    assert purity(box.phone.earpiece(1.0), 800) > 0.99
    box.far.stop_talking()
    box.phone.talk(tone(1300))
    box.run_for(3)
    assert purity(box.far.heard()[-RATE:], 1300) > 0.99
    box.phone.on_hook()
    box.run_until(lambda: ended(box), timeout_s=5)
    assert well(box)


def test_a_call_in_rings_is_answered_by_lifting_and_ends_when_the_far_end_hangs_up(box):
    in_service(box)
    box.far.call("100")
    box.run_until(lambda: box.phone.ringing, timeout_s=3)
    box.run_for(3)
    assert not box.phone.ringing  # 2 s on, 4 s off
    box.run_until(lambda: box.phone.ringing, timeout_s=4)
    box.phone.off_hook()
    box.run_until(lambda: talking(box), timeout_s=2)
    assert not box.phone.ringing
    box.far.talk(tone(600))
    box.run_for(2)
    assert purity(box.phone.earpiece(0.5), 600) > 0.99
    box.far.hang_up()
    box.run_until(lambda: box.phone.hears("reorder"), timeout_s=5)
    box.phone.on_hook()
    box.run_until(lambda: ended(box), timeout_s=3)
    assert well(box)


def test_lifting_in_the_silence_between_two_rings_answers_too(box):
    in_service(box)
    box.far.call("100")
    box.run_until(lambda: box.phone.ringing, timeout_s=3)
    box.run_until(lambda: not box.phone.ringing, timeout_s=3)
    box.run_for(1)
    box.phone.off_hook()
    box.run_until(lambda: talking(box), timeout_s=2)
    assert box.misuse == []


def test_a_caller_who_gives_up_stops_the_bell(box):
    in_service(box)
    box.far.call("100")
    box.run_until(lambda: box.phone.ringing, timeout_s=3)
    box.far.cancel()
    box.run_until(lambda: ended(box) and not box.phone.ringing, timeout_s=2)
    box.run_for(7)
    assert not box.phone.ringing
    assert box.far.final_status == 487
    assert well(box)


def test_a_second_caller_finds_the_line_busy(box):
    in_service(box)
    box.phone.off_hook()
    box.run_until(lambda: box.phone.hears("dial"), timeout_s=2)
    box.far.call("100")
    box.run_until(lambda: box.far.state == "ended", timeout_s=2)
    assert box.far.final_status == 486
    box.phone.on_hook()
    assert well(box)


@pytest.mark.parametrize(("status", "heard"), [(486, "busy"), (404, "reorder"), (503, "reorder")])
def test_a_refusal_is_heard(box, status, heard):
    box.far.reject = status
    in_service(box)
    box.phone.off_hook()
    box.phone.dial("555#")
    box.run_until(lambda: box.phone.hears(heard), timeout_s=8)
    box.phone.on_hook()
    box.run_until(lambda: box.state("call") == "IDLE", timeout_s=3)
    assert well(box)


def test_nobody_answers_and_the_phone_hangs_up(box):
    box.far.answer_after_s = None
    in_service(box)
    box.phone.off_hook()
    box.phone.dial("555#")
    box.run_until(lambda: box.phone.hears("ringback"), timeout_s=5)
    box.run_for(20)
    box.phone.on_hook()
    box.run_until(lambda: ended(box), timeout_s=3)
    assert box.far.final_status == 487
    assert well(box)


def test_nobody_answers_for_three_minutes(box):
    box.far.answer_after_s = None
    in_service(box)
    box.phone.off_hook()
    box.phone.dial("555#")
    box.run_until(lambda: box.phone.hears("ringback"), timeout_s=5)
    box.run_until(lambda: box.phone.hears("reorder"), timeout_s=190)
    assert box.far.state == "ended"


@pytest.mark.box({"sip": {"server": "10.0.0.99"}})
def test_a_server_that_is_not_there_ends_in_reorder(box):
    in_service(box)
    box.phone.off_hook()
    box.phone.dial("555#")
    box.run_until(lambda: box.phone.hears("reorder"), timeout_s=40)
    box.phone.on_hook()
    box.run_until(lambda: box.state("call") == "IDLE", timeout_s=3)
    assert well(box)


def test_a_phone_left_off_the_hook_gets_reorder_and_then_silence(box):
    in_service(box)
    box.phone.off_hook()
    box.run_until(lambda: box.phone.hears("reorder"), timeout_s=20)
    box.run_until(lambda: box.phone.hears("silence"), timeout_s=35)
    box.phone.on_hook()
    box.run_until(lambda: box.state("call") == "IDLE", timeout_s=3)
    box.phone.off_hook()
    box.run_until(lambda: box.phone.hears("dial"), timeout_s=1)


def test_a_short_opening_of_the_loop_is_no_hang_up(box):
    call_out(box)
    box.phone.flash(500)
    box.run_for(3)
    assert talking(box)
    assert len(box.trace.find("call.flash")) == 1
    box.phone.on_hook()
    box.run_until(lambda: ended(box), timeout_s=3)


def test_contact_bounce_of_the_hook_is_not_seen(box):
    in_service(box)
    for _ in range(5):
        box.phone.off_hook()
        box.run_for(0.003)
        box.phone.on_hook()
        box.run_for(0.003)
    box.run_for(1)
    assert box.state("fxs") == "ON_HOOK"
    assert len(box.trace.find("fxs")) == 1


@pytest.mark.parametrize("loss", [0.05, 0.2])
def test_calls_survive_packet_loss(make_box, loss):
    box = make_box(loss=loss, jitter_ms=30)
    in_service(box)
    box.phone.off_hook()
    box.phone.dial("555#")
    box.run_until(lambda: talking(box), timeout_s=60)
    box.phone.talk(tone(1000))
    box.run_for(5)
    heard = box.far.heard()[-2 * RATE :]
    assert np.count_nonzero(np.abs(heard) > 0) > (1 - 2 * loss) * len(heard)
    box.phone.on_hook()
    box.run_until(lambda: ended(box), timeout_s=40)
    assert well(box)


def test_a_network_that_dies_in_the_middle_of_a_call_does_not_hold_the_line(box):
    call_out(box)
    box.network.loss = 1.0
    box.run_for(2)
    box.phone.on_hook()
    box.run_until(lambda: box.state("call") == "IDLE", timeout_s=3)
    box.phone.off_hook()
    box.run_until(lambda: box.phone.hears("dial"), timeout_s=1)
    box.phone.on_hook()
    assert well(box)


def test_ten_calls_one_after_the_other(box):
    in_service(box)
    for i in range(10):
        box.phone.off_hook()
        box.phone.dial(f"{i}#")
        box.run_until(lambda: talking(box), timeout_s=10)
        assert box.far.dialled == str(i)
        box.phone.on_hook()
        box.run_until(lambda: ended(box), timeout_s=5)
    assert well(box)


@pytest.mark.parametrize("country", ["us", "uk", "de", "fr", "jp", "au", "it", "cn"])
def test_each_country_has_its_tones_and_its_ringing(make_box, country):
    box = make_box({"line": {"country": country}})
    in_service(box)
    box.phone.off_hook()
    box.run_until(lambda: box.phone.hears("dial"), timeout_s=5)
    box.far.answer_after_s = None
    box.phone.dial("555#")
    box.run_until(lambda: box.phone.hears("ringback"), timeout_s=10)
    box.phone.on_hook()
    box.run_until(lambda: ended(box), timeout_s=5)
    box.far.call("100")
    box.run_until(lambda: box.phone.ringing, timeout_s=5)
    box.phone.off_hook()
    box.run_until(lambda: talking(box), timeout_s=3)
    assert box.misuse == []


@pytest.mark.parametrize("ms", [*range(5, 140, 9), 200, 400])
def test_a_handset_lifted_for_a_moment_while_it_rings_leaves_no_line_behind(make_box, ms):
    box = make_box(seed=ms)
    in_service(box)
    box.far.call("100")
    box.run_until(lambda: box.phone.ringing, timeout_s=3)
    box.run_for(0.5)
    box.phone.off_hook()
    box.run_for(ms / 1000)
    box.phone.on_hook()
    box.run_for(3)
    if box.far.state not in ("ended", "ringing"):
        box.far.hang_up()
    elif box.far.state == "ringing":
        box.far.cancel()
    box.run_until(lambda: ended(box) and box.state("fxs") == "ON_HOOK", timeout_s=5)
    box.phone.off_hook()
    box.run_until(lambda: box.phone.hears("dial"), timeout_s=1)
    assert box.misuse == []


@pytest.mark.parametrize("path", ["d2", "d4", "d6", "d9"])
@pytest.mark.parametrize("erl_db", [0.0, 3.0])
def test_digits_are_understood_over_the_echo_of_the_dial_tone(make_box, path, erl_db):
    box = make_box(path=path, erl_db=erl_db)
    in_service(box)
    box.phone.off_hook()
    box.phone.dial("1234567890#")
    box.run_until(lambda: box.trace.find("call.number"), timeout_s=8)
    assert box.trace.find("call.number")[0][1] == b"1234567890"


@pytest.mark.parametrize("wait_s", [0.0, 0.3, 0.8, 1.2, 1.8, 2.5])
def test_a_call_that_comes_before_the_line_is_calibrated_does_no_harm(make_box, wait_s):
    """Power-on with the handset up; it is put down, and somebody calls."""
    box = make_box()
    box.phone.off_hook()
    box.run_until(lambda: box.phone.hears("dial"), timeout_s=4)
    box.phone.on_hook()
    box.run_until(lambda: box.state("call") == "IDLE", timeout_s=3)
    box.run_for(wait_s)
    box.far.call("100")
    box.run_until(lambda: box.phone.ringing or box.far.state == "ended", timeout_s=3)
    assert box.misuse == []


def test_an_opening_shorter_than_a_flash_is_nothing(box):
    call_out(box)
    box.phone.flash(100)
    box.run_for(1)
    assert talking(box)
    assert box.trace.find("call.flash") == []
