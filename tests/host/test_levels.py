import numpy as np
import pytest

from femtohost.levels import dbm0, rms_for


@pytest.mark.parametrize(("law", "level"), [("ulaw", 3.17), ("alaw", 3.14)])
def test_full_scale_sine(law, level):
    sine = 32767 * np.sin(2 * np.pi * 1000 / 8000 * np.arange(8000) + 0.1)
    assert dbm0(sine, law) == pytest.approx(level, abs=1e-6)


def test_digital_milliwatt_is_0_dbm0():
    # G.711 table 6: the periodic sequence that is a 1 kHz sine of 0 dBm0, decoded in 14-bit units.
    octets = [0x1E, 0x0B, 0x0B, 0x1E, 0x9E, 0x8B, 0x8B, 0x9E]
    from femtohost.peers.g711 import ulaw_decode

    assert dbm0(np.tile(ulaw_decode(bytes(octets)), 100)) == pytest.approx(0.0, abs=0.05)


def test_levels_and_rms_are_inverse():
    assert dbm0(np.full(10, rms_for(-16.0))) == pytest.approx(-16.0)


def test_silence_and_nothing():
    assert dbm0(np.zeros(80, np.int16)) == -np.inf
    assert dbm0([]) == -np.inf
