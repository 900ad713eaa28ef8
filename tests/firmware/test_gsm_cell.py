"""The cell and its phones: registration, services, pages, assignment, releases, and every timer."""

import pytest
from gsm_cell_bench import (
    IMSI,
    Bench,
    Store,
    detach,
    leave,
    location_update,
    lv,
    mobile_identity,
    move,
    paging_response,
    service_request,
    stay,
)

from femtojack.gsm.rr import (
    ABORTED,
    NO_CHANNEL,
    PAGING_TIMED_OUT,
    PHONE_DETACHED,
    RADIO_LOST,
    REFUSED,
)

RAND, SRES, KC = bytes(range(16)), bytes.fromhex("fda6288e"), bytes.fromhex("2397a92ef9683000")
SETUP = bytes.fromhex("03450403600280" + "5e038120a1" + "150101")
CP_DATA = bytes.fromhex("090103aabbcc")


def with_key(imsi=IMSI):
    store = Store()
    store.put("gsm-auth-" + imsi, RAND + SRES + KC)
    return store


def right_answer(phone, message):
    assert message[3:19] == RAND
    phone.say(b"\x05\x54" + SRES)


def complete_cipher(phone, message):
    phone.say(b"\x06\x32\x17\x09" + mobile_identity(3, "3500000000000777"))


def keyed(phone):
    phone.answers[b"\x05\x12"] = right_answer
    phone.answers[b"\x06\x35"] = complete_cipher
    return phone


def in_call(bench, service=1, ra=0xE0, phone=None):
    """(phone, connection) of a phone that asked for a service."""
    phone = phone or bench.registered()
    phone.access(ra, service_request(phone.tmsi, service))
    bench.run(2000)
    return phone, bench.users[{1: 3, 2: 3, 4: 9, 8: 11}[service]].connections[-1]


def with_traffic_channel(bench):
    phone, connection = in_call(bench)
    phone.say(SETUP)
    connection.assign(bench.now)
    bench.run(2000)
    assert bench.users[3].names == ["opened", "received", "assigned"]
    return phone, connection


def only(bench, kind):
    return [message for message in bench.l1.sent if message[0] == kind]


# -- start ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("combined", "slots", "channels"),
    [
        (False, [1, 0x103] + [0x104] * 6, 14),
        (True, [2] + [0x104] * 7, 11),
    ],
)
def test_start(combined, slots, channels):
    bench = Bench(combined=combined)
    written = dict(bench.l1.written[1:])
    assert bench.l1.written[0] == (1, 2) and bench.l1.written[-1] == (1, 1)  # reset first, enabled last
    assert [written[16 + tn] for tn in range(8)] == slots
    assert (written[6], written[7], written[8], written[9], written[3]) == (0, 50, 60, 63, 1)
    si = [(payload[0], link, len(payload)) for _, chan, link, _, payload in only(bench, 0x47)]
    assert si == [(1, 0, 24), (2, 0, 24), (3, 0, 24), (4, 0, 24), (5, 0x40, 22), (6, 0x40, 22)]
    assert len(bench.cell.channels) == channels and bench.cell.idle


# -- access -----------------------------------------------------------------------------------------------------------


def test_immediate_assignment_echoes_the_burst():
    bench = Bench()
    bench.phone().access(0x0E, location_update(), fn=126909)
    bench.run(100)
    assert bench.grants[0].hex().startswith("2d063f03" + "41e03c" + "0efaa3" + "02" + "00")
    assert only(bench, 0x43) == [(0x43, 0x41, 0, 0, bytes((2, 14)))]


def test_two_phones_with_one_burst_get_one_channel():
    """Contention resolution: the first SABM wins, the other phone goes away."""
    bench = Bench()
    first, second = bench.phone(), bench.phone("001010000000002")
    first.access(0x0E, location_update())
    second.access(0x0E, location_update(second.imsi))
    bench.run(1000)
    assert len(bench.grants) == 1
    assert first.station(0).up and not second.station(0).up and second.station(0).failed


def test_no_channel_is_told_with_a_wait():
    bench = Bench(t3122=7)
    phones = [bench.phone(f"00101000000{i:04}") for i in range(10)]
    for i, phone in enumerate(phones):
        phone.access(0x0E, location_update(phone.imsi), fn=1000 + 60 * i)
        bench.run(40)
    assert [phone.rejected for phone in phones[8:]] == [7, 8]  # not to come back together
    assert len(only(bench, 0x43)) == 8
    bench.run(9000)
    assert bench.cell.idle


def test_refusals_share_a_message():
    bench = Bench()
    for i in range(13):
        bench.l1.up(0x03, 0x88, bytes((i, 0)), fn=100 + i)
    bench.cell.step(bench.now)
    rejects = [block for block in bench.grants if block[2] == 0x3A]
    assert len(rejects) == 2 and rejects[0][4] == 8 and rejects[1][4] == 12
    bench.run(6000)
    assert bench.cell.idle


