import numpy as np
import pytest
from scipy.signal import cheby2, ellip, lfilter, sosfilt
from slic_bench import ADCG, DACG, OSC1, OSC1X, OSC2, OSC2X, Bench, dbm0, sine

from femtohost.models.slic_filter import DIAL_TONE_FILTER, HIGH_PASS, BlockFilter
from femtohost.models.slic_tones import frequency

SECOND = np.zeros(8000)


@pytest.fixture
def bench():
    return Bench().power_up().off_hook()


def heard(bench, seconds):
    return bench.phone.earpiece(seconds).astype(float)


def test_samples_reach_the_earpiece_unchanged(bench):
    x = np.random.default_rng(1).integers(-20000, 20000, 8000).astype(np.int16)
    bench.blocks(x)
    assert np.array_equal(heard(bench, 1), x)


def test_microphone_is_captured_behind_a_high_pass(bench):
    bench.phone.talk(sine(1000, -10, 1.0))
    assert dbm0(bench.blocks(SECOND)[800:]) == pytest.approx(-10, abs=0.1)


@pytest.mark.parametrize(("hz", "most", "least"), [(50, -30, -99), (65, -30, -99), (300, 0.1, -0.5), (3000, 0.1, -0.1)])
def test_high_pass(bench, hz, most, least):
    bench.phone.talk(sine(hz, -6, 1.0))
    gain = dbm0(bench.blocks(SECOND)[4000:]) + 6
    assert least < gain < most


@pytest.mark.parametrize(
    ("register", "indirect", "db"),
    [(0x00, 0x4000, 0), (0x05, 0x4000, -3.5), (0x0A, 0x4000, 3.5), (0x00, 0x2000, -6.02), (0x00, 0x7FF0, 6.02)],
)
def test_gains_of_both_ways(bench, register, indirect, db):
    bench.write(9, register)
    bench.write_indirect(DACG, indirect)
    bench.write_indirect(ADCG, indirect)
    bench.run(20 - bench.clock.now / 1e6 % 10)
    bench.phone.talk(sine(1000, -20, 1.0))
    captured = bench.blocks(sine(1000, -20, 1.0))
    assert dbm0(captured[800:]) == pytest.approx(-20 + db, abs=0.05)
    assert dbm0(heard(bench, 0.9)) == pytest.approx(-20 + db, abs=0.05)


@pytest.mark.parametrize("register", [0x0F, 0x30])
def test_mutes(bench, register):
    bench.write(9, register)
    bench.phone.talk(sine(1000, -20, 1.0))
    assert not bench.blocks(sine(1000, -20, 1.0)).any()
    assert not heard(bench, 1).any()


def test_overload_clips(bench):
    bench.write(9, 0x02)
    bench.blocks(sine(1000, 3, 0.1))
    assert heard(bench, 0.1).max() == 32767


def test_no_audio_on_hook_but_in_on_hook_transmission():
    bench = Bench(path=[0.5]).power_up()
    x = sine(1000, -10, 0.1)
    assert not bench.blocks(x).any()
    bench.write(64, 2)
    assert bench.blocks(x).any()
    bench.write(1, 0x18)
    assert not bench.blocks(x).any()
    assert bench.said() == []


def test_companded_pcm_is_misuse(bench):
    bench.write(1, 0x28)
    assert bench.said() == ["reg 1 PCMF"]


def test_digital_loopback(bench):
    bench.write(8, 0x02)
    x = np.arange(800)
    assert np.array_equal(bench.blocks(x), x)


def test_echo_is_the_convolution_with_the_path_after_the_high_pass():
    rng = np.random.default_rng(5)
    path = rng.standard_normal(96) * np.exp(-np.arange(96) / 12) * 0.2
    bench = Bench(path=path).power_up().off_hook()
    x = rng.integers(-8000, 8000, 4000).astype(np.int16)
    near = rng.integers(-3000, 3000, 4000).astype(np.int16)
    bench.phone.talk(near)
    echoes, nears, captured = [], [], []
    for block in x.reshape(-1, 80):
        captured.append(bench.blocks(block))
        echoes.append(bench.line.last_echo)
        nears.append(bench.line.last_near)
    high_pass = cheby2(3, 31, 65, "highpass", output="sos", fs=8000)
    echo = sosfilt(high_pass, lfilter(path, 1, x.astype(float)))
    assert np.concatenate(echoes) == pytest.approx(echo, abs=1e-6)
    assert np.concatenate(nears) == pytest.approx(sosfilt(high_pass, near.astype(float)), abs=1e-6)
    assert np.array_equal(np.concatenate(captured), np.rint(np.concatenate(echoes) + np.concatenate(nears)))


