import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slic_bench import LCRT, NCLR, Bench

from femtohost.clock import MS


@pytest.fixture
def bench():
    return Bench().power_up()


# battery


def test_battery_rises_to_vbath_and_decays_slowly():
    bench = Bench()
    bench.initialise()
    assert bench.read(82) == bench.read(83)
    assert 75 / 0.376 - 2 <= bench.read(82) <= 75 / 0.376
    bench.write(14, 0x10)
    before = bench.read(82)
    bench.run(20)
    assert before - 6 < bench.read(82) < before


def test_battery_needs_time():
    bench = Bench()
    bench.chip.reset(1)
    bench.write(92, 0xFF)
    bench.write(14, 0)
    bench.run(20)
    assert 0.3 * 199 < bench.read(82) < 0.5 * 199
    assert bench.said() == []


def test_converter_without_pwm_period_is_misuse():
    bench = Bench()
    bench.chip.reset(1)
    bench.write(14, 0)
    assert bench.said() == ["reg 92"]


# calibration


@pytest.mark.parametrize(("control", "early", "late"), [(0x5F, 340, 351), (0x7F, 75, 81)])
def test_calibration_takes_its_time_and_clears_its_bits(control, early, late):
    bench = Bench()
    bench.initialise()
    bench.write(97, 0x1F)
    bench.write(96, control)
    bench.run(early)
    assert bench.read(96) == control
    bench.run(late - early)
    assert (bench.read(96), bench.read(97)) == (0, 0)
    assert 2 <= bench.read(107) <= 0x0D
    assert bench.said() == []


def test_calibration_off_hook_or_with_the_line_fed_is_misuse(bench):
    bench.write(96, 0x5F)
    bench.run(400)
    bench.write(64, 0)
    bench.phone.off_hook()
    bench.write(96, 0x5F)
    assert [m.text for m in bench.misuse] == [
        "calibration while the linefeed is not open",
        "calibration while the phone is off-hook",
    ]


def test_ringing_before_calibration_or_linefeed_during_it_is_misuse():
    bench = Bench()
    bench.initialise()
    bench.write(64, 1)
    bench.write(64, 0)
    assert bench.said() == []
    bench.write(64, 4)
    bench.write(64, 0)
    bench.write(96, 0x5F)
    bench.write(64, 1)
    assert bench.said() == ["reg 96", "reg 96"]


def test_linefeed_without_battery_is_misuse():
    bench = Bench()
    bench.initialise()
    bench.calibrate()
    bench.write(14, 0x10)
    bench.write(64, 1)
    assert bench.said() == ["reg 64"]


# direct current


def test_on_hook_voltages(bench):
    assert (bench.read(78), bench.read(79)) == (32, 0)
    assert bench.read(80) == int(3.0 / 0.376)
    assert bench.read(81) == int(51.0 / 0.376)


def test_reversed_line_swaps_tip_and_ring(bench):
    bench.write(64, 5)
    assert bench.read(78) == 0x40 | 32
    assert bench.read(80) == int(51.0 / 0.376)
    assert bench.read(81) == int(3.0 / 0.376)


@pytest.mark.parametrize("ilim", range(8))
def test_short_loop_is_fed_with_constant_current(bench, ilim):
    bench.write(71, ilim)
    bench.off_hook()
    milliamperes = 20 + 3 * ilim
    assert bench.read(79) == int(milliamperes / 1.25 + 1e-9)
    assert bench.read(78) == int(milliamperes * 0.630 / 1.5 + 1e-9)


def test_long_loop_is_fed_through_160_ohm():
    bench = Bench(loop_resistance=2365.0).power_up().off_hook()  # 48 V over 2955 ohm: just under 13 steps of 1.25 mA
    assert bench.read(79) == 12
    assert bench.read(78) == int(48 * 2795 / 2955 / 1.5)


def test_battery_tracks_the_loop_off_hook(bench):
    bench.off_hook()
    bench.run(8000)
    assert bench.read(82) * 0.376 < 30
    assert bench.read(79) == 16
    bench.phone.on_hook()
    bench.run(300)
    assert bench.read(82) * 0.376 > 73