def test_emergency_call_may_have_a_traffic_channel():
    bench = Bench()
    for i in range(8):
        bench.l1.up(0x03, 0x88, bytes((i, 0)), fn=100 + i)
    phone = bench.phone()
    phone.access(0xA5, service_request(service=2), fn=500)
    bench.run(1500)
    assert phone.chan == 0x0A and phone.told == ["0521"]
    connection = bench.users[3].connections[0]
    assert connection.emergency and connection.subscriber.number == "" and connection.subscriber.index < 0
    phone.answers[b"\x06\x10"] = lambda phone, message: phone.say(b"\x06\x17" + message[2:])
    connection.assign(bench.now)
    bench.run(1000)
    assert phone.told[1] == "06100ae03c01" and bench.users[3].names[-1] == "assigned"
    assert bench.l1.active[0x0A] is True


def test_mode_that_the_phone_refuses():
    """T3107 for the channel mode too: no answer, or another mode."""
    for answer in (None, b"\x06\x17\x0a\xe0\x3c\x00"):
        bench = Bench()
        for i in range(8):
            bench.l1.up(0x03, 0x88, bytes((i, 0)), fn=100 + i)
        phone = bench.phone()
        phone.access(0xA5, service_request(service=2), fn=500)
        bench.run(1500)
        phone.say(SETUP)
        phone.answers[b"\x06\x10"] = answer
        bench.users[3].connections[0].assign(bench.now)
        bench.run(6000)
        assert bench.users[3].events[-1] == ("assignment_failed", REFUSED) and ("T3107" in bench.timers()) == (
            not answer
        )
        assert bench.l1.active[0x0A] is False


def test_burst_that_is_repeated_by_the_baseband_counts_once():
    bench = Bench()
    for _ in range(3):
        bench.l1.up(0x03, 0x88, b"\x05\0", fn=77)
    bench.run(100)
    assert len(only(bench, 0x43)) == 1


def test_t3101():
    """Nobody comes to the channel that was given."""
    bench = Bench()
    bench.l1.up(0x03, 0x88, b"\x05\0", fn=77)
    bench.run(3900)
    assert not bench.cell.idle and bench.timers() == []
    bench.run(300)
    assert bench.timers() == ["T3101"] and bench.cell.idle


def test_grant_that_the_queue_does_not_take():
    bench = Bench()
    bench.l1.up(0x03, 0x88, b"\x05\0", fn=77)
    bench.l1.room = 1  # for ACT.req
    bench.run(100)
    bench.l1.room = 1000
    bench.run(1200)
    assert bench.cell.idle


def test_establishment_without_a_message_is_a_protocol_error():
    bench = Bench()
    phone = bench.phone()
    phone.access(0x0E, b"")
    bench.run(2000)
    assert phone.told == ["060d6f"]
    bench.run(4000)
    assert bench.cell.idle and bench.cell.sessions == []


# -- location updating ------------------------------------------------------------------------------------------------


def test_location_update():
    bench = Bench()
    phone = bench.phone()
    phone.access(0x0E, location_update())
    bench.run(3000)
    assert phone.told == ["051803", "050200f11000011705f4" + phone.tmsi.hex(), "060d00"]
    subscriber = bench.cell.subscribers.find(imsi=IMSI)
    assert subscriber.tmsi == phone.tmsi and subscriber.registered
    assert (subscriber.number, subscriber.imei) == ("201", "3500000000000001")
    bench.run(4000)
    assert bench.timers() == ["T3111"] and bench.cell.idle and bench.cell.sessions == []
    assert bench.users[9].updates == [IMSI]


def test_known_phone_by_tmsi_gets_another():
    bench = Bench()
    phone = bench.registered()
    old = phone.tmsi
    phone.access(0x0E, location_update(kind=1, tmsi=old, lai="00f1100001"))
    bench.run(6000)
    assert phone.tmsi != old and phone.told[0].startswith("0502")
    assert bench.cell.subscribers.find(tmsi=old) is None
    assert bench.cell.subscribers.find(tmsi=phone.tmsi).imsi == IMSI


@pytest.mark.parametrize(("kind", "lai"), [(0, "00f110fffe"), (2, "00f1100001"), (0, "00f1100002")])
def test_unknown_tmsi_is_asked_for_the_imsi(kind, lai):
    bench = Bench()
    phone = bench.phone()
    phone.access(0x0E, location_update(kind=kind, tmsi=b"\1\2\3\4", lai=lai))
    bench.run(4000)
    assert phone.told[0] == "051801" and phone.told[-1] == "060d00" and phone.told[2].startswith("0502")


def test_tmsi_of_another_area_is_nobodys():
    """It may be ours by chance."""
    bench = Bench()
    tmsi = bench.registered().tmsi
    other = bench.phone("001010000000002")
    other.access(0x0E, location_update(tmsi=tmsi, lai="00f1100002"))
    bench.run(2000)
    assert other.told[0] == "051801"


