import numpy as np
import pytest
from slic_bench import Bench, sine

from femtohost.models.slic_dtmf import DtmfReceiver
from femtohost.speech import speech_like

# Q.23; codes of Si3210 reg 24
ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
KEYS = "123A456B789C*0#D"
CODE = dict(zip(KEYS, (1, 2, 3, 13, 4, 5, 6, 14, 7, 8, 9, 15, 11, 10, 12, 0), strict=True))
STARTS = range(400, 480, 13)


def digit(key, ms, *, low=-10.0, high=-10.0, low_off=0.0, high_off=0.0):
    """Samples of one key; levels in dBm0, offsets relative."""
    row, column = divmod(KEYS.index(key), 4)
    seconds = ms / 1000
    return sine(ROWS[row] * (1 + low_off), low, seconds) + sine(COLUMNS[column] * (1 + high_off), high, seconds)


def digits_in(x):
    receiver = DtmfReceiver()
    x = np.append(x, np.zeros(-len(x) % 80))
    return [receiver.digit for block in x.reshape(-1, 80) if receiver.block(block)]


def received(keys, ms=40, start=400, **levels):
    """What the receiver makes of each key on its own, in any alignment to its blocks."""
    silence = np.zeros(start)
    return [digits_in(np.concatenate([silence, digit(key, ms, **levels), np.zeros(400)])) for key in keys]


def each(keys):
    return [[CODE[key]] for key in keys]


@pytest.mark.parametrize("start", STARTS)
def test_accepts_40_ms(start):
    assert received(KEYS, start=start) == each(KEYS)


@pytest.mark.parametrize("start", STARTS)
def test_rejects_under_23_ms(start):
    assert received(KEYS, ms=22.9, start=start) == [[]] * 16


@pytest.mark.parametrize("off", [-0.015, 0.015])
def test_accepts_one_and_a_half_per_cent(off):
    assert received(KEYS, low_off=off, high_off=-off) == each(KEYS)
    assert received(KEYS, low_off=off, high_off=off) == each(KEYS)


@pytest.mark.parametrize("off", [-0.035, 0.035])
def test_rejects_three_and_a_half_per_cent(off):
    assert received(KEYS, ms=100, low_off=off) == [[]] * 16
    assert received(KEYS, ms=100, high_off=off) == [[]] * 16


@pytest.mark.parametrize(("low", "high"), [(0, 0), (-25, -25), (-10, -18), (-17, -25), (-10, -6), (-25, -21)])
def test_accepts_levels_and_twist(low, high):
    assert received(KEYS, low=low, high=high) == each(KEYS)


@pytest.mark.parametrize(("low", "high"), [(-55, -55), (-10, -21), (-17, -10), (-10, -99), (-99, -10)])
def test_rejects_levels_twist_and_single_tones(low, high):
    assert received(KEYS, ms=100, low=low, high=high) == [[]] * 16


def test_accepts_nearly_all_15_db_over_noise():
    rng = np.random.default_rng(1)
    noise = 32767 / 2**0.5 * 10 ** ((-22 - 3.17) / 20)
    right = 0
    for start in STARTS:
        for key in KEYS:
            x = np.concatenate([np.zeros(start), digit(key, 40), np.zeros(400)])
            right += digits_in(x + noise * rng.standard_normal(len(x))) == [CODE[key]]
    assert right >= 0.97 * len(KEYS) * len(STARTS)


@pytest.mark.parametrize("start", STARTS)
def test_digits_40_ms_apart_are_two_and_a_break_of_10_ms_is_none(start):
    head = np.zeros(start)
    for key in KEYS:
        twice = np.concatenate([head, digit(key, 40), np.zeros(320), digit(key, 40), np.zeros(400)])
        assert digits_in(twice) == [CODE[key]] * 2
        broken = np.concatenate([head, digit(key, 60), np.zeros(80), digit(key, 60), np.zeros(400)])
        assert digits_in(broken) == [CODE[key]]


def test_does_not_fire_on_call_progress_tones():
    for pair in ((350, 440), (440, 480), (480, 620), (425, 425), (400, 450)):
        assert digits_in(sine(pair[0], -10, 1.0) + sine(pair[1], -10, 1.0)) == []


def test_hears_a_digit_over_dial_tone():
    x = sine(350, -20, 0.3) + sine(440, -20, 0.3)
    x[800:1600] += digit("5", 100)
    assert digits_in(x) == [5]


@pytest.mark.parametrize("voice", ["low", "high"])
def test_does_not_fire_on_voices(voice):
    assert digits_in(speech_like(120.0, np.random.default_rng(4), voice).astype(float)) == []


def test_register_and_interrupt():
    bench = Bench().power_up().off_hook()
    for key in "159*0#":
        bench.phone.talk(np.concatenate([digit(key, 100), np.zeros(800)]), loop=False)
        bench.interrupts.clear()
        begun = bench.clock.now / 1e6
        bench.blocks(np.zeros(800))
        assert bench.read(24) == 0x10 | CODE[key]
        assert bench.read(20) == 0x01
        assert [t - begun for t in bench.interrupts] == [pytest.approx(30, abs=11)]
        bench.write(20, 0x01)
        bench.blocks(np.zeros(800))
        assert bench.read(24) == CODE[key]
        assert bench.chip.int_level() == 1
