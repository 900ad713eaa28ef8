"""A W25Q128 driven over raw SPI: no driver is involved."""

import random

from femtohost.clock import MS, Clock
from femtohost.misuse import MisuseLog
from femtohost.models.nor import W25Q128
from femtohost.models.nor_silicon import Silicon

SIZE = 1 << 24


class Bench:
    def __init__(self, store=None, seed=1):
        self.clock = Clock()
        self.misuse = MisuseLog(self.clock)
        self.silicon = Silicon(store, random.Random(seed))
        self.chip = W25Q128(self.clock, self.misuse, self.silicon)

    def said(self):
        """What it complained of since the last time, as sections."""
        sections = [misuse.section for misuse in self.misuse]
        self.misuse.clear()
        return sections

    def run(self, ms):
        self.clock.advance(self.clock.now + round(ms * MS))

    def command(self, *octets, read=0, split=False):
        """One frame; returns the octets read after it."""
        sent = bytes(octets) + bytes(read)
        answer = bytearray(len(sent))
        self.chip.cs(0)
        if split:
            for i in range(len(sent)):
                part = bytearray(1)
                self.chip.transfer(sent[i : i + 1], part)
                answer[i] = part[0]
        else:
            self.chip.transfer(sent, answer)
        self.chip.cs(1)
        return bytes(answer[len(octets) :])

    def status(self):
        return b"".join(self.command(command, read=1) for command in (0x05, 0x35, 0x15))

    def busy(self):
        return bool(self.command(0x05, read=1)[0] & 1)

    def read(self, address, n):
        return self.command(0x03, *address.to_bytes(3, "big"), read=n)

    def start_program(self, address, data):
        self.command(0x06)
        self.command(0x02, *address.to_bytes(3, "big"), *data)

    def program(self, address, data):
        self.start_program(address, data)
        self.run(3)

    def start_erase(self, address, command=0x20):
        self.command(0x06)
        self.command(command, *address.to_bytes(3, "big"))

    def erase(self, address, command=0x20):
        self.start_erase(address, command)
        self.run(2000)

    def write_status(self, *values, command=0x01):
        self.command(0x06)
        self.command(command, *values)
        self.run(15)

    def power_cycle(self, outcome=None):
        self.chip.cut(outcome)
        self.chip.power_up()
