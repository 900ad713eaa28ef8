"""The meters of a call, on signals whose figures are known."""

import numpy as np
import pytest

from femtohost.levels import rms_for
from femtohost.measure.echo import WINDOW, echo_figures

RATE = 8000


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def test_a_constant_loss_is_measured(rng):
    echo = rms_for(-22) * rng.standard_normal(6 * RATE)
    near = 500 * rng.standard_normal(6 * RATE)
    figures = echo_figures(echo, near, near + echo / 10 ** (26 / 20))
    assert figures.erle_db == pytest.approx(26, abs=0.01)
    assert figures.residual_dbm0 == pytest.approx(-48, abs=0.5)
    assert figures.t20_s == 0
    assert figures.t30_s is None


def test_times_count_seconds_of_far_speech_only(rng):
    """Silent for 2 s, then no loss for 1 s, then 40 dB."""
    echo = 1000 * rng.standard_normal(6 * RATE)
    echo[: 2 * RATE] = 0
    left = echo.copy()
    left[3 * RATE :] /= 100
    figures = echo_figures(echo, 0 * echo, left)
    assert figures.t20_s == pytest.approx(1.0, abs=3 * WINDOW / RATE)
    assert np.isnan(figures.erle[: 2 * RATE // WINDOW]).all()


def test_one_good_window_is_no_convergence(rng):
    echo = 1000 * rng.standard_normal(2 * RATE)
    left = echo.copy()
    left[RATE : RATE + WINDOW] /= 1000
    assert echo_figures(echo, 0 * echo, left).t20_s is None


def test_the_median_is_that_of_the_last_two_seconds(rng):
    echo = 1000 * rng.standard_normal(6 * RATE)
    left = echo / 100
    left[4 * RATE :] = echo[4 * RATE :] / 10
    assert echo_figures(echo, 0 * echo, left).erle_db == pytest.approx(20, abs=0.2)


def test_a_far_end_that_never_spoke_has_no_figures():
    zeros = np.zeros(RATE)
    figures = echo_figures(zeros, zeros, zeros)
    assert figures.erle_db is figures.t20_s is figures.residual_dbm0 is None
