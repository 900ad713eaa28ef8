"""The emulated phone against a network of octets."""

import numpy as np
import pytest
from gsm_stand_in import ACCEPT, AREA, ASSIGN, RELEASE, SERVED, StandIn

from femtohost.peers import gsm_l3 as l3
from femtohost.peers.gsm_phone import SILENCE, GsmPhone

IMSI = "001010000000001"
KI = bytes.fromhex("00112233445566778899aabbccddeeff")
UPDATE = {bytes((5, 8)): [ACCEPT], bytes((5, 0x1B)): [RELEASE], bytes((5, 1)): [RELEASE]}
CALL = UPDATE | {
    bytes((5, 0x24)): [SERVED],
    bytes((3, 5)): [bytes((0x83, 2)), ASSIGN],
    bytes((6, 0x29)): [bytes((0x83, 1)), bytes((0x83, 7))],
    bytes((3, 0x25)): [bytes((0x83, 0x2D))],
    bytes((3, 0x2A)): [RELEASE],
    bytes((3, 0x35)): lambda message: [bytes((0x83, 0x36, 0x2C, message[3]))],
    bytes((3, 0x31)): [bytes((0x83, 0x32))],
}
ANSWERED = UPDATE | {
    bytes((6, 0x27)): [bytes((0x03, 5)) + bytes.fromhex("0401a0") + bytes.fromhex("5c0381 55f1".replace(" ", ""))],
    bytes((0x83, 8)): [ASSIGN],
    bytes((0x83, 7)): [bytes((0x03, 0x0F))],
    bytes((0x83, 0x25)): [bytes((0x03, 0x2D))],
    bytes((0x83, 0x2D)): [bytes((0x03, 0x2A)), RELEASE],
    bytes((0x83, 0x2A)): [RELEASE],
}


def network(script, seed=1):
    return StandIn(script, np.random.default_rng(seed))


def phone_on(stand_in, **options):
    phone = GsmPhone(stand_in.clock, stand_in.air, np.random.default_rng(5), IMSI, **options)
    phone.power_on()
    return phone


def registered(script, **options):
    stand_in = network(script)
    phone = phone_on(stand_in, **options)
    stand_in.until(lambda: phone.registered and phone.state == "idle")
    return stand_in, phone


def test_it_camps_and_registers():
    stand_in, phone = registered(UPDATE)
    update = stand_in.log[0]
    assert update[:3] == bytes((5, 8, 0x70)) and update[3:9] == bytes.fromhex("00f110fffe33")
    assert l3.read_identity(update[10:]) == (l3.IMSI, IMSI)
    assert phone.tmsi == bytes.fromhex("deadbeef") and phone.sim.area == AREA
    assert stand_in.sent_by_phone(5, 0x1B) and bytes((5, 0x5B)) in stand_in.log  # its N(SD) is 1
    assert phone.bad == (0, 0)


def test_a_registered_phone_costs_nothing():
    stand_in, phone = registered(UPDATE)
    frames = len(stand_in.frames)
    stand_in.run(300)
    assert len(stand_in.frames) - frames < 60 and phone.registered


def test_it_registers_again_when_t3212_says_so():
    stand_in, _ = registered(UPDATE)
    stand_in.run(400)
    again = stand_in.sent_by_phone(5, 8)[1]
    assert again[2] & 3 == 1 and again[3:8] == AREA
    assert l3.read_identity(again[10:]) == (l3.TMSI, bytes.fromhex("deadbeef"))


def test_authentication_and_ciphering():
    rand = bytes(range(16))
    script = {
        bytes((5, 8)): [bytes((5, 0x12, 3)) + rand],
        bytes((5, 0x14)): [bytes((6, 0x35, 0x11))],
        bytes((6, 0x32)): [ACCEPT],
        bytes((5, 0x1B)): [RELEASE],
    }
    stand_in, phone = registered(script, ki=KI)
    assert stand_in.sent_by_phone(5, 0x14) == [bytes((5, 0x14)) + bytes.fromhex("fda6288e")]
    assert phone.sim.kc.hex() == "2397a92ef9683000" and phone.sim.cksn == 3 and phone.cipher == 1
    (complete,) = stand_in.sent_by_phone(6, 0x32)
    assert complete[2:4] == bytes((0x17, 9))