def test_the_sections_are_those_of_the_designs():
    assert pytest.approx(cheby2(3, 31, 65, "highpass", output="sos", fs=8000), abs=1e-12) == np.array(HIGH_PASS)
    design = ellip(4, 0.3, 34, 655, "highpass", output="sos", fs=8000)
    assert pytest.approx(design, abs=1e-12) == np.array(DIAL_TONE_FILTER)


def test_block_filter_is_the_filter():
    sos = cheby2(5, 40, 500, "highpass", output="sos", fs=8000)
    x = np.random.default_rng(1).standard_normal((800, 2))
    block_filter = BlockFilter(sos, 2)
    out = []
    for block in x.reshape(-1, 80, 2):
        block_filter.input[:] = block
        out.append(block_filter.run())
    assert np.concatenate(out) == pytest.approx(sosfilt(sos, x, axis=0), abs=1e-12)


# tone generators


@pytest.mark.parametrize(("coefficient", "hz"), [(0x6465, 852.0), (0x3FC4, 1336.0), (0x7B30, 350.3), (0x7870, 439.9)])
def test_frequency_vectors(coefficient, hz):
    assert frequency(coefficient) == pytest.approx(hz, abs=0.06)


@pytest.mark.parametrize(("coefficient", "initial", "hz"), [(0x6465, 0x0590, 852.0), (0x3FC4, 0x0942, 1336.0)])
def test_half_scale_tone_of_the_datasheet(bench, coefficient, initial, hz):
    bench.write_indirect(OSC1, coefficient)
    bench.write_indirect(OSC1X, initial)
    bench.run(20 - bench.clock.now / 1e6 % 10)
    bench.write(32, 0x06)
    bench.blocks(SECOND)
    x = heard(bench, 1)
    assert dbm0(x) == pytest.approx(20 * np.log10(1.11 / 2 / 0.7746), abs=0.02)
    n = np.arange(8000)
    peak = np.sqrt(2 * np.mean(x**2))
    assert x == pytest.approx(peak * np.sin(2 * np.pi * frequency(coefficient) * n / 8000), abs=5)
    assert abs(np.argmax(np.abs(np.fft.rfft(x))) - hz) <= 1


def test_dial_tone_is_heard(bench):
    bench.write(32, 0x06)
    bench.write(33, 0x06)
    captured = bench.blocks(SECOND)
    assert bench.phone.hears("dial")
    assert dbm0(heard(bench, 0.9)) == pytest.approx(-18.05 + 3, abs=0.2)
    assert not captured.any()


@pytest.mark.parametrize(("route", "to_line", "to_bus"), [(0, 0, 0), (1, 0, 1), (2, 1, 0), (3, 1, 1)])
def test_routes(bench, route, to_line, to_bus):
    bench.write(33, 0x04 | route)
    captured = bench.blocks(SECOND[:800])
    assert (heard(bench, 0.1).any(), captured.any()) == (to_line, to_bus)


def test_cadence_is_exact_to_the_sample(bench):
    for address, value in ((36, 100), (37, 0), (38, 60), (39, 0)):
        bench.write(address, value)
    bench.write_indirect(OSC1X, 0x0400)
    bench.run(20 - bench.clock.now / 1e6 % 10)
    bench.write(32, 0x1E)
    bench.blocks(SECOND[:1600])
    x = heard(bench, 0.2)
    on = np.arange(1600) % 160 < 100
    assert not x[~on].any()
    assert np.array_equal(x[:100], x[160:260])
    assert np.mean(x[on] != 0) > 0.95
    assert bench.read(18) == 0x03


def test_active_and_inactive_timer_interrupts(bench):
    bench.write(40, 80)
    bench.write(42, 240)
    bench.write(33, 0x1E)
    bench.run(10)
    assert (bench.read(18), bench.read(33)) == (0x04, 0x1E)
    bench.write(18, 0xFF)
    bench.run(30)
    assert (bench.read(18), bench.read(33)) == (0x08, 0x9E)


def test_active_timer_alone_plays_once(bench):
    bench.write(36, 80)
    bench.write(32, 0x16)
    bench.blocks(SECOND[:800])
    x = heard(bench, 0.1)
    assert x[:80].any()
    assert not x[80:].any()
    bench.write(32, 0)
    bench.write(32, 0x06)
    bench.blocks(SECOND[:800])
    assert heard(bench, 0.1)[400:].any()


def test_echo_of_tones_counts_as_echo():
    bench = Bench(path=[0.0, 0.5]).power_up().off_hook()
    bench.write_indirect(OSC2, 0x3FC4)
    bench.write_indirect(OSC2X, 0x0942)
    bench.run(20 - bench.clock.now / 1e6 % 10)
    bench.write(33, 0x06)
    bench.blocks(SECOND)
    assert dbm0(bench.line.last_echo) == pytest.approx(20 * np.log10(1.11 / 4 / 0.7746), abs=0.2)
    assert not bench.line.last_near.any()
