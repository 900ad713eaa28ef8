import numpy as np
import pytest
from slic_bench import Bench, dbm0, sine

from femtohost.clock import MS, Clock
from femtohost.models.ear import country_tones
from femtohost.models.phone import Phone

CODE = {**{str(d): d for d in range(1, 10)}, "0": 10, "*": 11, "#": 12}


def edges(phone, clock):
    seen = []
    phone.observers.append(lambda: seen.append((clock.now / MS, phone.loop_closed)))
    return seen


def drain(clock):
    while clock.run_next():
        pass


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def phone(clock):
    return Phone(clock, country_tones("us"))


def test_hook_and_flash(phone, clock):
    seen = edges(phone, clock)
    phone.off_hook()
    phone.off_hook()
    phone.flash(300)
    drain(clock)
    phone.on_hook()
    assert seen == [(0, True), (0, False), (300, True), (300, False)]


def test_hanging_up_ends_a_flash(phone, clock):
    seen = edges(phone, clock)
    phone.off_hook()
    phone.flash()
    phone.on_hook()
    drain(clock)
    assert seen[-1] == (0, False)


def test_pulses(phone, clock):
    phone.off_hook()
    clock.advance(3000 * MS)
    seen = edges(phone, clock)
    phone.pulse("30")
    drain(clock)
    times = [t for t, closed in seen if not closed]
    makes = [t for t, closed in seen if closed]
    assert times[:4] == [3000, 3100, 3200, 3300 + 800]
    assert len(times) == 13
    assert [b - a for a, b in zip(times, makes, strict=True)] == [60] * 13
    assert not phone.busy_dialling


def test_the_bell_needs_voltage_frequency_and_time(phone, clock):
    for vrms, hz, rings in ((45, 20, True), (0, 0, False), (20, 20, False), (45, 400, False), (45, 25, True)):
        phone.ring_voltage(vrms, hz)
        clock.advance(clock.now)
        drain(clock)
        assert phone.ringing == rings
    phone.off_hook()
    drain(clock)
    assert not phone.ringing


def test_unknown_keys_are_refused(phone):
    with pytest.raises(ValueError, match="cannot be dialled"):
        phone.dial("12x")
    with pytest.raises(ValueError, match="nothing to say"):
        phone.talk([])


def test_finger_waits_for_dial_tone_and_then_dials():
    bench = Bench().power_up()
    bench.phone.off_hook()
    bench.phone.dial("19#0")
    bench.blocks(np.zeros(8000))
    assert bench.read(24) == 0
    bench.write(32, 0x06)
    bench.write(33, 0x06)
    digits = []
    for _ in range(150):
        bench.blocks(np.zeros(80))
        if bench.chip.int_level() == 0 and bench.read(20):
            digits.append(bench.read(24) & 0x0F)
            bench.write(20, 0x01)
            bench.write(32, 0)
            bench.write(33, 0)
    assert digits == [CODE[key] for key in "19#0"]
    assert not bench.phone.busy_dialling
    assert bench.said() == []


def test_finger_loses_patience(phone, clock):
    phone.dial("5")
    assert phone.busy_dialling
    phone.off_hook()
    sent = np.concatenate([near_at(phone, clock, block) for block in range(330)])
    assert not sent[: 8 * 3000].any()
    assert dbm0(sent[8 * 3000 : 8 * 3100]) == pytest.approx(-5.88, abs=0.1)  # -10 and -8 dBm0 together
    assert not sent[8 * 3100 :].any()


def near_at(phone, clock, block):
    end = (block + 1) * 10 * MS
    while clock.next_time() is not None and clock.next_time() <= end:
        clock.run_next()
    clock.advance(end)
    near = phone.near(block * 80)
    return np.zeros(80) if near is None else near


def test_hanging_up_stops_the_finger(phone, clock):
    phone.off_hook()
    phone.dial("555")
    phone.on_hook()
    drain(clock)
    assert not phone.busy_dialling


@pytest.mark.parametrize("length", [50, 80, 200, 8000])
def test_talking_loops_or_ends(phone, length):
    phone.off_hook()
    voice = np.arange(1, length + 1)
    phone.talk(voice)
    spoken = np.concatenate([phone.near(80 * k).copy() for k in range(5)])
    assert np.array_equal(spoken, np.resize(voice, 400))
    phone.talk(voice, loop=False)
    blocks = [phone.near(0) for _ in range(length // 80 + 3)]
    spoken = np.concatenate([np.zeros(80) if block is None else block for block in blocks])
    assert np.array_equal(spoken[:length], voice)
    assert not spoken[length:].any()
    phone.talk(voice)
    phone.stop_talking()
    assert phone.near(0) is None


def test_on_hook_is_mute(phone):
    phone.talk(np.ones(800))
    assert phone.near(0) is None


def test_earpiece_fills_what_the_line_left_out_with_silence(phone, clock):
    phone.off_hook()
    phone.hear(0, sine(1000, -10, 0.01))
    clock.advance(1000 * MS)
    heard = phone.earpiece(1.0)
    assert heard.dtype == np.int16
    assert len(heard) == 8000
    assert heard[:80].any()
    assert not heard[80:].any()
    assert phone.hears("silence")
    assert len(phone.earpiece(60)) == 40000