def test_only_the_listed_may_register():
    bench = Bench(registration="listed", subscribers=IMSI + "=777 001010000000009", reject_cause=15)
    assert bench.registered() and bench.cell.subscribers.find(number="777").imsi == IMSI
    other = bench.phone("001010000000002")
    other.access(0x0E, location_update(other.imsi))
    bench.run(2000)
    assert other.told == ["05040f", "060d00"]
    unknown = bench.phone("001010000000003")
    unknown.access(0x0E, location_update(tmsi=b"\1\2\3\4"), fn=555)
    bench.run(6000)
    assert unknown.told == ["051801", "05040f", "060d00"] and bench.cell.idle


@pytest.mark.parametrize(
    "message", ["0508", "050870", "05087000f1100001", "05087000f11000013309", "05087000f11000013301f0"]
)
def test_cut_off_location_update(message):
    bench = Bench()
    phone = bench.phone()
    phone.access(0x0E, bytes.fromhex(message))
    bench.run(6000)
    assert phone.told == ["050460", "060d00"] and bench.cell.idle


def test_t3270():
    bench = Bench()
    phone = bench.phone()
    phone.answers[b"\x05\x18"] = None
    phone.access(0x0E, location_update())
    bench.run(13000)
    assert bench.timers() == ["T3270"] and phone.told[-1] == "060d03"
    bench.run(4000)
    assert bench.cell.idle


def test_t3250_keeps_both_tmsis():
    bench = Bench()
    phone = bench.registered()
    old = phone.tmsi
    phone.answers[b"\x05\x02"] = None
    phone.access(0x0E, location_update(kind=1, tmsi=old, lai="00f1100001"))
    bench.run(14000)
    assert "T3250" in bench.timers()
    subscriber = bench.cell.subscribers.find(imsi=IMSI)
    assert subscriber.tmsi == old and subscriber.new_tmsi
    assert bench.cell.subscribers.find(tmsi=subscriber.new_tmsi) is subscriber
    bench.run(4000)
    bench.cell.connect(subscriber, bench.users[3], bench.now)
    bench.run(100)
    assert bench.pages[0].hex().startswith("310621000809101")  # by IMSI


def test_detach():
    bench = Bench()
    phone = bench.registered()
    phone.access(0x0E, detach(tmsi=phone.tmsi))
    bench.run(6000)
    assert phone.told == ["060d00"] and bench.cell.idle
    assert not bench.cell.subscribers.find(imsi=IMSI).registered


def test_silent_phone_is_gone_after_t3212():
    bench = Bench(periodic_update=6)
    bench.registered()
    subscriber = bench.cell.subscribers.find(imsi=IMSI)
    bench.run(9 * 60000)
    assert subscriber.registered
    bench.run(2 * 60000)
    assert not subscriber.registered


def test_subscribers_outlive_the_power():
    bench = Bench()
    phone = bench.registered()
    again = Bench(seed=2, store=bench.store)
    subscriber = again.cell.subscribers.find(imsi=IMSI)
    assert (subscriber.number, subscriber.tmsi, subscriber.imei) == ("201", phone.tmsi, "3500000000000001")
    assert subscriber.registered


# -- authentication and ciphering -------------------------------------------------------------------------------------


def test_authentication_and_ciphering():
    bench = Bench(store=with_key(), cipher=1)
    phone = keyed(bench.phone())
    phone.access(0x0E, location_update())
    bench.run(4000)
    assert phone.told[1:4] == ["051201" + RAND.hex(), "063511", "050200f11000011705f4" + phone.tmsi.hex()]
    assert only(bench, 0x46) == [(0x46, 0x41, 0, 0, b"\1" + KC)]
    assert bench.cell.subscribers.find(imsi=IMSI).imei == "3500000000000777"


def test_ciphering_accepts_a_service():
    """TS 24.008 4.5.1.1: no CM SERVICE ACCEPT beside it; and the new channel is ciphered too."""
    bench = Bench(store=with_key(), cipher=1)
    phone = keyed(bench.phone())
    phone.access(0x0E, location_update())
    bench.run(8000)
    phone.vanish()
    phone.heard.clear()
    phone, connection = in_call(bench, phone=phone)
    assert phone.told == ["051202" + RAND.hex(), "063511"] and bench.users[3].names == ["opened"]
    connection.assign(bench.now)
    bench.run(2000)
    assert only(bench, 0x46)[-1][1] == 0x0A and bench.users[3].names[-1] == "assigned"


def test_wrong_answer():
    bench = Bench(store=with_key())
    phone = bench.phone()
    phone.answers[b"\x05\x12"] = b"\x05\x54\0\0\0\0"
    phone.access(0x0E, location_update())
    bench.run(3000)
    assert phone.told[-2:] == ["0511", "060d00"]
    assert not bench.cell.subscribers.find(imsi=IMSI).registered


