"""Si3210: the ringing generator and the two tone generators, with their cadence timers.

Source: Si3210/Si3211 datasheet rev 1.61, sections "Tone Generation" and "Ringing Generation". The recursion
x[n] = 2c x[n-1] - x[n-2] is taken in closed form: a sine of frequency acos(c) that begins at phase 0.
"""

from math import acos, pi, sin, sqrt
from typing import NamedTuple

import numpy as np

from femtohost.clock import SECOND

SAMPLE = 125_000  # ns, the grid of all timers and of the audio
BLOCK = 80
FULL_SCALE_VRMS = 1.11  # of OSCnX
RING_VPK = 96.0  # full scale of RNGX and ROFF
TO_TX, TO_RX = 1, 2  # bits of OnSO
HEADROOM = 7.5  # V that the battery must have over the ringing voltage
REFERENCE_VRMS = 0.7746  # 0 dBm in 600 ohm
REFERENCE_RMS = 32767 / sqrt(2) / 10 ** (3.17 / 20)  # int16 rms of 0 dBm0, G.711 mu-law


def _signed(value):
    return value - 0x10000 if value & 0x8000 else value


def _cosine(value):
    """The coefficient c of an oscillator, kept off the ends where it has no frequency."""
    return min(max(_signed(value) / 0x8000, -0.99999), 0.99999)


def _amplitude(c, initial, full_scale):
    """Amplitude that the initial state asks for: initial = sqrt((1-c)/(1+c)) / 4 * full scale * share."""
    return 4 * _signed(initial) / sqrt((1 - c) / (1 + c)) / full_scale


def frequency(coefficient, rate=8000):
    """Hz of a register value OSC1, OSC2 (8 kHz) or RCO (1 kHz)."""
    return acos(_cosine(coefficient)) * rate / (2 * pi)


class Ringing:
    """Ringing voltage and its cadence; the linefeed follows through `Feed.burst`."""

    def __init__(self, chip):
        self._chip = chip
        self._edge = None

    def reset(self):
        self.stop()

    def start(self):
        """Begin with a burst."""
        self.stop()
        self._check()
        self._begin_burst()

    def stop(self):
        if self._edge:
            self._edge.cancel()
        self._edge = None
        self._silence()

    def _check(self):
        chip = self._chip
        if chip.get("TSWS"):
            chip.breach("reg 34 TSWS", "trapezoidal ringing is not modelled")
        if chip.get("O2E"):
            chip.breach("ringing", "tone generator 2 is on while ringing")
        battery, needed = chip.get("VBATH") * 1.5, self._programmed()[0] + abs(self._programmed_offset()) + HEADROOM
        if battery < needed:
            chip.breach("ringing", f"VBATH of {battery:.1f} V is below the {needed:.1f} V that ringing needs")

    def _programmed(self):
        """(peak volts, Hz) of the registers."""
        indirect = self._chip.indirect
        c = _cosine(indirect["RCO"])
        return abs(_amplitude(c, indirect["RNGX"], 0x8000)) * RING_VPK, frequency(indirect["RCO"], 1000)

    def _programmed_offset(self):
        return _signed(self._chip.indirect["ROFF"]) * RING_VPK / 0x8000 if self._chip.get("RVO") else 0.0

    def _begin_burst(self):
        chip = self._chip
        self._began = chip.clock.now
        self.vpk, self.hz = self._programmed()
        self.offset = self._programmed_offset()
        chip.set("RSS", 1)
        chip.set("ROE", 1)
        chip.line.ring(self.vpk, self.hz)
        chip.feed.burst(True)
        if chip.get("RNTAE"):
            self._edge = chip.clock.after(chip.timer("RAT"), self._end_burst)

    def _end_burst(self):
        chip = self._chip
        self._edge = None
        self._silence()
        chip.feed.burst(False)
        if chip.get("RNTIE"):
            self._edge = chip.clock.after(max(chip.timer("RIT"), SAMPLE), self._end_silence)
        chip.interrupt("RGAP")

    def _end_silence(self):
        self._begin_burst()
        self._chip.interrupt("RGIP")

    def _silence(self):
        self.vpk = self.hz = self.offset = 0.0
        self._chip.set("RSS", 0)
        self._chip.set("ROE", 0)
        self._chip.line.ring(0.0, 0.0)

    def volts(self, time):
        """Ringing voltage at `time` ns, offset apart."""
        return self.vpk * sin(2 * pi * self.hz * (time - self._began) / SECOND) if self.vpk else 0.0


