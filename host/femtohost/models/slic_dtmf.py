"""Si3210: the DTMF receiver on the transmit path.

Two Hann windows of 20 ms, 10 ms apart, are correlated with the eight frequencies (Goertzel): the turn of the phase
between them gives each tone's true frequency, their energy against all that passed the dial tone filter gives its
purity, and six pieces of 5 ms give its duration. Limits: ITU-T Q.24, the AT&T column; digit codes: Si3210 reg 24.
"""

import numpy as np

from femtohost.models.slic_filter import DIAL_TONE_FILTER, BlockFilter

BLOCK = 80
RATE = 8000
WINDOW = 160  # samples
LOW = np.array([697.0, 770.0, 852.0, 941.0])
HIGH = np.array([1209.0, 1336.0, 1477.0, 1633.0])
CODES = (1, 2, 3, 13, 4, 5, 6, 14, 7, 8, 9, 15, 11, 10, 12, 0)  # reg 24 DIG, by row and column
OFFSET = 0.021  # relative: 1.5 % must pass, 3.5 % must not
TWIST = (-9.5, 5.5)  # dB, high over low: -8 .. +4 must pass
LEAST_DBM0 = -28.0  # of a tone: -25 must pass, -55 must not
PURITY = 0.955  # share of the filtered energy that both tones must hold; 15 dB over noise leave 0.97
SHARE = 0.5  # likewise of all the energy: a dial tone may be there too, a voice's fundamental may not
STEADINESS = 0.8  # of a tone's power in one window to that in the other: voices swell and fade
EVENNESS = 0.5  # of the weakest 5 ms in 30 ms to the strongest: a tone of 23 ms leaves a third
RELEASE = 0.1  # of the digit's power: below it a block counts as a pause
PAUSE = 2  # blocks of pause that end a digit: 40 ms hold three, a break of 10 ms holds none or one
FULL_SCALE_DBM0 = 3.17
FREQUENCIES = np.concatenate([LOW, HIGH])
LEAST = 32767**2 * 10 ** ((LEAST_DBM0 - FULL_SCALE_DBM0) / 10)  # squared amplitude


def _correlators(window):
    """Rows cos, sin of each of the eight frequencies under `window`, scaled to the amplitude of a sine."""
    phase = 2 * np.pi / RATE * np.outer(FREQUENCIES, np.arange(len(window)))
    return np.concatenate([np.cos(phase), -np.sin(phase)]) * window * (2 / window.sum())


class DtmfReceiver:
    """`block(samples)` takes 80 float samples and is True when a new digit is there: `digit`, its code.

    `present` stays True until the digit's end.
    """

    def __init__(self):
        hann = np.hanning(WINDOW + 1)[:WINDOW]
        self._long = _correlators(hann)
        self._short = _correlators(np.hanning(BLOCK + 1)[:BLOCK])
        self._weights = hann**2 / np.sum(hann**2)
        self._advance = np.exp(-2j * np.pi / RATE * BLOCK * FREQUENCIES)
        self._filter = BlockFilter(DIAL_TONE_FILTER, 1)
        self._heard = np.zeros(3 * BLOCK)  # 30 ms, filtered
        self.reset()

    def reset(self):
        self._filter.reset()
        self._heard[:] = 0.0
        self._energies = (0.0, 0.0)  # of the last two blocks, unfiltered
        self._before = np.zeros(8, complex)  # the earlier window's correlations
        self.digit = 0
        self.present = False
        self._pause = 0

    def block(self, samples):
        heard = self._heard
        self._energies = (self._energies[1], float(samples @ samples))
        heard[:-BLOCK] = heard[BLOCK:]
        self._filter.input[:, 0] = samples
        heard[-BLOCK:] = self._filter.run()[:, 0]
        window = heard[BLOCK:]
        found = None
        power = window @ window / WINDOW
        if power > LEAST / 2:
            parts = self._long @ window
            now = parts[:8] + 1j * parts[8:]
            before, self._before = self._before, now
            found = self._judge(before, now, window)
        else:
            self._before = np.zeros(8, complex)
        return self._follow(found)

    def _judge(self, before, now, window):
        """(low, high) index of the digit that both windows hold, or None."""
        power = now.real**2 + now.imag**2
        low, high = int(power[:4].argmax()), int(power[4:].argmax()) + 4
        total = 2 * (self._weights @ (window * window))
        if (power[low] + power[high]) < 0.4 * PURITY * total:
            return None
        tones = [self._tone(index, before, now) for index in (low, high)]
        if not all(tones) or sum(tones) < max(PURITY * total, SHARE * sum(self._energies) * 2 / WINDOW):
            return None
        twist = 10 * np.log10(tones[1] / tones[0])
        if min(tones) < LEAST or not TWIST[0] <= twist <= TWIST[1] or not self._even():
            return None
        return low, high

    def _tone(self, index, before, now):
        """Squared amplitude of the tone near frequency `index`; 0 when it is too far off or not steady."""
        turn = np.angle(now[index] * np.conj(before[index]) * self._advance[index])
        hz = turn * RATE / BLOCK / (2 * np.pi)
        weaker, stronger = sorted((abs(before[index]) ** 2, abs(now[index]) ** 2))
        if abs(hz) > OFFSET * FREQUENCIES[index] or weaker < STEADINESS * stronger:
            return 0.0
        return abs(now[index]) ** 2 / _hann_response(hz * WINDOW / RATE) ** 2

    def _even(self):
        pieces = np.sum(self._heard.reshape(6, BLOCK // 2) ** 2, axis=1)
        return pieces.min() >= EVENNESS * pieces.max()

    def _follow(self, found):
        """Hold the digit until a pause or another digit. True when a digit is new."""
        if self.present:
            self._pause = 0 if self._still_there() else self._pause + 1
            if self._pause >= PAUSE:
                self.present = False
        if found is None or (self.present and found == self._tones):
            return False
        low, high = self._tones = found
        self.digit = CODES[4 * low + high - 4]
        self._level = self._last_power()
        self.present, self._pause = True, 0
        return True

    def _still_there(self):
        return self._last_power() >= RELEASE * self._level

    def _last_power(self):
        """Power of the digit's tones in the last 10 ms."""
        parts = self._short @ self._heard[-BLOCK:]
        return sum(parts[index] ** 2 + parts[index + 8] ** 2 for index in self._tones)


def _hann_response(bins):
    """Loss of a Hann window for a tone `bins` off its centre."""
    return np.sinc(bins) / (1 - bins * bins)