def test_wrong_answer_may_mean_a_wrong_tmsi():
    """TS 24.008 4.3.2.5: another has the TMSI; the IMSI decides."""
    bench = Bench(store=with_key())
    phone = keyed(bench.phone())
    phone.access(0x0E, location_update())
    bench.run(8000)
    other = bench.phone("001010000000002")
    other.answers[b"\x05\x12"] = b"\x05\x54\0\0\0\0"
    other.access(0x0E, location_update(tmsi=phone.tmsi, lai="00f1100001"), fn=999)
    bench.run(6000)
    assert [m[:4] for m in other.told] == ["0512", "0518", "0518", "0502", "060d"]
    assert bench.cell.subscribers.find(imsi=other.imsi).registered


def test_authentication_failure_is_a_rejection():
    bench = Bench(store=with_key())
    phone = bench.phone()
    phone.answers[b"\x05\x12"] = b"\x05\x5c\x14"
    phone.access(0x0E, location_update())
    bench.run(3000)
    assert phone.told[-2:] == ["0511", "060d00"]


def test_authentication_required():
    bench = Bench(authentication="required")
    phone = bench.phone()
    phone.access(0x0E, location_update())
    bench.run(3000)
    assert phone.told[-2:] == ["050411", "060d00"]


def test_t3260():
    bench = Bench(store=with_key())
    phone = bench.phone()
    phone.access(0x0E, location_update())
    bench.run(15000)
    assert bench.timers() == ["T3260"] and phone.told[-1] == "060d03"


def test_a5_3_needs_classmark_2():
    bench = Bench(store=with_key(), cipher=3)
    phone = keyed(bench.phone())
    phone.answers[b"\x06\x13"] = b"\x06\x16" + lv(bytes.fromhex("335902"))
    phone.access(0x0E, location_update())
    bench.run(6000)
    assert phone.told[2:4] == ["0613", "063515"] and only(bench, 0x46)[0][4] == b"\3" + KC


@pytest.mark.parametrize(("classmark", "told"), [("335900", "063511"), ("3b5900", "0502")])
def test_what_the_phone_cannot_it_need_not(classmark, told):
    """No A5/3: A5/1; none at all: in clear."""
    bench = Bench(store=with_key(), cipher=3)
    phone = keyed(bench.phone())
    phone.answers[b"\x06\x13"] = b"\x06\x16" + lv(bytes.fromhex(classmark))
    phone.access(0x0E, location_update())
    bench.run(6000)
    assert phone.told[3].startswith(told) and phone.told[-1] == "060d00"


@pytest.mark.parametrize(("silent", "timer"), [(b"\x06\x35", "CIPHERING"), (b"\x06\x13", "CLASSMARK")])
def test_guards_of_ciphering(silent, timer):
    bench = Bench(store=with_key(), cipher=3)
    phone = keyed(bench.phone())
    phone.answers[b"\x06\x13"] = b"\x06\x16" + lv(bytes.fromhex("335902"))
    phone.answers[silent] = None
    phone.access(0x0E, location_update())
    bench.run(30000)
    assert timer in bench.timers() and bench.cell.idle


# -- services ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("service", "pd"), [(1, 3), (4, 9), (8, 11)])
def test_service(service, pd):
    bench = Bench()
    phone, connection = in_call(bench, service)
    assert phone.told == ["0521"] and bench.users[pd].events == [("opened",)]
    assert connection.subscriber.imsi == IMSI and connection.service == service and not connection.emergency
    connection.release(bench.now)
    bench.run(5000)
    assert phone.told[-1] == "060d00" and bench.cell.idle and bench.users[pd].names == ["opened"]


def test_messages_both_ways():
    bench = Bench()
    phone, connection = in_call(bench)
    phone.say(SETUP)
    bench.run(1000)
    assert bench.users[3].events[1:] == [("received", SETUP.hex())]
    assert connection.ti == 8 and connection.send(bytes.fromhex("8302"), bench.now)
    bench.run(1000)
    assert phone.told[-1] == "8302"


def test_sms_is_on_sapi_3():
    bench = Bench()
    phone, connection = in_call(bench, 4)
    phone.station(3).establish()
    phone.say(CP_DATA, 3)
    bench.run(1500)
    connection.send(bytes.fromhex("8904"), bench.now, 3)
    connection.send(bytes(60), bench.now, 3)
    bench.run(3000)
    assert bench.users[9].events[1:] == [("received", CP_DATA.hex())]
    assert [message for sapi, message in phone.heard if sapi == 3] == [bytes.fromhex("8904"), bytes(60)]