def test_identities():
    script = {
        bytes((5, 8)): [bytes((5, 0x18, 2))],
        bytes((5, 0x19)): lambda message: [bytes((5, 0x18, 1))] if message[3] & 7 == 2 else [ACCEPT],
        bytes((5, 0x1B)): [RELEASE],
    }
    stand_in, _ = registered(script)
    answers = [l3.read_identity(message[3:]) for message in stand_in.sent_by_phone(5, 0x19)]
    assert answers == [(l3.IMEI, "353879234252633"), (l3.IMSI, IMSI)]


@pytest.mark.parametrize(("cause", "again"), [(2, False), (17, True)])
def test_a_refused_registration(cause, again):
    stand_in = network({bytes((5, 8)): [bytes((5, 4, cause)), RELEASE]})
    phone = phone_on(stand_in)
    stand_in.until(lambda: phone.refused == cause)
    stand_in.run(60)
    assert not phone.registered
    assert (len(stand_in.sent_by_phone(5, 8)) > 1) == again


def test_random_access_repeats_and_waits():
    stand_in = network(UPDATE)
    stand_in.silent = True
    phone = phone_on(stand_in)
    stand_in.run(20)
    bursts = [frame.fn for frame in stand_in.frames if frame.channel == 3]
    assert len(bursts) >= 8 and not phone.registered
    stand_in.silent = False
    stand_in.until(lambda: phone.registered)


def test_immediate_assignment_reject_is_a_wait():
    stand_in = network(UPDATE)
    stand_in.reject_for = 10
    phone = phone_on(stand_in)
    stand_in.until(lambda: len(stand_in.bursts) == 1)
    stand_in.run(5)
    assert len(stand_in.bursts) == 1
    stand_in.reject_for = None
    stand_in.until(lambda: phone.registered, 15)


def test_an_outgoing_call_with_dtmf_and_speech():
    stand_in, phone = registered(CALL)
    call = phone.dial("5550123")
    stand_in.until(lambda: call.state == "ACTIVE")
    (setup,) = stand_in.sent_by_phone(3, 5)
    assert setup[2:] == bytes.fromhex("040220805e0581550521f3150101")
    stand_in.until(lambda: stand_in.sent_by_phone(3, 0x0F) == [bytes((3, 0x0F))])
    phone.press("12#")
    stand_in.until(lambda: call.dtmf == "12#")
    frames = bytes((0xD0 | i % 16 if j == 0 else i) for i in range(50) for j in range(33))
    stand_in.voice.clear()
    phone.talk(frames)
    stand_in.run(1.2)
    heard = b"".join(frame[1:] for frame in stand_in.voice)
    assert frames in heard and heard.endswith(SILENCE)
    phone.hang_up()
    stand_in.until(lambda: phone.state == "idle")
    assert call.state == "NULL" and call.cause == 16 and not phone.calls


def test_speech_is_a_frame_every_20_ms():
    stand_in, phone = registered(CALL)
    call = phone.dial("1")
    stand_in.until(lambda: call.state == "ACTIVE")
    stand_in.run(1)
    stand_in.voice.clear()
    stand_in.run(12)
    assert len(stand_in.voice) in (599, 600, 601)


def test_an_incoming_call():
    stand_in, phone = registered(ANSWERED)
    stand_in.page(bytes.fromhex("f4deadbeef"))
    stand_in.until(lambda: phone.call_state == "RINGING")
    assert phone.call.number == "551"
    (response,) = stand_in.sent_by_phone(6, 0x27)
    assert response[2:] == bytes.fromhex("070333188005f4deadbeef")
    phone.answer()
    stand_in.until(lambda: phone.call_state == "ACTIVE")
    stand_in.send(bytes.fromhex("032502e090"))
    stand_in.until(lambda: phone.state == "idle")
    assert phone.call.cause == 16


def test_a_call_refused_as_busy():
    stand_in, phone = registered(ANSWERED)
    stand_in.page(bytes.fromhex("f4deadbeef"))
    stand_in.until(lambda: phone.call_state == "RINGING")
    phone.busy()
    stand_in.until(lambda: phone.state == "idle")
    assert phone.call.cause == 17
    assert l3.read_cause(stand_in.sent_by_phone(0x83, 0x25)[0][3:]) == 17


def test_pages_for_others_are_none_of_its_business():
    stand_in, _ = registered(UPDATE)
    bursts = len(stand_in.bursts)
    stand_in.page(bytes.fromhex("f4deadbee0"))
    stand_in.page(b"\xf0")
    stand_in.run(3)
    assert len(stand_in.bursts) == bursts


