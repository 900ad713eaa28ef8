"""Levels: dBm0 and the rms of 16-bit samples (G.711 clause 5: a full-scale sine is +3.17 dBm0 mu-law, +3.14 A-law)."""

import numpy as np

FULL_SCALE_DBM0 = {"ulaw": 3.17, "alaw": 3.14}
FULL_SCALE_RMS = 32767 / np.sqrt(2)


def rms_for(dbm0, law="ulaw"):
    """Rms, in int16 units, of a signal of `dbm0`."""
    return float(FULL_SCALE_RMS * 10 ** ((dbm0 - FULL_SCALE_DBM0[law]) / 20))


def dbm0_of_rms(rms, law="ulaw"):
    """Level in dBm0 of an rms in int16 units; -inf for zero."""
    return float(20 * np.log10(rms / FULL_SCALE_RMS) + FULL_SCALE_DBM0[law]) if rms > 0 else -np.inf


def dbm0(samples, law="ulaw"):
    """Level in dBm0 of samples in int16 units (any dtype, any shape); -inf for silence and for nothing."""
    x = np.asarray(samples, dtype=np.float64).ravel()
    return dbm0_of_rms(np.sqrt(np.dot(x, x) / x.size) if x.size else 0.0, law)
