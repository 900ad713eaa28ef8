"""The signals and meters of G.168, and the figures drawn with them."""

import numpy as np
import pytest

from femtohost.echo_path import NAMES
from femtohost.levels import dbm0
from femtohost.measure import g168, metrics


def test_css_level_and_shape():
    x = g168.css(2.8, -16)
    assert dbm0(x[: round(0.24862 * 8000)]) == pytest.approx(-16, abs=0.05)
    assert dbm0(x) == pytest.approx(-17.49, abs=0.05)  # Annex C: 1.49 dB over the whole period
    assert np.allclose(x[:2800], -x[2800:5600], atol=1)  # every other period is inverted
    assert dbm0(x[2100:2700]) < -70  # the pause


def test_double_talk_css_level():
    x = g168.css(3.2, -10, g168.DOUBLE_TALK)
    assert dbm0(x) == pytest.approx(-11.66, abs=0.1)  # Annex C: 1.66 dB
    assert np.allclose(x[:3200], -x[3200:6400], atol=1)


@pytest.mark.parametrize("level", [-10, -30])
def test_meter_reads_a_tone(level):
    reading = g168.meter(g168.tones(1, level, 1000))
    assert reading[4000:] == pytest.approx(level, abs=0.2)


def test_meter_falls_with_35_ms():
    reading = g168.meter(np.concatenate([g168.tones(1, -10, 1000), np.zeros(8000)]))
    assert reading[8050 + 280] - reading[8050 + 560] == pytest.approx(4.34, abs=0.3)


@pytest.mark.parametrize("name", NAMES)
def test_hybrids_have_their_return_loss(name):
    rin = g168.css(2.8, -16)
    assert dbm0(rin) - dbm0(g168.echo(g168.hybrid(name, 6), rin)) == pytest.approx(6, abs=0.6)


def test_random_paths_have_their_return_loss():
    rin = g168.css(5.6, -16)
    for seed in range(8):
        h = g168.random_path(np.random.default_rng(seed), 10)
        assert dbm0(rin) - dbm0(g168.echo(h, rin)) == pytest.approx(10, abs=1.5)


def test_hoth_noise_level():
    assert dbm0(g168.hoth(2, -30, np.random.default_rng(0))) == pytest.approx(-30, abs=0.1)


def test_tones_of_test_6():
    assert len(g168.test6_tones()) == 8
    assert (697.0, 1209.0) in g168.test6_tones()


def test_companding_ceiling():
    """What subtracts the exact echo still leaves mu-law's error: 36.8 dB at -16 dBm0."""
    ceilings = []
    for name in NAMES:
        rin = g168.companded(g168.css(6, -16)).astype(float)
        echo = g168.echo(g168.hybrid(name, 6), rin)
        ceilings.append(metrics.erle_at(echo, g168.companded(echo) - echo, 5))
    assert np.median(ceilings) == pytest.approx(36.8, abs=0.2)


def test_figures_of_a_known_residual():
    echo = np.random.default_rng(0).normal(0, 1000, 16000)
    residual = echo * np.where(np.arange(16000) < 4000, 1, 0.01)
    assert metrics.time_to(echo, residual, 30) == pytest.approx(0.512, abs=0.017)
    assert metrics.time_to(echo, residual, 50) == float("inf")
    assert metrics.erle(echo, residual, 1) == pytest.approx(40, abs=0.1)
    assert metrics.erle_at(echo, residual, 1.5) == pytest.approx(40, abs=0.1)
    assert metrics.erle_at(echo, residual, 0.4) == pytest.approx(0, abs=0.1)
