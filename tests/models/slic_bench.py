"""A Si3210 on a line with a telephone, driven over raw SPI: no driver is involved."""

import numpy as np

from femtohost.clock import MS, Clock
from femtohost.misuse import MisuseLog
from femtohost.models.ear import country_tones
from femtohost.models.line import Line
from femtohost.models.phone import Phone
from femtohost.models.slic import Si3210

# Indirect registers 0..43, usual values; 0x4000 in DACG and ADCG is 0 dB.
INDIRECT = (
    0x55C2, 0x51E6, 0x4B85, 0x4937, 0x3333, 0x0202, 0x0202, 0x0198, 0x0198, 0x0611, 0x0202, 0x00E5, 0x0A1C,
    0x7B30, 0x0063, 0x0000, 0x7870, 0x007D, 0x0000, 0x0000, 0x7EF0, 0x0160, 0x0000, 0x2000, 0x2000, 0x0000,
    0x4000, 0x4000, 0x1000, 0x3600, 0x1000, 0x0200, 0x07C0, 0x2600, 0x1B80, 0x8000, 0x0320, 0x008C, 0x0100, 0x0010,
    0x0C00, 0x0C00, 0x1000, 0x1000,
)  # fmt: skip
OSC1, OSC1X, OSC2, OSC2X, ROFF, RCO, RNGX, DACG, ADCG, LCRT, NCLR = 13, 14, 16, 17, 19, 20, 21, 26, 27, 28, 35


class Bench:
    def __init__(self, country="us", seed=1, path=(0.0,), **line):
        self.clock = Clock()
        self.misuse = MisuseLog(self.clock)
        rng = np.random.default_rng(seed)
        self.phone = Phone(self.clock, country_tones(country))
        self.line = Line(self.phone, rng, path, **line)
        self.interrupts = []
        self.chip = Si3210(self.clock, self.misuse, rng, self.line, lambda: self.interrupts.append(self.clock.now / MS))

    def run(self, ms):
        """Let time pass, PCM apart."""
        end = self.clock.now + round(ms * MS)
        while self.clock.next_time() is not None and self.clock.next_time() <= end:
            self.clock.run_next()
        self.clock.advance(end)

    def until(self, condition, ms):
        """Run event by event until the condition holds; returns the ms it took, None when it does not."""
        start = self.clock.now
        while not condition():
            following = self.clock.next_time()
            if following is None or following - start > ms * MS:
                return None
            self.clock.run_next()
        return (self.clock.now - start) / MS

    def frame(self, command, data):
        answer = bytearray(2)
        self.chip.cs(0)
        self.chip.transfer(bytes((command, data)), answer)
        self.chip.cs(1)
        return answer[1]

    def write(self, address, value):
        self.frame(address, value)

    def read(self, address):
        return self.frame(address | 0x80, 0)

    def write_indirect(self, address, value):
        self.write(28, value & 0xFF)
        self.write(29, value >> 8)
        self.write(30, address)
        self.run(0.0625)

    def read_indirect(self, address):
        self.write(30, address)
        self.run(0.0625)
        return self.read(29) << 8 | self.read(28)

    def initialise(self):
        """Reset released, indirect registers written, battery up; not calibrated."""
        self.chip.reset(1)
        for address, value in enumerate(INDIRECT):
            self.write_indirect(address, value)
        for address, value in ((8, 0), (92, 0xFF), (14, 0), (93, 0x19)):
            self.write(address, value)
        self.run(200)

    def calibrate(self):
        self.write(97, 0x1F)
        self.write(96, 0x5F)
        self.run(360)

    def power_up(self):
        """Forward active, linear PCM, all interrupts pending cleared, LC and RT and tones and DTMF enabled."""
        self.initialise()
        self.calibrate()
        self.write(1, 0x38)
        for address in (18, 19, 20):
            self.write(address, 0xFF)
        for address, value in ((21, 0x3F), (22, 0x03), (23, 0x01), (64, 1)):
            self.write(address, value)
        self.run(10 - self.clock.now / MS % 10)
        return self

    def off_hook(self):
        """Off-hook and detected, its interrupt cleared, at a block boundary."""
        self.phone.off_hook()
        self.run(50 - self.clock.now / MS % 10)
        self.write(19, 0xFF)
        return self

    def blocks(self, rx):
        """Pass whole blocks of `rx` through the PCM bus; returns what was captured."""
        captured = []
        for block in np.asarray(rx, np.int16).reshape(-1, 80):
            self.run(10)
            captured.append(self.chip.pcm_block(block))
        return np.concatenate(captured)

    def said(self):
        """Sections of the misuse so far."""
        return [m.section for m in self.misuse]


def dbm0(x):
    return 10 * np.log10(np.mean(np.asarray(x, float) ** 2) / (32767**2 / 2)) + 3.17


def sine(hz, dbm0_level, seconds):
    n = np.arange(round(seconds * 8000))
    return np.sin(2 * np.pi * hz * n / 8000) * 32767 * 10 ** ((dbm0_level - 3.17) / 20)
