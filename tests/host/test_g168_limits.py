"""Masks: what they allow at which level and moment, and how a reading is held against them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from femtohost.measure import limits
from femtohost.measure.limits import Levels, Limit, Step, check

RIN = st.floats(-30, 0)


def held(limit, readings, rin=-16.0, sgen=-31.0, before=-58.0):
    return check(limit, np.asarray(readings, float), Levels(rin, sgen, before))


def constant(level, seconds=12.0):
    return np.full(round(seconds * 8000), float(level))


@pytest.mark.parametrize(("rin", "level"), [(-30, -70), (-20, -65), (-16, -65), (-10, -65), (-5, -60), (0, -55)])
def test_lret_is_the_stricter_of_its_two_sources(rin, level):
    assert limits.lret_dbm0(rin) == pytest.approx(level)


@pytest.mark.parametrize(("rin", "level"), [(-30, -55), (-15, -45), (0, -35)])
def test_lres_ends_at_the_stricter_figure(rin, level):
    assert limits.lres_dbm0(rin) == pytest.approx(level)


@given(RIN)
def test_levels_never_exceed_either_source(rin):
    assert limits.lres_dbm0(rin) <= -55 + (rin + 30) * 25 / 30 + 1e-9
    assert limits.lret_dbm0(rin) <= -65 + max(0, rin + 10) + 1e-9
    assert limits.lret_dbm0(rin) <= -70 + (rin + 30) / 2 + 1e-9


@pytest.mark.parametrize(
    ("limit", "seconds", "high"),
    [
        (limits.CONVERGENCE_NLP, 0.01, -22),
        (limits.CONVERGENCE_NLP, 0.06, -36),
        (limits.CONVERGENCE_NLP, 1.1, -65),
        (limits.CONVERGENCE, 0.01, -22),
        (limits.CONVERGENCE, 0.5, None),
        (limits.CONVERGENCE, 2, -36),
        (limits.CONVERGENCE, 11, -55 + 14 * 20 / 30),
        (limits.CONVERGENCE_IN_NOISE, 0.5, -21),
        (limits.CONVERGENCE_IN_NOISE, 2, -33),
        (limits.UNDER_SGEN, 0, -31),
        (limits.SOUT_OVER_SGEN, 0, -25),
        (limits.NOT_WORSE, 0, -48),
        (limits.TONE, 9, None),
        (limits.TONE, 11, 0.83 * -16 - 30),
        (limits.figure_11(3), 0, -55 + 14 * 20 / 30 + 3),
    ],
)
def test_masks_at_a_moment(limit, seconds, high):
    steps = [step for step in limit.mask(Levels(-16, -31, -58)) if step.start <= seconds < step.end]
    assert [step.high for step in steps] == ([] if high is None else [pytest.approx(high)])


def test_in_noise_far_under_rin_the_loss_asked_for_grows():
    [_, late] = limits.CONVERGENCE_IN_NOISE.mask(Levels(-16, -46, -58))
    assert late.high == -16 - 24


@given(st.floats(-100, 0), RIN)
def test_the_margin_is_the_least_distance_to_the_mask(level, rin):
    found = held(limits.CONVERGENCE_NLP, constant(level), rin)
    assert found.margin_db == pytest.approx(limits.lret_dbm0(rin) - level)
    assert found.at_s == 1.0


@given(st.integers(0, 79999), st.floats(0.1, 50))
def test_a_single_sample_outside_is_found(at, above):
    readings = constant(-90, 10.0)
    readings[at] = -65 + above
    found = held(Limit("", "", lambda levels: [Step(0, 10, -65)]), readings)
    assert found.margin_db == pytest.approx(-above)
    assert found.at_s == at / 8000
    assert found.levels.max() == pytest.approx(-65 + above, abs=1e-4)


def test_what_lies_before_a_step_is_free():
    readings = constant(-90)
    readings[: 8000 - 1] = -36.1
    assert held(limits.CONVERGENCE, readings).margin_db > 0
    readings[:] = -35.9
    assert held(limits.CONVERGENCE, readings).margin_db < 0


def test_noise_has_a_mask_on_both_sides():
    limit = limits.comfort_noise(2, 1.0)
    assert held(limit, constant(1.5, 2)).margin_db == pytest.approx(0.5)
    assert held(limit, constant(-3, 2)).margin_db == pytest.approx(-1)


def test_without_a_source_there_is_a_reading_but_no_margin():
    found = held(limits.FIGURE_9, [-60, -40, -50])
    assert (found.margin_db, found.worst, found.steps) == (None, -40, ())
