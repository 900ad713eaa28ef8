"""Dedicated channels: assignment, release, loss, what is sent on them."""

import pytest
from gsm_cell_bench import (
    Bench,
    leave,
    location_update,
    move,
    service_request,
    stay,
)
from gsm_scenes import (
    CP_DATA,
    SETUP,
    in_call,
    with_traffic_channel,
)

from femtojack.gsm.rr import (
    NO_CHANNEL,
    RADIO_LOST,
    REFUSED,
)

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
    connection.speech.attach(lambda frame: frames.append(bytes(frame)), lambda: None)
    good = b"\x01" + bytes((0xD0,)) + bytes(range(32))
    for payload in (good, b"\1", b"", b"\2" + good[1:], good[:20]):
        bench.l1.up(0x04, 0x0A, payload)
    bench.run(20)
    assert frames == [good[1:], b"", b"", b"", b""]
    connection.release(bench.now)
    bench.run(3000)
    assert not bench.cell.channels[8].speech.attached


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
