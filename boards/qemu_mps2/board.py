"""The Cortex-M3 of QEMU's mps2-an385: the native code on a real core, and no hardware around it.

The line stays down: nothing answers on its SPI bus. The interpreter is that of MicroPython's port qemu with femtojack's
native code and a clock.
"""

from time import sleep_ms, ticks_us

import femtovoice

from common.no_network import none
from common.silent_pcm import SilentPcm


class Nothing:
    """A pin and a bus that are not there: high."""

    def value(self, level=None):
        return 1

    def write_readinto(self, tx, rx):
        for i in range(len(rx)):
            rx[i] = 0xFF


class Board:
    tcp = usb = usb_audio = l1 = nor = blocks = store = None

    def __init__(self, config=None):
        self.config = config or {}
        self.spi_slic = self.cs_slic = self.reset_slic = self.int_slic = Nothing()
        self.voice = femtovoice
        self.udp = none({})
        self.pcm = SilentPcm()

    def trace(self, point, data):
        """Nobody listens."""

    def entropy(self, buf):
        """No source of chance: the clock's low bits, and not for secrets."""
        for i in range(len(buf)):
            buf[i] = (ticks_us() * 167 + i) & 0xFF

    def wait_ms(self, n):
        sleep_ms(n)

    def run(self, app):
        from common.loop import run

        run(app, self.pcm, self.int_slic)