def test_detach():
    stand_in, phone = registered(UPDATE)
    phone.power_off()
    stand_in.until(lambda: phone.state == "off")
    (detach,) = stand_in.sent_by_phone(5, 1)
    assert detach[2] == 0x33 and l3.read_identity(detach[4:]) == (l3.TMSI, bytes.fromhex("deadbeef"))
    assert not phone.registered
    phone.power_on()
    stand_in.until(lambda: phone.registered)
    assert stand_in.sent_by_phone(5, 8)[-1][2] & 3 == 2  # IMSI attach


def test_lost_coverage_ends_a_call():
    stand_in, phone = registered(CALL)
    call = phone.dial("1")
    stand_in.until(lambda: call.state == "ACTIVE")
    phone.set_coverage(False)
    sent = len(stand_in.log)
    stand_in.run(20)
    assert call.state == "NULL" and call.cause == 102 and len(stand_in.log) == sent
    assert phone.state == "idle"


def test_a_failed_assignment_goes_back():
    stand_in, phone = registered(CALL)
    phone.habits.add("refuse assignment")
    call = phone.dial("1")
    stand_in.until(lambda: stand_in.sent_by_phone(6, 0x2F))
    assert call.state == "PROCEEDING"


def test_a_short_message_out():
    script = UPDATE | {
        bytes((5, 0x24)): [SERVED],
        bytes((0x19, 1)): lambda message: [
            bytes((0x99, 4)),
            bytes((0x99, 1, 2, 3, message[4])),
        ],
        bytes((0x19, 4)): [RELEASE],
    }
    stand_in, phone = registered(script)
    phone.send_text("5550199", "hello from the emulated phone, in more than one segment")
    stand_in.until(lambda: phone.sent == ["sent"] and phone.state == "idle")
    (data,) = stand_in.sent_by_phone(0x19, 1)
    assert data[2] == len(data) - 3 and data[3] == 0
    assert "5505109" in data.hex() or bytes.fromhex("5505 91f9") in data


def test_a_short_message_in():
    tpdu = bytes.fromhex("0407815505 91f9 0000 42112422038400 05e8329bfd06".replace(" ", ""))
    rpdu = bytes((1, 0x21, 2, 0x81, 0x21, 0, len(tpdu))) + tpdu
    script = UPDATE | {
        bytes((0x89, 1)): [bytes((0x09, 4)), RELEASE],
    }
    stand_in, phone = registered(script)
    stand_in.script[bytes((6, 0x27))] = []
    stand_in.page(bytes.fromhex("f4deadbeef"))
    stand_in.until(lambda: stand_in.sent_by_phone(6, 0x27))
    stand_in.links[3].transmit(1, 0x3F)
    stand_in.run(1)
    stand_in.send(bytes((0x09, 1, len(rpdu))) + rpdu, 3)
    stand_in.until(lambda: phone.state == "idle")
    assert phone.inbox == [("5550199", "hello")] or phone.inbox == [("5550199"[:7], "hello")]
    assert stand_in.sent_by_phone(0x89, 1) == [bytes((0x89, 1, 2, 2, 0x21))]


def test_ussd():
    text = bytes.fromhex("d9775d0e")
    answer = bytes.fromhex("8b2a1c") + b"\0"
    inner = bytes.fromhex("02013b") + bytes((0x30, 5 + len(text))) + bytes((4, 1, 0x0F, 4, len(text))) + text
    result = bytes((0xA2, 5 + len(inner), 2, 1, 1, 0x30, len(inner))) + inner
    answer = bytes((0x8B, 0x2A, 0x1C, len(result))) + result
    script = UPDATE | {bytes((5, 0x24)): [SERVED], bytes((0x0B, 0x3B)): [answer, RELEASE]}
    stand_in, phone = registered(script)
    phone.ussd("*#100#")
    stand_in.until(lambda: phone.ussd_answers)
    assert phone.ussd_answers == ["Your"]


def test_wrong_arguments_are_refused():
    stand_in = network(UPDATE)
    with pytest.raises(ValueError, match="IMSI"):
        GsmPhone(stand_in.clock, stand_in.air, np.random.default_rng(1), "12x")
    with pytest.raises(ValueError, match="Ki"):
        GsmPhone(stand_in.clock, stand_in.air, np.random.default_rng(1), IMSI, ki=b"short")
    phone = GsmPhone(stand_in.clock, stand_in.air, np.random.default_rng(1), IMSI)
    with pytest.raises(ValueError, match="number"):
        phone.dial("hello")
    with pytest.raises(ValueError, match="33"):
        phone.talk(b"xyz")
