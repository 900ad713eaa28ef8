"""The GSM baseband: its schedule against TS 45.002, its mailbox, and what it does when it is treated badly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from radio_bench import C0, COMBINED_SLOTS, DED, L2, SDCCH, SI, TCH, Bench

from femtohost.clock import SECOND
from femtohost.models import gsm_mailbox as mailbox
from femtohost.models.gsm_frames import (
    AGCH,
    BCCH,
    FACCH_F,
    HYPERFRAME,
    PCH,
    RACH,
    SACCH,
    SDCCH4,
    SDCCH8,
    VOICE_F,
    Blocks,
    dedicated_blocks,
    frame_at,
    frame_time,
    reduced,
)

SPEECH = b"\x01\xd1" + bytes(range(32))


# -- frames -----------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10 * HYPERFRAME))
def test_a_frame_begins_when_it_begins(count):
    assert frame_at(frame_time(count)) == count
    assert frame_at(frame_time(count) - 1) == count - 1


def test_26_frames_last_120_ms():
    assert frame_time(26) == 120_000_000


@given(st.integers(0, 10**9), st.sampled_from((26, 51, 102, 104)), st.data())
def test_blocks_follow_and_precede(count, period, data):
    first = tuple(sorted(data.draw(st.sets(st.integers(0, period - 1), min_size=1))))
    blocks = Blocks(period, first)
    begins = [c for c in range(count - period, count + period) if c % period in first]
    assert blocks.following(count) == min(c for c in begins if c >= count)
    assert blocks.previous(count) == max(c for c in begins if c < count)


def test_reduced_frame_number():
    assert reduced(126909) == (126909 // 1326 % 32, 126909 % 26, 126909 % 51)


def test_the_channels_of_a_combined_slot_do_not_meet():
    taken = [
        block.first[0] + offset + 51 * half
        for sub_slot in range(4)
        for block in (dedicated_blocks(SDCCH4, 0, sub_slot).down, dedicated_blocks(SDCCH4, 0, sub_slot).sacch_down)
        for half in ((0, 1) if block.period == 51 else (0,))
        for offset in range(4)
    ]
    assert len(taken) == len(set(taken))


# -- common channels --------------------------------------------------------------------------------------------------


def test_system_information_in_its_multiframes():
    bench = Bench()
    bench.air.want_bcch(1)
    bench.run(51 * 16 * 120e-3 / 26)
    sent = {}
    for frame in bench.downlink(BCCH):
        assert frame.fn % 51 == 2 and (frame.arfcn, frame.tn) == (C0, 0)
        sent.setdefault(frame.fn // 51 % 8, frame.payload)
    assert [sent[tc] for tc in range(8)] == [SI[n] for n in (1, 2, 3, 4, 2, 2, 3, 4)]


def test_an_idle_cell_is_free():
    bench = Bench()
    bench.run(24 * 3600)
    assert bench.events < 10 and not bench.frames


def test_every_block_when_somebody_wants_all():
    bench = Bench()
    bench.air.want_all()
    bench.run(51 * 8 * 120e-3 / 26)
    assert {frame.fn % 51 for frame in bench.frames} == {2, 6, 12, 16, 22, 26, 32, 36, 42, 46}
    assert len(bench.downlink(PCH)) == 8 * 8 and len(bench.downlink(AGCH)) == 8  # SI 3 keeps one for AGCH


def test_paging_waits_for_its_group():
    bench = Bench(seed=2)
    bench.send(mailbox.DATA_REQ, mailbox.PCH_AGCH_NR, 1, 0, L2 + bytes((13,)))
    bench.send(mailbox.DATA_REQ, mailbox.PCH_AGCH_NR, 0, 0, L2)
    bench.run(2)
    (page,) = bench.downlink(PCH)
    # 8 paging blocks in a multiframe (one of 9 is for AGCH), a group every 5 multiframes: 13 is block 5 of the second
    assert page.fn // 51 % 5 == 13 // 8 and page.fn % 51 == (6, 12, 16, 22, 26, 32, 36, 42, 46)[1 + 13 % 8]
    assert len(bench.downlink(AGCH)) == 1 and bench.misuse == []


def test_a_burst_comes_up_with_its_frame_number():
    bench = Bench()
    bench.run(0.1)
    bench.received()
    fn = bench.fn()
    bench.transmit(RACH, b"\x0e", C0, tn=3)
    bench.run(0)
    assert bench.received() == [mailbox.Message(mailbox.RACH_IND, mailbox.RACH_NR | 3, 0, fn, b"\x0e\0")]
    bench.transmit(RACH, b"\x0e", DED)
    bench.run(0)
    assert bench.received() == []


@pytest.mark.parametrize(("capture", "heard"), [(False, 0), (True, 1)])
def test_bursts_of_one_frame_collide(capture, heard):
    bench = Bench()
    bench.received()
    bench.air.faults.capture = capture
    bench.transmit(RACH, b"\x0e", C0, tn=0)
    bench.transmit(RACH, b"\x0f", C0, tn=0)
    bench.run(0)
    assert [message.payload[0] for message in bench.received()] == [0x0E][:heard]


# -- dedicated channels -----------------------------------------------------------------------------------------------


def test_rts_20_frames_ahead_and_the_answer_in_its_block():
    bench = Bench()
    bench.activate(SDCCH, ta=3, power=7)
    asked, begin = [], bench.clock.now
    while bench.clock.now < begin + 3 * SECOND:
        bench.run(0.01)
        for message in bench.received():
            if message.type == mailbox.RTS_IND:
                assert (message.fn - bench.fn()) % HYPERFRAME in range(17, 21)
                asked.append((message.link_id, message.fn))
                bench.send(mailbox.DATA_REQ, SDCCH, message.link_id, message.fn, bytes((len(asked),)) * 23)
    main, sacch = bench.downlink(SDCCH8), bench.downlink(SDCCH8 | SACCH)
    assert len(main) in (11, 12, 13) and len(sacch) in (5, 6)
    assert [frame.fn for frame in main] == [fn for link, fn in asked if not link][: len(main)]
    assert {frame.fn % 51 for frame in main} == {0} and {frame.fn % 102 for frame in sacch} == {32}
    assert all(frame.payload[:2] == bytes((7, 3)) for frame in sacch)
    assert bench.radio.channels[SDCCH].underruns == 0 and (main[0].arfcn, main[0].tn) == (DED, 1)


def test_a_missed_rts_is_fill_and_an_underrun():
    bench = Bench()
    for number in (5, 6):
        bench.send(
            mailbox.SI_REQ, 0, 0, 0, bytes((number,)) + bytes((0x03, 0x03, 0x49, 0x06, 0x18 + number)) + bytes(16)
        )
    bench.activate(SDCCH)
    bench.run(3)
    assert {frame.payload for frame in bench.downlink(SDCCH8)} == {L2}
    kinds = [frame.payload[6] - 0x18 for frame in bench.downlink(SDCCH8 | SACCH)]
    assert kinds[:4] == [5, 6, 5, 6]
    assert bench.radio.read(35) == len(bench.downlink(SDCCH8)) + len(kinds)
    assert bench.radio.read(2) & 4
    bench.radio.write(35, 1)
    assert bench.radio.read(35) == 0


def test_late_or_wrong_data_is_refused():
    bench = Bench()
    bench.activate(SDCCH)
    bench.run(1)
    bench.received()
    bench.send(mailbox.DATA_REQ, SDCCH, 0, (bench.fn() - 51) % HYPERFRAME, L2)
    assert bench.errors() == [mailbox.LATE]
    bench.send(mailbox.DATA_REQ, SDCCH, 0, 0, L2[1:])
    assert bench.errors() == [mailbox.BAD_LENGTH]
    bench.send(mailbox.DATA_REQ, mailbox.number_of(SDCCH8, 1, 4), 0, 0, L2)
    assert bench.errors() == [mailbox.NOT_ACTIVE]
    bench.send(mailbox.DATA_REQ, mailbox.number_of(SDCCH4, 0, 0), 0, 0, L2)
    assert bench.errors() == [mailbox.BAD_CHANNEL]
    bench.send(0x7F, SDCCH)
    assert bench.errors() == [mailbox.UNKNOWN_TYPE]
    bench.send(mailbox.MODE_REQ, SDCCH, payload=b"\1")
    assert bench.errors() == [mailbox.BAD_CHANNEL]
    assert bench.misuse == []


def test_uplink_comes_at_the_end_of_its_block():
    bench = Bench()
    bench.activate(SDCCH)
    bench.run(0.5)
    bench.received()
    fn = bench.fn()
    bench.transmit(SDCCH8, L2)
    bench.transmit(SDCCH8, bytes(23))  # another phone in the same block
    bench.transmit(SDCCH8, L2, sub_slot=1)
    bench.transmit(SDCCH8, L2, arfcn=C0)
    assert bench.received() == []
    bench.run(0.019)
    data = [message for message in bench.received() if message.type == mailbox.DATA_IND]
    assert data == [mailbox.Message(mailbox.DATA_IND, SDCCH, 0, fn, L2)]


def test_measurements_tell_a_phone_that_is_gone():
    bench = Bench()
    bench.activate(SDCCH)
    bench.run(1)
    bench.received()
    bench.transmit(SDCCH8 | SACCH, L2)
    bench.run(1.3)
    levels = [tuple(m.payload[:2]) for m in bench.received() if m.type == mailbox.MEAS_IND]
    assert levels[0] == (60, 0) and set(levels[1:]) == {(0, 7)}


def test_speech_both_ways_every_20_ms():
    bench = Bench()
    bench.activate(TCH)
    bench.send(mailbox.MODE_REQ, TCH, payload=b"\1")
    bench.run(0.2)
    bench.received()
    bench.frames.clear()
    bench.send(mailbox.TCH_REQ, TCH, payload=SPEECH)
    bench.transmit(VOICE_F, b"\0" + SPEECH[1:], tn=2)
    bench.run(0.12)
    heard = [message.payload for message in bench.received() if message.type == mailbox.TCH_IND]
    assert len(heard) == 6 and heard[0] == SPEECH and set(heard[1:]) == {b"\1"}
    (sent,) = bench.downlink(VOICE_F)
    assert sent.payload == SPEECH and sent.fn % 26 in (0, 4, 8, 13, 17, 21)


def test_facch_steals_a_speech_block():
    bench = Bench()
    bench.activate(TCH)
    bench.send(mailbox.MODE_REQ, TCH, payload=b"\1")
    bench.run(0.2)
    rts = [m for m in bench.received() if m.type == mailbox.RTS_IND and not m.link_id]
    bench.send(mailbox.DATA_REQ, TCH, 0, rts[-1].fn, L2)
    for _ in range(8):
        bench.send(mailbox.TCH_REQ, TCH, payload=SPEECH)
        bench.run(0.02)
    (facch,) = bench.downlink(FACCH_F)
    assert facch.fn == rts[-1].fn
    assert facch.fn not in [frame.fn for frame in bench.downlink(VOICE_F)]
    assert len(bench.downlink(VOICE_F)) == 7  # of 8: what was stolen is not sent later
    assert bench.radio.channels[TCH].underruns == 0


def test_too_much_speech_is_an_overrun():
    bench = Bench()
    bench.activate(TCH)
    bench.send(mailbox.MODE_REQ, TCH, payload=b"\1")
    for _ in range(6):
        bench.send(mailbox.TCH_REQ, TCH, payload=SPEECH)
    assert bench.radio.read(34) == 2


def test_seven_traffic_channels_share_their_instants():
    bench = Bench()
    for tn in range(2, 8):
        bench.activate(mailbox.number_of(FACCH_F, tn, 0))
    bench.run(1)
    begin, bench.events = bench.clock.now, 0
    instants = set()
    while bench.clock.now < begin + SECOND:
        instants.add(bench.clock.now)
        bench.clock.run_next()
    assert len(instants) < 90


def test_a_combined_cell():
    bench = Bench(COMBINED_SLOTS)
    bench.activate(mailbox.number_of(SDCCH4, 0, 3))
    bench.run(1)
    assert {(frame.arfcn, frame.tn, frame.sub_slot, frame.fn % 51) for frame in bench.downlink(SDCCH4)} == {
        (C0, 0, 3, 36)
    }
    assert {frame.fn % 102 for frame in bench.downlink(SDCCH4 | SACCH)} == {97}


def test_deactivation_ends_everything():
    bench = Bench()
    bench.activate(SDCCH)
    bench.activate(TCH)
    assert [m.payload for m in bench.received() if m.type == mailbox.ACT_CNF] == [b"\0", b"\0"]
    bench.activate(SDCCH)
    assert [m.payload[0] for m in bench.received() if m.type == mailbox.ACT_CNF] == [mailbox.BAD_CHANNEL]
    bench.send(mailbox.DEACT_REQ, SDCCH)
    bench.send(mailbox.DEACT_REQ, TCH)
    bench.run(1)
    assert [m.type for m in bench.received()] == [mailbox.DEACT_CNF] * 2
    bench.frames.clear()
    bench.run(10)
    assert not bench.frames and not bench.radio.channels


def test_a_cipher_is_noted():
    bench = Bench()
    bench.activate(SDCCH)
    bench.send(mailbox.CIPHER_REQ, SDCCH, payload=b"\1" + bytes(range(8)))
    assert bench.radio.channels[SDCCH].cipher == (1, bytes(range(8)))


# -- the mailbox ------------------------------------------------------------------------------------------------------


def test_frame_number_is_latched_and_wraps():
    bench = Bench(on=False)
    seen = []
    for _ in range(1000):
        bench.run(0.01)
        high = bench.radio.read(4)
        seen.append(high << 16 | bench.radio.read(5))
        assert seen[-1] == bench.fn()
    assert min(seen) < 2200 and max(seen) > HYPERFRAME - 2200


def test_the_interrupt():
    bench = Bench()
    bench.activate(SDCCH)
    assert bench.radio.irq_level() == 0 and bench.wakes
    bench.radio.write(3, 1)
    assert bench.radio.irq_level() == 1
    bench.radio.write(2, 1)
    assert bench.radio.irq_level() == 0


def test_a_full_queue_up_loses_and_counts():
    bench = Bench()
    bench.activate(TCH)
    bench.run(3)
    assert len(bench.received()) == 64 and bench.radio.read(34) > 50 and bench.radio.read(2) & 2


def test_time_once_a_multiframe():
    bench = Bench()
    bench.radio.write(1, 5)
    bench.run(51 * 10 * 120e-3 / 26)
    times = bench.received()
    assert len(times) == 10 and all(m.type == mailbox.TIME_IND and m.fn % 51 == 0 for m in times)


@pytest.mark.parametrize(
    ("act", "section"),
    [
        (lambda radio: radio.write(16, 2), "TSCFG[0]"),
        (lambda radio: radio.read(99), "reg 99"),
        (lambda radio: radio.write(1, 1 << 16), "register 1"),
        (lambda radio: radio.recv_into(bytearray(20)), "recv_into"),
    ],
)
def test_misuse(act, section):
    bench = Bench()
    act(bench.radio)
    assert [misuse.section for misuse in bench.misuse] == [section]


def test_misuse_of_the_slots_of_a_radio_that_is_off():
    bench = Bench(on=False)
    bench.radio.write(17, 1)
    bench.radio.write(18, 5)
    assert [misuse.section for misuse in bench.misuse] == ["TSCFG[1]", "TSCFG[2]"]
    bench.send(mailbox.ACT_REQ, SDCCH, payload=b"\0\0")
    assert len(bench.misuse) == 3


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_octets_that_are_no_message(data):
    bench = Bench()
    for octets in data:
        bench.radio.send(octets, len(octets))
    bench.run(1)
    bench.received()


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255), st.binary(max_size=60))
def test_any_message_has_its_answer_or_does_something(kind, chan_nr, link_id, payload):
    bench = Bench()
    bench.send(kind, chan_nr, link_id, 0, payload)
    bench.run(0.5)
    assert bench.misuse == []


# -- faults -----------------------------------------------------------------------------------------------------------


def test_a_stalled_mailbox_moves_nothing():
    bench = Bench()
    bench.activate(SDCCH)
    bench.received()
    bench.radio.stall(True)
    wakes = bench.wakes
    accepted = [bench.send(mailbox.DATA_REQ, SDCCH, 0, 0, L2) for _ in range(70)]
    assert accepted.count(False) == 6 and bench.radio.read(34) == 6
    bench.run(1)
    assert bench.received() == [] and bench.wakes == wakes
    bench.radio.stall(False)
    bench.run(0)
    types = [message.type for message in bench.received()]
    assert types.count(mailbox.ERR_IND) + types.count(mailbox.RTS_IND) > 40


def test_late_rts_leaves_less_time():
    bench = Bench()
    bench.radio.faults.rts_late = 15
    bench.activate(SDCCH)
    bench.activate(TCH)
    for _ in range(200):
        bench.run(0.004)
        for message in bench.received():
            if message.type == mailbox.RTS_IND:
                assert (message.fn - bench.fn()) % HYPERFRAME <= 7


def test_losses_in_both_directions():
    bench = Bench()
    heard = []
    listener = type("Ear", (), {"receive": lambda self, frame: heard.append(frame), "carrier": lambda self, on: None})()
    bench.air.tune(listener, (DED, 1, 0))
    bench.air.faults.loss_down = 0.5
    bench.activate(SDCCH)
    bench.run(30)
    sent = len(bench.downlink(SDCCH8)) + len(bench.downlink(SDCCH8 | SACCH))
    assert 0.35 * sent < len(heard) < 0.65 * sent
    assert bench.air.counters.lost == sent - len(heard)


def test_the_carrier_is_told():
    bench = Bench()
    told = []
    listener = type("Ear", (), {"carrier": lambda self, on: told.append(on)})()
    bench.air.tune(listener, (C0, 0, -1))
    bench.radio.write(1, 0)
    bench.radio.write(1, 1)
    bench.radio.write(1, 2)
    assert told == [False, True, False]
