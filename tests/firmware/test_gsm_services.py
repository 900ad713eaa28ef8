"""Services that a phone asks for, messages both ways, and pages."""

import pytest
from gsm_cell_bench import (
    IMSI,
    Bench,
    detach,
    location_update,
    paging_response,
    service_request,
)
from gsm_scenes import (
    CP_DATA,
    SETUP,
    in_call,
    keyed,
    with_key,
    with_traffic_channel,
)

from femtojack.gsm.rr import (
    ABORTED,
    PAGING_TIMED_OUT,
    PHONE_DETACHED,
)

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
