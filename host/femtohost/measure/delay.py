"""How much later the echo of one signal stands in another: bulk delay by phase correlation."""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from femtohost.audio import RATE

BAND_HZ = (200.0, 500.0, 3000.0, 3600.0)  # weight rises, is one, falls: outside is rounding noise, hum and offset
TAPER_S = 0.05  # ends of a recording are cut edges
LONGEST_S = 5.0  # delays beyond, either way, are not looked for
NEIGHBOURS_S = 0.05  # either way: where the floor around a peak is measured, for it is not the same at all lags
NOISE_PEAK = 8.0  # standard deviations: two tones of a simple ratio reach 7.7
SHORTEST = 1600  # samples: below 0.2 s everything correlates


def find_delay(rin, sin, steady=True):
    """Lag in samples (8 kHz) of the strongest tap of Rin's echo in Sin, None where no echo is found.

    rin, sin: arrays of one length. Below 0 Sin is ahead of Rin: the recordings did not begin together.
    GCC-PHAT (Knapp and Carter 1976) over the whole recording: every frequency has the same weight, so that a path's
    delay stands out however coloured speech is, and what correlates with nothing (a near talker, noise) only raises a
    floor against which the peak is judged. A syllable of the one may still look like a syllable of the other: an echo
    is what stands at the same lag (within a sample) in both halves of Rin's energy. Not `steady`: the lag may change,
    as a jitter buffer's does, and the most usual one counts.
    """
    if len(rin) < SHORTEST:
        return None
    lag, height = _strongest(rin, sin)
    found = height > NOISE_PEAK and (not steady or all(abs(half - lag) <= 1 for half in _halves(rin, sin)))
    return lag if found else None


def _halves(rin, sin):
    """The lag in each half of Rin's energy, infinite where there is too little of it."""
    energy = np.cumsum(np.square(rin, dtype=np.float64))
    middle = int(np.searchsorted(energy, energy[-1] / 2))
    lags = [_strongest(rin[part], sin[part])[0] for part in (slice(middle), slice(middle, None))]
    return [np.inf if lag is None else lag for lag in lags]


def _strongest(rin, sin):
    """(lag of the highest peak, its height over the floor around it); (None, 0) for too few samples."""
    if len(rin) < SHORTEST // 2:
        return None, 0.0
    lags, correlation = _phase_correlation(rin, sin)
    size = np.abs(correlation)
    peak = int(np.argmax(size))
    reach = round(NEIGHBOURS_S * RATE)
    floor = np.median(size[max(peak - reach, 0) : peak + reach]) / 0.6745  # median to deviation, normal distribution
    return int(lags[peak]), float(size[peak] / max(floor, np.finfo(np.float32).tiny))


def _phase_correlation(rin, sin):
    """(lags, GCC-PHAT) for lags up to LONGEST_S either way."""
    size = next_fast_len(2 * len(rin), real=True)
    cross = rfft(_tapered(sin), size) * np.conj(rfft(_tapered(rin), size))
    cross /= np.maximum(np.abs(cross), np.finfo(np.float32).tiny)
    cross *= np.interp(np.linspace(0, RATE / 2, len(cross)), BAND_HZ, (0, 1, 1, 0)).astype(np.float32)
    correlation = irfft(cross, size)
    most = min(round(LONGEST_S * RATE), len(rin) - 1)
    return np.arange(-most, most + 1), np.concatenate([correlation[-most:], correlation[: most + 1]])


def _tapered(samples):
    """float32 without mean, its ends faded: an hour of it must fit in memory."""
    x = np.asarray(samples, np.float32)
    x = x - x.mean(dtype=np.float64).astype(np.float32)
    n = min(round(TAPER_S * RATE), len(x) // 4)
    fade = np.sin(np.linspace(0, np.pi / 2, n, dtype=np.float32)) ** 2
    x[:n] *= fade
    x[len(x) - n :] *= fade[::-1]
    return x