def test_sms_during_a_call_is_on_the_sacch():
    bench = Bench()
    phone, connection = with_traffic_channel(bench)
    phone.say(bytes.fromhex("052474 03 331f00 05f4") + phone.tmsi)
    bench.run(500)
    assert bench.users[9].names == ["opened"]
    text = bench.users[9].connections[0]
    text.send(bytes.fromhex("890103aabbcc") + bytes(40), bench.now, 3)
    bench.run(8000)
    assert (3, bytes.fromhex("890103aabbcc") + bytes(40)) in phone.heard
    assert {block[5:7] for block in phone.sacch if block[2] == 0x03} == {b"\x06\x1d", b"\x06\x1e"}
    text.release(bench.now)
    bench.run(1000)
    assert "060d00" not in phone.told  # the call goes on
    connection.release(bench.now)
    bench.run(3000)
    assert phone.told[-1] == "060d00" and bench.cell.idle


def test_two_calls_of_one_phone():
    bench = Bench()
    phone, first = in_call(bench)
    phone.say(SETUP)
    bench.run(1000)
    phone.say(service_request(phone.tmsi))
    phone.say(bytes((0x13,)) + SETUP[1:])
    bench.run(2000)
    second = bench.users[3].connections[1]
    assert (first.ti, second.ti) == (8, 9)
    for connection in (first, second):
        connection.assign(bench.now)
    bench.run(2000)
    assert bench.users[3].names.count("assigned") == 2 and first.speech is second.speech
    second.assign(bench.now)  # it is there already
    bench.run(100)
    assert bench.users[3].names.count("assigned") == 3


def test_unregistered_phone_is_sent_to_register():
    bench = Bench()
    phone = bench.phone()
    phone.access(0xE0, service_request(b"\1\2\3\4"))
    bench.run(5000)
    assert phone.told == ["052204", "060d00"] and bench.cell.idle


def test_no_emergency_calls():
    bench = Bench(emergency=False)
    phone = bench.phone()
    phone.access(0xA0, service_request(service=2))
    bench.run(5000)
    assert phone.told == ["052220", "060d00"] and bench.cell.idle


def test_service_that_nobody_serves():
    bench = Bench()
    phone = bench.registered()
    del bench.cell.users[11]
    phone.access(0xE0, service_request(phone.tmsi, 8))
    bench.run(5000)
    assert phone.told == ["052220", "060d00"] and bench.cell.idle


def test_reestablishment_is_refused():
    bench = Bench()
    phone = bench.registered()
    phone.access(0xC0, b"\x05\x28\x07\x03\x33\x1f\x00\x05\xf4" + phone.tmsi)
    bench.run(5000)
    assert phone.told == ["052226", "060d00"] and bench.cell.idle


def test_phone_without_tmsi_gets_one_at_its_service():
    """TS 24.008 4.3.1."""
    bench = Bench()
    phone = bench.registered()
    old = phone.tmsi
    phone.access(0xE0, service_request(imsi=IMSI))
    bench.run(3000)
    assert phone.tmsi != old
    assert phone.told == ["051a00f110000105f4" + phone.tmsi.hex(), "0521"]
    assert bench.users[3].names == ["opened"]


def test_phone_that_asks_and_says_nothing():
    bench = Bench()
    in_call(bench)
    bench.run(15000)
    assert bench.timers()[-1] == "SILENCE" and bench.users[3].events[-1] == ("lost", ABORTED)
    bench.run(4000)
    assert bench.cell.idle


def test_phone_takes_its_request_back():
    bench = Bench()
    phone, _ = in_call(bench)
    phone.say(b"\x05\x23")
    bench.run(5000)
    assert bench.users[3].events[-1] == ("lost", ABORTED) and bench.cell.idle


def test_detach_in_a_call():
    bench = Bench()
    phone, _ = in_call(bench)
    phone.say(detach(tmsi=phone.tmsi))
    bench.run(5000)
    assert bench.users[3].events[-1] == ("lost", PHONE_DETACHED) and bench.cell.idle


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ("053f", "053161"),
        ("063f", "061261"),
        ("0912", "053162"),
        ("0a00", "053162"),
        ("053100", None),
        ("061200", None),
    ],
)
def test_what_is_not_understood(message, answer):
    bench = Bench()
    phone, _ = in_call(bench)
    del bench.cell.users[9]
    phone.say(bytes.fromhex(message))
    bench.run(1500)
    assert phone.told[1:] == ([answer] if answer else [])


# -- pages ------------------------------------------------------------------------------------------------------------


def test_page():
    bench = Bench()
    phone = bench.registered()
    subscriber = bench.cell.subscribers.find(number="201")
    connection = bench.cell.connect(subscriber, bench.users[3], bench.now)
    bench.run(100)
    assert bench.pages[0][:-1].hex() == "2506210005f4" + phone.tmsi.hex() + "2b" * 13
    assert bench.pages[0][-1] == 1 % 16  # IMSI mod 1000 mod N
    phone.access(0x80, paging_response(phone.tmsi))
    bench.run(2000)
    assert bench.users[3].names == ["connected"] and phone.told == []
    connection.send(bytes.fromhex("0305"), bench.now)
    bench.run(1000)
    assert phone.told == ["0305"] and connection.ti == 0
    phone.say(bytes.fromhex("8308"))
    bench.run(1000)
    assert bench.users[3].events[-1] == ("received", "8308")
    bench.run(8000)
    assert len(bench.pages) == 1 and "T3113" not in bench.timers()