def test_open_linefeed_carries_nothing(bench):
    bench.off_hook()
    bench.write(64, 0)
    assert [bench.read(a) for a in (78, 79, 80, 81)] == [0, 0, 0, 0]


# loop closure


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 100), st.floats(0, 5))
def test_loop_closure_is_debounced(lcdi, phase):
    bench = Bench().power_up()
    bench.write(69, lcdi)
    bench.run(phase)
    bench.phone.off_hook()
    took = bench.until(lambda: bench.interrupts, 500)
    assert lcdi * 1.25 < took + 1e-6 <= (lcdi + 1) * 1.25 + 1e-6
    assert bench.read(68) == 0x01
    assert bench.read(19) == 0x02


def test_both_edges_interrupt_and_quiet_lines_cost_nothing(bench):
    bench.phone.off_hook()
    bench.run(20)
    bench.write(19, 0xFF)
    assert bench.clock.next_time() is None
    bench.phone.on_hook()
    assert bench.until(lambda: len(bench.interrupts) == 2, 20) <= 13.75
    assert bench.read(68) == 0x04
    bench.run(1000)
    assert bench.clock.next_time() is None


def test_a_short_break_is_not_seen(bench):
    bench.off_hook()
    bench.write(19, 0xFF)
    bench.phone.flash(10)
    bench.run(100)
    assert bench.read(19) == 0
    bench.phone.flash(80)
    bench.run(50)
    assert bench.read(68) & 1 == 0
    bench.run(100)
    assert bench.read(68) & 1 == 1


def test_raw_bit_is_not_debounced(bench):
    bench.write(69, 100)
    bench.phone.off_hook()
    bench.run(2.5)
    assert bench.read(68) == 0x00
    bench.run(130)
    assert bench.read(68) == 0x01


def test_threshold_decides(bench):
    bench.write_indirect(LCRT, 17 << 9)  # 21.6 mA, above the 20 mA of the feed
    bench.phone.off_hook()
    bench.run(100)
    assert bench.read(68) & 1 == 0
    bench.write_indirect(LCRT, 15 << 9)
    bench.run(100)
    assert bench.read(68) & 1 == 1


def test_low_pass_delays(bench):
    bench.write_indirect(NCLR, 0x0320)  # 51 ms; 20 mA reach 10.16 mA after 36 ms
    bench.phone.off_hook()
    took = bench.until(lambda: bench.interrupts, 500)
    assert 12.5 + 34 < took < 12.5 + 38


def test_filter_ages_while_nothing_is_scheduled(bench):
    bench.write_indirect(NCLR, 0x0320)
    bench.phone.off_hook()
    bench.run(2000)
    bench.write(19, 0xFF)
    bench.phone.on_hook()
    took = bench.until(lambda: len(bench.interrupts) == 2, 500)
    assert 12.5 + 33 < took < 12.5 + 38  # 20 mA fall under 10.16 mA after 34 ms: the filter had settled


def test_on_hook_transmission_turns_active_off_hook(bench):
    bench.write(64, 2)
    assert bench.read(64) == 0x22
    bench.phone.off_hook()
    bench.run(20)
    assert bench.read(64) == 0x12
    bench.phone.on_hook()
    bench.run(20)
    assert bench.read(64) == 0x22
    bench.write(67, 0x1D)
    bench.phone.off_hook()
    bench.run(20)
    assert bench.read(64) == 0x22


@pytest.mark.parametrize(("automatic", "state"), [(0x1F, 0x01), (0x1E, 0x11)])
def test_power_alarm_opens_the_line_where_asked(bench, automatic, state):
    bench.write(67, automatic)
    bench.write(22, 0x40)
    bench.chip.overheat(5)
    assert bench.chip.int_level() == 0
    assert bench.read(19) == 0x40
    assert bench.read(64) == state


def test_nothing_is_misuse_in_a_plain_call(bench):
    bench.off_hook()
    bench.phone.on_hook()
    bench.run(200)
    bench.write(64, 2)
    assert bench.said() == []
    assert bench.clock.now > 500 * MS
