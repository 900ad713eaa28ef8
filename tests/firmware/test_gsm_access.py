"""The cell at its start, and what answers a random access burst."""

import pytest
from gsm_cell_bench import (
    Bench,
    location_update,
    service_request,
)
from gsm_scenes import (
    SETUP,
    only,
)

from femtojack.gsm.rr import (
    REFUSED,
)

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
