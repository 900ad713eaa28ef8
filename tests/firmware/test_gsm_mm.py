"""Location updating, detach, authentication, ciphering, with their timers."""

import pytest
from gsm_cell_bench import (
    IMSI,
    Bench,
    detach,
    location_update,
    lv,
)
from gsm_scenes import (
    KC,
    RAND,
    in_call,
    keyed,
    only,
    with_key,
)

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
