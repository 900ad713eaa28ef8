"""The copper pair between the SLIC and one telephone, and the echo that the hybrid makes of what is sent down it."""

import numpy as np

from femtohost.models.phone import peak

BLOCK = 80
_SILENCE = np.zeros(BLOCK)


class Line:
    """One line. `path` is the impulse response of the echo (8 kHz, gain included).

    phone: femtohost.models.phone.Phone. rng: numpy Generator of the noise. noise_dbm0: level of the white noise that
    comes with the near end, None for none. loop_resistance: ohm of the copper.
    `last_echo` and `last_near` are the two parts, float64[80], of the last block that the SLIC captured, after its
    filter and gains and before its rounding; noise counts as near end. `last_sent` is what went down the line then.
    All three are zeros while the SLIC's voice path is off. `observers` hear of every change of the loop.
    """

    def __init__(self, phone, rng, path=(0.0,), noise_dbm0=None, loop_resistance=200.0):
        self.phone = phone
        self.loop_resistance = loop_resistance
        self.observers = phone.observers
        self.last_echo = self.last_near = self.last_sent = _SILENCE
        self._rng = rng
        self._noise = None if noise_dbm0 is None else peak(noise_dbm0) / np.sqrt(2)
        self._sent = np.zeros(BLOCK)
        self.set_path(path)

    def set_path(self, path):
        """Change the echo path; what was sent before stays sent."""
        taps = np.array(path, float)
        if taps.ndim != 1 or not len(taps):
            raise ValueError("an echo path is a row of at least one tap")
        self._reversed = np.ascontiguousarray(taps[::-1])
        past = np.zeros(len(taps) - 1 + BLOCK)
        known = min(len(past), len(self._sent))
        past[len(past) - known :] = self._sent[len(self._sent) - known :]
        self._sent = past

    @property
    def resistance(self):
        """Ohm that the SLIC sees between tip and ring; None while the loop is open."""
        return self.phone.resistance + self.loop_resistance if self.phone.loop_closed else None

    @property
    def ringer_impedance(self):
        """Ohm of the bell at ringing frequencies, magnitude (one REN is 7 kohm)."""
        return 7000.0 / self.phone.ren + self.loop_resistance

    def ring(self, vpk, hz):
        """The SLIC tells the ringing voltage on the line, a sine; 0, 0 when none."""
        self.phone.ring_voltage(vpk / np.sqrt(2), hz)

    def hybrid(self, rx):
        """Echo, float64[80], of the 80 samples sent."""
        sent = self._sent
        sent[:-BLOCK] = sent[BLOCK:]
        sent[-BLOCK:] = rx
        return np.correlate(sent, self._reversed, "valid")

    def silence(self):
        """A block in which nothing passes."""
        self._sent[:] = 0.0
        self.last_echo = self.last_near = self.last_sent = _SILENCE

    def exchange(self, first, rx):
        """80 samples down the line from sample number `first`: returns (echo, near), float64[80]; near may be None."""
        phone = self.phone
        self.last_sent = rx
        if phone.loop_closed:
            phone.hear(first, rx)
        near = phone.near(first)
        if self._noise is not None:
            noise = self._noise * self._rng.standard_normal(BLOCK)
            near = noise if near is None else near + noise
        return self.hybrid(rx), near