def test_two_wait_for_one_phone():
    bench = Bench()
    phone = bench.registered()
    subscriber = bench.cell.subscribers.find(number="201")
    for pd in (3, 9):
        bench.cell.connect(subscriber, bench.users[pd], bench.now)
    phone.access(0x80, paging_response(phone.tmsi))
    bench.run(2000)
    assert bench.users[3].names == bench.users[9].names == ["connected"]
    bench.users[9].connections[0].release(bench.now)
    third = bench.cell.connect(subscriber, bench.users[3], bench.now)
    bench.run(20)
    assert third.session and len(bench.pages) == 1  # it is here: no page


def test_wanted_again_as_it_leaves():
    """A connection asked for just as the last one ends is served on the same channel, or by a page."""
    bench = Bench()
    phone, connection = in_call(bench)
    second = bench.cell.connect(connection.subscriber, bench.users[9], bench.now)
    connection.release(bench.now)
    bench.run(100)
    assert bench.users[9].names == ["connected"] and bench.pages == []
    bench.users[3].events.clear()
    bench.cell.connect(connection.subscriber, bench.users[3], bench.now)
    bench.l1.up(0x02, 0x41, bytes.fromhex("015301") + b"\x2b" * 20)  # and now it hangs up its link
    bench.run(100)
    assert bench.users[9].names == ["connected", "lost"] and second.session is None and len(bench.pages) == 1
    phone.access(0x80, paging_response(phone.tmsi), fn=999)
    bench.run(2000)
    assert bench.users[3].names == ["connected"]


def test_silence_is_only_the_phones():
    """A connection that the network opened may be silent; one that the phone asked for may not."""
    bench = Bench()
    _, connection = in_call(bench, 4)
    bench.cell.connect(connection.subscriber, bench.users[3], bench.now)
    bench.run(16000)
    assert bench.users[9].events[-1] == ("lost", ABORTED) and bench.users[3].names == ["connected"]


def test_one_that_speaks_does_not_excuse_the_other_s_silence():
    bench = Bench()
    phone, connection = in_call(bench, 4)
    phone.say(service_request(tmsi=phone.tmsi))
    bench.run(500)
    assert bench.users[3].names == ["opened"]
    phone.say(b"\x09\x04")
    bench.run(16000)
    assert bench.users[3].events[-1] == ("lost", ABORTED)
    assert bench.users[9].names[-1] == "received" and connection.session


def test_t3113():
    bench = Bench()
    bench.registered()
    subscriber = bench.cell.subscribers.find(number="201")
    bench.cell.connect(subscriber, bench.users[3], bench.now)
    bench.run(7100)
    assert len(bench.pages) == 4 and "T3113" in bench.timers()
    assert bench.users[3].events == [("lost", PAGING_TIMED_OUT)]


def test_page_that_nobody_wants_any_more():
    bench = Bench()
    phone = bench.registered()
    connection = bench.cell.connect(bench.cell.subscribers.find(number="201"), bench.users[3], bench.now)
    bench.run(100)
    connection.release(bench.now)
    phone.access(0x80, paging_response(phone.tmsi))
    bench.run(9000)
    assert phone.told == ["060d00"] and len(bench.pages) == 1 and bench.cell.idle and bench.users[3].events == []


def test_who_is_not_registered_is_not_paged():
    bench = Bench()
    phone = bench.registered()
    phone.access(0x0E, detach(tmsi=phone.tmsi))
    bench.run(5000)
    assert bench.cell.connect(bench.cell.subscribers.find(number="201"), bench.users[3], bench.now) is None


def test_paged_phone_that_fails_to_authenticate():
    bench = Bench(store=with_key())
    phone = keyed(bench.phone())
    phone.access(0x0E, location_update())
    bench.run(8000)
    phone.chan = None
    phone.answers[b"\x05\x12"] = b"\x05\x5c\x14"
    bench.cell.connect(bench.cell.subscribers.find(imsi=IMSI), bench.users[3], bench.now)
    phone.access(0x80, paging_response(phone.tmsi))
    bench.run(12000)
    assert bench.users[3].names == ["lost"] and bench.cell.idle


def test_strangers_answer_to_a_page():
    bench = Bench()
    phone = bench.phone()
    phone.access(0x80, paging_response(b"\1\2\3\4"))
    bench.run(5000)
    assert phone.told == ["060d01"] and bench.cell.idle


# -- assignment -------------------------------------------------------------------------------------------------------


