import pytest
from slic_bench import RCO, RNGX, ROFF, Bench

from femtohost.models.slic_tones import frequency


def cadence(bench, active_ms, inactive_ms):
    for address, ms in ((48, active_ms), (50, inactive_ms)):
        bench.write(address, ms * 8 & 0xFF)
        bench.write(address + 1, ms * 8 >> 8)
    bench.write(34, 0x18)


@pytest.fixture
def bench():
    return Bench().power_up()


def test_coefficients_of_the_datasheet(bench):
    bench.write_indirect(RCO, 0x7EFD)
    bench.write_indirect(RNGX, 0x0177)
    bench.write(74, 0x34)
    bench.write(64, 4)
    assert bench.chip.ringing.hz == pytest.approx(20.0, abs=0.1)
    assert bench.chip.ringing.vpk == pytest.approx(70.0, abs=0.5)
    assert frequency(0x7EF0, 1000) == pytest.approx(20.5, abs=0.1)
    assert bench.said() == []


def test_cadence_states_and_interrupts(bench):
    cadence(bench, 2000, 4000)
    bench.write(64, 4)
    bench.run(1999)
    assert (bench.read(64), bench.read(34), bench.read(18)) == (0x44, 0x9C, 0x00)
    bench.run(2)
    assert (bench.read(64), bench.read(34), bench.read(18)) == (0x24, 0x18, 0x10)
    bench.write(18, 0xFF)
    bench.run(3998)
    assert (bench.read(64), bench.read(18)) == (0x24, 0x00)
    bench.run(2)
    assert (bench.read(64), bench.read(18)) == (0x44, 0x20)
    assert bench.said() == []


def test_ringing_without_timers_goes_on(bench):
    bench.write(64, 4)
    bench.run(20_000)
    assert bench.read(64) == 0x44
    bench.write(64, 1)
    assert bench.read(64) == 0x11
    assert bench.read(34) == 0


def test_phone_rings_in_the_bursts(bench):
    cadence(bench, 400, 200)
    bench.write(64, 4)
    heard = []
    for _ in range(60):
        bench.run(10)
        heard.append(bench.phone.ringing)
    assert heard == [False] + [True] * 40 + [False] * 19


def test_a_quiet_ring_does_not_move_the_bell(bench):
    bench.write_indirect(RNGX, 0x0080)
    bench.write(64, 4)
    bench.run(500)
    assert not bench.phone.ringing


@pytest.mark.parametrize(("automatic", "state"), [(0x1F, 0x14), (0x1B, 0x44)])
def test_ring_trip(bench, automatic, state):
    bench.write(67, automatic)
    bench.write(64, 4)
    bench.run(500)
    assert bench.read(68) == 0x04
    bench.phone.off_hook()
    took = bench.until(lambda: bench.interrupts, 500)
    assert 40 < took < 200  # GR-506: within 200 ms
    assert bench.read(68) & 2
    assert bench.read(19) == 0x01
    assert bench.read(64) == state
    assert not bench.phone.ringing
    bench.run(20)
    assert bench.read(68) & 1 == (automatic == 0x1F)


def test_ring_trip_debounce(bench):
    bench.write(64, 4)
    bench.phone.off_hook()
    short = bench.until(lambda: bench.interrupts, 500)
    late = Bench().power_up()
    late.write(70, 50)
    late.write(64, 4)
    late.phone.off_hook()
    assert late.until(lambda: late.interrupts, 500) == pytest.approx(short + 40 * 1.25, abs=15)


def test_bells_do_not_trip(bench):
    bench.phone.ren = 5.0
    bench.write(64, 4)
    bench.run(3000)
    assert bench.interrupts == []


def test_answer_in_the_silence_uses_its_own_debounce(bench):
    cadence(bench, 1000, 4000)
    bench.write(64, 4)
    bench.run(1500)
    bench.phone.off_hook()
    took = bench.until(lambda: bench.read(19) & 2, 500)
    assert 62.5 < took <= 63.75
    assert bench.read(64) == 0x14
    bench.run(5000)
    assert bench.read(64) == 0x14


def test_battery_too_low_for_the_amplitude_is_misuse(bench):
    bench.write(74, 46)  # 69 V; 63.9 V and 7.5 V are needed
    bench.write(64, 4)
    assert bench.said() == ["ringing"]


def test_offset_counts_against_the_battery(bench):
    bench.write_indirect(ROFF, 0x1000)  # 12 V
    bench.write(64, 4)
    bench.write(64, 1)
    assert bench.said() == []
    bench.write(34, 0x02)
    bench.write(64, 4)
    assert bench.said() == ["ringing"]


def test_second_tone_generator_while_ringing_is_misuse(bench):
    bench.write(33, 0x06)
    bench.write(64, 4)
    bench.write(33, 0x00)
    bench.write(33, 0x06)
    assert bench.said() == ["ringing", "ringing"]


def test_trapezoid_is_misuse(bench):
    bench.write(34, 0x01)
    bench.write(64, 4)
    assert bench.said() == ["reg 34 TSWS"]