class Tone(NamedTuple):
    """A sine that began at sample number `first`; `omega` radians a sample, `peak` in int16 units."""

    first: int
    omega: float
    peak: float


class Oscillator:
    """Tone generator 1 or 2. `log` keeps what it played and where, as (sample number, Tone or None, route)."""

    def __init__(self, chip, number):
        self._chip = chip
        self._n = number
        self._edge = None

    def reset(self):
        self._stop_timer()
        self.log = [(0, None, 0)]

    def _get(self, name):
        """A field of this oscillator: "E" is O1E or O2E."""
        return self._chip.get(f"O{self._n}{name}")

    def control(self, old, new):
        """Software wrote reg 32 or 33."""
        if new & ~old & 4:
            if self._n == 2 and self._chip.get("LF") == 4:
                self._chip.breach("ringing", "tone generator 2 is on while ringing")
            self._begin_tone()
        elif old & ~new & 4:
            self._stop_timer()
            self._play(None)
        elif new & 4:
            self._play(self.log[-1][1])
            if self._edge is None:
                self._start_timer(bool(self._chip.get(f"OSS{self._n}")))

    def _begin_tone(self):
        c = _cosine(self._chip.indirect[f"OSC{self._n}"])
        vrms = _amplitude(c, self._chip.indirect[f"OSC{self._n}X"], 0x7FFF) * FULL_SCALE_VRMS
        peak = sqrt(2) * REFERENCE_RMS * vrms / REFERENCE_VRMS
        self._play(Tone(self._sample(), acos(c), peak))
        self._start_timer(True)

    def _end_tone(self):
        self._edge = None
        self._play(None)
        self._start_timer(False)
        self._chip.interrupt(f"O{self._n}AP")

    def _end_pause(self):
        self._edge = None
        self._begin_tone()
        self._chip.interrupt(f"O{self._n}IP")

    def _start_timer(self, active):
        self._stop_timer()
        if self._get("TAE" if active else "TIE"):
            length = self._chip.timer(f"O{'A' if active else 'I'}T{self._n}")
            self._edge = self._chip.clock.after(max(length, SAMPLE), self._end_tone if active else self._end_pause)

    def _stop_timer(self):
        if self._edge:
            self._edge.cancel()
        self._edge = None

    def _sample(self):
        return -(-self._chip.clock.now // SAMPLE)

    def _play(self, tone):
        self._chip.set(f"OSS{self._n}", int(tone is not None))
        self.log.append((self._sample(), tone, self._get("SO")))

    @property
    def sounds(self):
        """True when the coming block may hold a tone."""
        return len(self.log) > 1 or self.log[0][1] is not None

    def render(self, first, to_tx, to_rx):
        """Add the 80 samples from number `first` to the arrays of the paths that each tone is routed to."""
        log, end = self.log, first + BLOCK
        for i, (start, tone, route) in enumerate(log):
            stop = log[i + 1][0] if i + 1 < len(log) else end
            a, b = max(start, first) - first, min(stop, end) - first
            if tone is None or a >= b:
                continue
            sine = tone.peak * np.sin(tone.omega * np.arange(first + a - tone.first, first + b - tone.first))
            if route & TO_TX:
                to_tx[a:b] += sine
            if route & TO_RX:
                to_rx[a:b] += sine

    def forget(self, end):
        """Drop what ended at or before sample number `end`."""
        while len(self.log) > 1 and self.log[1][0] <= end:
            self.log.pop(0)