def test_assignment():
    bench = Bench()
    phone, connection = with_traffic_channel(bench)
    assert phone.told[-1] == "062e0ae03c0e6301" and phone.chan == 0x0A
    assert bench.l1.active == {0x0A: True}  # in speech mode; the SDCCH is down
    assert connection.speech.send(bytes((0xD0,)) + bytes(32))
    assert phone.voice == [b"\x01\xd0" + bytes(32)]


def test_speech_up():
    bench = Bench()
    _, connection = with_traffic_channel(bench)
    frames = []
    connection.speech.received = lambda frame: frames.append(bytes(frame))
    good = b"\x01" + bytes((0xD0,)) + bytes(range(32))
    for payload in (good, b"\1", b"", b"\2" + good[1:], good[:20]):
        bench.l1.up(0x04, 0x0A, payload)
    bench.run(20)
    assert frames == [good[1:], b"", b"", b"", b""]
    connection.release(bench.now)
    bench.run(3000)
    assert bench.cell.channels[8].speech.received is None


def test_no_traffic_channel():
    bench = Bench()
    _, connection = in_call(bench)
    for channel in bench.cell.channels[8:]:
        channel.activate(bench.cell.access, 0, 0, bench.now)
    connection.assign(bench.now)
    bench.run(100)
    assert bench.users[3].events[-1] == ("assignment_failed", NO_CHANNEL)


def test_assignment_that_fails_leaves_the_phone_where_it_was():
    bench = Bench()
    phone, connection = in_call(bench)
    phone.say(SETUP)
    bench.run(1000)
    phone.answers[b"\x06\x2e"] = stay
    connection.assign(bench.now)
    bench.run(300)
    connection.send(bytes.fromhex("8301"), bench.now)  # waits for the outcome
    bench.run(3000)
    assert bench.users[3].events[-1] == ("assignment_failed", REFUSED)
    assert phone.told[-1] == "8301" and bench.l1.active == {0x41: False}
    phone.answers[b"\x06\x2e"] = move
    connection.assign(bench.now)
    bench.run(3000)
    assert bench.users[3].events[-1] == ("assigned",)


def test_t3107():
    bench = Bench()
    phone, connection = in_call(bench)
    phone.answers[b"\x06\x2e"] = lambda phone, message: phone.vanish()
    connection.assign(bench.now)
    bench.run(6000)
    assert "T3107" in bench.timers() and bench.users[3].events[-1] == ("lost", RADIO_LOST)
    bench.run(2000)
    assert bench.cell.idle


def test_baseband_does_not_activate():
    bench = Bench()
    _, connection = in_call(bench)
    bench.l1.mute.add(0x43)
    connection.assign(bench.now)
    bench.run(1200)
    assert bench.users[3].events[-1] == ("assignment_failed", NO_CHANNEL)
    connection.release(bench.now)
    bench.run(4000)
    assert bench.cell.idle


def test_repeated_message_after_the_assignment():
    """TS 24.007 11.2.3.2: the phone repeats on the new channel what was not acknowledged on the old."""
    bench = Bench()
    phone, connection = in_call(bench)
    phone.say(bytes.fromhex("0345aa"))
    bench.run(1000)

    def repeat(phone, message):
        move(phone, message)
        phone.say(bytes.fromhex("0345aa"))
        phone.say(bytes.fromhex("0345bb"))

    phone.answers[b"\x06\x2e"] = repeat
    connection.assign(bench.now)
    bench.run(3000)
    heard = [event[1] for event in bench.users[3].events if event[0] == "received"]
    assert heard == ["0345aa", "0345bb"]


# -- releases ---------------------------------------------------------------------------------------------------------


def test_t3109():
    """The phone does not leave."""
    bench = Bench()
    phone, connection = in_call(bench)
    phone.answers[b"\x06\x0d"] = None
    connection.release(bench.now)
    bench.run(19500)
    assert not bench.cell.idle
    bench.run(1000)
    assert bench.timers()[-1] == "T3109" and bench.cell.idle


def test_radio_link_timeout():
    """No SACCH from the phone; the channel is not used again before the phone must have given up, too."""
    bench = Bench()
    phone, _ = with_traffic_channel(bench)
    phone.vanish()
    bench.run(16000)
    assert bench.users[3].events[-1] == ("lost", RADIO_LOST)
    assert "RADIO-LINK" in bench.timers() and not bench.cell.idle and bench.l1.active == {}
    bench.run(20000)
    assert bench.timers()[-1] == "T3109" and bench.cell.idle


def test_a_long_call_goes_on():
    bench = Bench()
    with_traffic_channel(bench)
    bench.run(40000)
    assert "lost" not in bench.users[3].names and "RADIO-LINK" not in bench.timers()


def test_phone_that_hangs_up_its_link():
    bench = Bench()
    phone, _ = in_call(bench)
    leave(phone, b"")
    bench.run(500)
    assert bench.users[3].events[-1] == ("lost", RADIO_LOST)
    assert phone.station(0).waiting is None  # its DISC was answered
    bench.run(3000)
    assert bench.timers()[-1] == "T3111" and bench.cell.idle


def test_phone_that_comes_anew_ends_what_was():
    bench = Bench()
    phone, _ = in_call(bench)
    phone.vanish()
    again = bench.phone()
    again.access(0x0E, location_update(), fn=3000)
    bench.run(4000)
    assert bench.users[3].events[-1] == ("lost", REFUSED) and again.told[-1] == "060d00"
    bench.run(21000)
    assert bench.cell.idle


def test_baseband_loses_a_channel():
    bench = Bench()
    in_call(bench)
    bench.l1.active.clear()
    bench.l1.up(0x09, 0x41, b"\2")
    bench.run(100)
    assert bench.users[3].events[-1] == ("lost", RADIO_LOST) and bench.cell.idle


def test_baseband_does_not_deactivate():
    bench = Bench()
    bench.l1.mute.add(0x44)
    bench.l1.up(0x03, 0x88, b"\x05\0", fn=77)
    bench.run(7500)
    assert bench.timers()[:2] == ["T3101", "DEACT"] and not bench.cell.idle
    bench.l1.mute.clear()
    bench.run(1200)
    assert bench.cell.idle


# -- the air ----------------------------------------------------------------------------------------------------------


def test_every_opportunity_is_used():
    """No underrun: SDCCH and SACCH answer every RTS.ind, with fill and with SI 5 and 6."""
    bench = Bench()
    in_call(bench)
    bench.l1.sent.clear()
    for i in range(10):
        bench.l1.up(0x01, 0x41, fn=i)
        bench.l1.up(0x01, 0x41, link=0x40, fn=i)
    bench.cell.step(bench.now)
    main = [message for message in bench.l1.sent if message[2] == 0]
    sacch = [message for message in bench.l1.sent if message[2] == 0x40]
    assert [message[3] for message in main] == [message[3] for message in sacch] == list(range(10))
    assert all(message[4] == bytes.fromhex("030301") + b"\x2b" * 20 for message in main)
    assert {message[4][:2] for message in sacch} == {bytes((14, 2))}  # power level, timing advance
    assert [message[4][6] for message in sacch] in ([0x1D, 0x1E] * 5, [0x1E, 0x1D] * 5)


def test_sapi_3_and_system_information_share_the_sacch():
    bench = Bench()
    _, connection = with_traffic_channel(bench)
    connection.send(CP_DATA, bench.now, 3)
    bench.l1.sent.clear()
    for i in range(4):
        bench.l1.up(0x01, 0x0A, link=0x40, fn=i)
        bench.cell.step(bench.now)
        bench.cell.channels[8].third.receive(bytes.fromhex("0f7301") + b"\x2b" * 18, bench.now)  # UA: go on
    addresses = [payload[2] for kind, _, link, _, payload in bench.l1.sent if link == 0x40]
    assert addresses == [0x0F, 0x03, 0x0F, 0x03]


def test_measurement_report():
    bench = Bench()
    in_call(bench)
    bench.run(1000)
    channel = bench.cell.channels[0]
    assert (channel.rx_level, channel.rx_quality) == (0x1E, 3)


@pytest.mark.parametrize("loss", [0.05, 0.2])
@pytest.mark.parametrize("seed", range(5))
def test_calls_through_loss(seed, loss):
    """Registration, call, traffic channel, release: all through loss, or given up, and every channel free again."""
    bench = Bench(seed=seed, loss=loss)
    phone = bench.phone()
    phone.access(0x0E, location_update())
    bench.run(30000)
    phone.chan = None
    if phone.tmsi:
        phone.access(0xE0, service_request(phone.tmsi), fn=999)
        bench.run(8000)
        for connection in bench.users[3].connections:
            connection.assign(bench.now)
        bench.run(15000)
        for connection in bench.users[3].connections:
            connection.release(bench.now)
    bench.run(60000)
    assert bench.cell.idle and bench.cell.sessions == []


def test_a_hundred_phones_at_once():
    """They back off as they are told, and all get there."""
    bench = Bench(t3122=3)
    phones = [bench.phone(f"0010100000{i:05}") for i in range(100)]
    due = {phone: bench.random.randrange(2000) for phone in phones}
    for _ in range(4000):
        for phone in phones:
            if phone.rejected or (phone.chan is not None and phone.station(0).failed):
                due[phone] = bench.elapsed + 1000 * (phone.rejected or 0) + bench.random.randrange(1000)
                phone.rejected = None
                phone.vanish()
            if phone.tmsi is None and due[phone] <= bench.elapsed and phone.chan is None:
                phone.access(bench.random.randrange(16), location_update(phone.imsi), fn=bench.elapsed)
                due[phone] = bench.elapsed + 5000 + bench.random.randrange(5000)
        bench.run(20)
    assert all(phone.tmsi for phone in phones)
    bench.run(5000)
    assert bench.cell.idle and len({s.number for s in bench.cell.subscribers if s.registered}) == 100
